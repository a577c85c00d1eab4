//! Copies: chunks with too few replicas get late ones, workers that are behind catch up, and new
//! workers get the reference tables.
//!
//! A copy is published only if its verified set equals the chunk's full set at that moment, re-read
//! under the root's resourceVersion (docs/design/placement.md#copies). [`plan`] is pure: what each
//! worker should hold, what it lacks, and where to get it; [`apply`] asks agents.

mod apply;
pub mod plan;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use futures::stream::BoxStream;
use kube::Client;
use orrery_archive::names::WorkerId;
use orrery_crds::kinds::Worker;
use tokio::sync::Mutex;

use crate::controller::context::{Context, Scope};
use crate::controller::error::ReconcileError;
use crate::controller::runner::Controller;
use crate::controller::watch;
use crate::fleet::Addresses;
use crate::placement::places;
use apply::Round;
use plan::{Physical, Transfer};

/// Chunks under way at a time, over the whole archive: bounds the load that copies put on workers.
const MOST_CHUNKS: usize = 64;
/// Pause while copies are under way.
const BUSY: Duration = Duration::from_secs(2);
/// Pause when nothing is missing.
const IDLE: Duration = Duration::from_secs(20);

/// The controller; what it remembers between rounds may be lost at any time.
#[derive(Default)]
pub struct Copies {
    /// Reference tables that a worker is known to hold, by namespace and worker.
    references: Mutex<HashMap<(String, WorkerId), HashSet<Physical>>>,
}

impl Controller for Copies {
    type Key = String;
    type Failure = ReconcileError;
    const NAME: &'static str = "copies";

    fn watches(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
        watch::roots(client, scope)
    }

    async fn reconcile(
        &self,
        context: &Context,
        namespace: &String,
    ) -> Result<Duration, ReconcileError> {
        let catalog = context.writer.catalog(namespace).await?;
        let workers = context.list::<Worker>(namespace, None).await?.valid;
        let round = Round {
            context,
            namespace,
            catalog: &catalog,
            addresses: Addresses::of(&workers),
        };
        let places = places(&workers);
        let transfers = plan::transfers(&catalog, &places, MOST_CHUNKS);
        let mut busy = !transfers.is_empty();
        for ((target, source), transfer) in &transfers {
            match round.transfer(*target, *source, transfer).await {
                Ok(Some(done)) => round.publish(*target, transfer, &done).await?,
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(namespace, target, source, %error, "a copy failed and is tried again");
                }
            }
        }
        let serving: Vec<WorkerId> = places
            .iter()
            .filter(|place| place.open)
            .map(|place| place.worker)
            .collect();
        busy |= self.references(&round, &serving).await;
        Ok(if busy { BUSY } else { IDLE })
    }
}

impl Copies {
    /// Gives reference tables to serving workers that lack some. Returns whether any does.
    async fn references(&self, round: &Round<'_>, serving: &[WorkerId]) -> bool {
        let wanted = plan::reference_tables(round.catalog);
        let mut known = self.references.lock().await;
        let mut busy = false;
        for worker in serving {
            let held = known
                .entry((round.namespace.to_owned(), *worker))
                .or_default();
            if wanted.iter().all(|table| held.contains(table)) {
                continue;
            }
            let Ok(manifest) = round.manifest(*worker).await else {
                continue;
            };
            held.extend(manifest.into_keys());
            let tables: BTreeSet<Physical> = wanted
                .iter()
                .filter(|table| !held.contains(*table))
                .cloned()
                .collect();
            if tables.is_empty() {
                continue;
            }
            busy = true;
            let transfer = Transfer {
                chunks: BTreeSet::new(),
                tables,
            };
            for source in serving.iter().filter(|source| *source != worker) {
                match round.transfer(*worker, *source, &transfer).await {
                    Ok(Some(done)) => {
                        round.tell_published(*worker, &done).await;
                        break;
                    }
                    Ok(None) => break,
                    Err(error) => {
                        tracing::debug!(worker, source, %error, "reference tables not copied from there");
                    }
                }
            }
        }
        busy
    }
}
