//! Copies: those that [`crate::repair`] intends are made, workers that are behind catch up, and new
//! workers get the reference tables. What is surplus on a worker goes.
//!
//! Copies are listed and surplus is dropped by this one controller, one after the other, so that
//! nothing is dropped that was counted on a moment before.
//!
//! A copy is published only if its verified set equals the chunk's full set at that moment, re-read
//! under the root's resourceVersion (docs/design/placement.md#copies). [`plan`], [`tables`] and
//! [`surplus`] are pure: what is copied now and from whom, of which tables it consists, and what a
//! worker has in excess; [`apply`] and [`sweep`] ask agents.

mod apply;
mod follow;
pub mod plan;
mod surplus;
mod sweep;
pub mod tables;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use futures::stream::BoxStream;
use kube::Client;
use orrery_archive::names::WorkerId;
use orrery_crds::kinds::{RepairPolicy, Worker, WorkerPhase, WorkerPool};
use orrery_worker_api::agent::ManifestRow;
use tokio::sync::Mutex;

use crate::controller::context::{Context, Scope};
use crate::controller::error::ReconcileError;
use crate::controller::runner::Controller;
use crate::controller::watch;
use crate::fleet::Addresses;
use apply::{Round, TransferError};
use follow::{Followed, Requests};
use plan::{Parties, Throttles, Transfers};
use sweep::Sweeps;
use tables::Physical;

/// Pause after copies were listed, so that others begin, and while copies are under way: their
/// targets answer when one ends.
const SOON: Duration = Duration::from_millis(100);
/// Pause after a copy failed, and while reference tables are copied or surplus is dropped.
const BUSY: Duration = Duration::from_secs(2);
/// Pause when nothing is missing.
const IDLE: Duration = Duration::from_secs(20);

/// The controller; what it remembers between rounds may be lost at any time.
#[derive(Default)]
pub struct Copies {
    /// Reference tables that a worker is known to hold, by namespace and worker.
    references: Mutex<HashMap<(String, WorkerId), HashSet<Physical>>>,
    /// What is remembered of each archive, by namespace.
    archives: Mutex<HashMap<String, Archive>>,
}

#[derive(Default)]
struct Archive {
    /// Transfers under way.
    running: Transfers,
    requests: Requests,
    sweeps: Sweeps,
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
        let pools = context.list::<WorkerPool>(namespace, None).await?.valid;
        let parties = parties(&workers, &pools);
        let mut archives = self.archives.lock().await;
        let Archive {
            running,
            requests,
            sweeps,
        } = archives.entry(namespace.clone()).or_default();
        *running = plan::transfers(&catalog, &parties, running);
        let Followed { done, failed } = requests.follow(&round, running).await;
        // Those that fail come back with the others, as long as there are others.
        let waits = running.len() > failed;
        let mut busy = failed > 0;
        for (pair, rows) in &done {
            let Some(transfer) = running.get(pair) else {
                continue;
            };
            sweeps.forget(pair.0);
            round.publish(pair.0, transfer, rows).await?;
        }
        busy |= self.references(&round, &parties).await;
        let catalog = context.writer.catalog(namespace).await?;
        let newest = Round {
            catalog: &catalog,
            ..round
        };
        busy |= sweeps.sweep(&newest, &parties).await?;
        Ok(match (waits, busy) {
            (true, _) => SOON,
            (false, true) => BUSY,
            (false, false) => IDLE,
        })
    }
}

/// Who gives and takes copies. A worker that is to be drained gives, and takes only what makes its
/// own copies complete when it is wanted again.
fn parties(workers: &[Worker], pools: &[WorkerPool]) -> Parties {
    let policies: HashMap<Option<&str>, &RepairPolicy> = pools
        .iter()
        .map(|pool| (pool.metadata.name.as_deref(), &pool.spec.repair))
        .collect();
    let usual = RepairPolicy::default();
    let mut parties = Parties::default();
    for worker in workers {
        // Workers outlive their pool for a while.
        let policy = policies.get(&Some(worker.spec.pool.as_str()));
        let most = policy.copied().unwrap_or(&usual).copies_per_worker;
        let throttles = Throttles::of(most);
        parties.throttles.insert(worker.spec.id, throttles);
        let phase = worker.status.as_ref().map(|status| status.phase);
        if let Some(WorkerPhase::Ready | WorkerPhase::Draining | WorkerPhase::Drained) = phase {
            parties.sources.insert(worker.spec.id);
            if worker.spec.desired.is_online() {
                parties.targets.insert(worker.spec.id);
            }
        }
    }
    parties
}

impl Copies {
    /// Gives reference tables to serving workers that lack some. Returns whether any does.
    async fn references(&self, round: &Round<'_>, parties: &Parties) -> bool {
        let wanted = tables::reference_tables(round.catalog);
        let mut known = self.references.lock().await;
        // One that was away may come back with another data directory.
        known.retain(|(namespace, worker), _| {
            namespace != round.namespace || parties.targets.contains(worker)
        });
        let mut busy = false;
        for worker in &parties.targets {
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
            for source in parties.sources.iter().filter(|source| *source != worker) {
                match copy_of(round, *worker, *source, &tables).await {
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

/// Starts a copy of reference tables, or waits a little for its end.
async fn copy_of(
    round: &Round<'_>,
    target: WorkerId,
    source: WorkerId,
    tables: &BTreeSet<Physical>,
) -> Result<Option<Vec<ManifestRow>>, TransferError> {
    let held = round.manifest(source).await?;
    let request = round.request((target, source), &held, tables).await?;
    round.transfer(target, &request).await
}
