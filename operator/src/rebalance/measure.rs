//! The real sizes of chunks: what the manifests of workers say that their tables take.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use orrery_archive::catalog::{Catalog, Claims, HeldTable};
use orrery_archive::names::{ChunkId, WorkerId};
use orrery_worker_api::agent::ManifestRow;
use tokio::time::Instant;

use super::observe::Observed;
use crate::controller::context::Context;
use crate::fleet::{Addresses, Fleet};

/// Manifests are read again after this time at the earliest, also when rows came meanwhile.
const AGAIN: Duration = Duration::from_secs(300);

/// Bytes of one copy of each chunk, by family.
pub type ChunkBytes = HashMap<(String, ChunkId), u64>;

/// What was read of one archive's pools last.
#[derive(Default)]
pub struct Measured {
    pools: HashMap<String, Reading>,
}

struct Reading {
    at: Instant,
    data_epoch: u64,
    bytes: ChunkBytes,
}

impl Measured {
    /// Bytes of the chunks of a pool's families. A chunk that no worker spoke of is not in it.
    pub async fn sizes(
        &mut self,
        context: &Context,
        namespace: &str,
        observed: &Observed,
        pool: &str,
    ) -> ChunkBytes {
        let (now, data_epoch) = (Instant::now(), observed.catalog.epochs.data);
        let fresh = |reading: &&Reading| {
            reading.data_epoch == data_epoch || now.duration_since(reading.at) < AGAIN
        };
        if let Some(reading) = self.pools.get(pool).filter(fresh) {
            return reading.bytes.clone();
        }
        let bytes = read(context, namespace, observed, pool).await;
        let reading = Reading {
            at: now,
            data_epoch,
            bytes: bytes.clone(),
        };
        self.pools.insert(pool.to_owned(), reading);
        bytes
    }
}

async fn read(context: &Context, namespace: &str, observed: &Observed, pool: &str) -> ChunkBytes {
    let addresses = Addresses::of(&observed.workers);
    let fleet = Fleet {
        agents: &context.agents,
        namespace,
        addresses: &addresses,
    };
    let mut bytes = ChunkBytes::new();
    for worker in &observed.workers {
        if worker.spec.pool != pool {
            continue;
        }
        match fleet.manifest(worker.spec.id).await {
            Ok(rows) => {
                for (chunk, sum) in sum(&observed.catalog, worker.spec.id, &rows) {
                    // Copies differ by what each server has not given back; the largest counts.
                    let known = bytes.entry(chunk).or_default();
                    *known = sum.max(*known);
                }
            }
            Err(error) => {
                tracing::debug!(namespace, worker = worker.spec.id, %error, "sizes are not known from there");
            }
        }
    }
    bytes
}

/// Bytes by family and chunk of the tables that the catalog gives to a worker.
pub fn sum(
    catalog: &Catalog,
    worker: WorkerId,
    rows: &[ManifestRow],
) -> BTreeMap<(String, ChunkId), u64> {
    let claims = Claims::of(catalog);
    let mut sums = BTreeMap::new();
    for row in rows {
        let held = HeldTable {
            database: &row.database,
            attempt: row.attempt,
            chunk: row.chunk,
        };
        if let Some(family) = claims.family(worker, held) {
            *sums.entry((family.to_owned(), row.chunk)).or_default() += row.bytes;
        }
    }
    sums
}
