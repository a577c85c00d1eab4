//! Has workers drop what is surplus on them.

use std::collections::HashMap;

use k8s_openapi::api::coordination::v1::Lease;
use orrery_archive::names::WorkerId;
use orrery_snapshot::lease::READER_LABEL;
use orrery_worker_api::agent::Drop;
use tokio::time::Instant;

use super::apply::Round;
use super::plan::Parties;
use super::surplus::{self, Seen};
use super::tables::Physical;
use crate::agents::AgentError;
use crate::catalog::readers::Readers;

/// Tables that a worker is asked to drop in one call: callers wait five seconds for an answer.
const PER_CALL: usize = 64;

/// What was seen of the workers of one archive so far.
#[derive(Debug, Default)]
pub struct Sweeps {
    readers: Readers,
    workers: HashMap<WorkerId, Seen>,
}

impl Sweeps {
    /// A worker was listed for more chunks: what was surplus on it may not be any more.
    pub fn forget(&mut self, worker: WorkerId) {
        self.workers.remove(&worker);
    }

    /// Looks at the workers that are due. Returns whether one has something that is to go.
    pub async fn sweep(
        &mut self,
        round: &Round<'_>,
        parties: &Parties,
    ) -> Result<bool, kube::Error> {
        let (catalog, now) = (round.catalog, Instant::now());
        // A worker that comes back is looked at again.
        self.workers
            .retain(|worker, _| parties.sources.contains(worker));
        let seen = |worker: &WorkerId| self.workers.get(worker);
        let due: Vec<WorkerId> = parties
            .sources
            .iter()
            .filter(|worker| seen(worker).is_none_or(|seen| seen.is_due(catalog.epochs, now)))
            .copied()
            .collect();
        if !due.is_empty() {
            let leases = round
                .context
                .list::<Lease>(round.namespace, Some(READER_LABEL));
            self.readers.observe(&leases.await?.valid, now);
        }
        for worker in due {
            if let Err(error) = self.clear(round, parties, worker, now).await {
                tracing::debug!(namespace = round.namespace, worker, %error, "what is surplus there is looked at again later");
            }
        }
        Ok(self.workers.values().any(Seen::has_surplus))
    }

    async fn clear(
        &mut self,
        round: &Round<'_>,
        parties: &Parties,
        worker: WorkerId,
        now: Instant,
    ) -> Result<(), AgentError> {
        let catalog = round.catalog;
        let manifest = round.manifest(worker).await?;
        let found = surplus::surplus(catalog, worker, manifest.values(), &parties.targets);
        let oldest = self.readers.oldest_needed(catalog.epochs, now);
        let seen = self.workers.entry(worker).or_default();
        let mut tables: Vec<Physical> = seen.observe(&found, catalog.epochs, oldest, now);
        tables.truncate(PER_CALL);
        if tables.is_empty() {
            return Ok(());
        }
        let request = Drop {
            term: catalog.term,
            placement_epoch: catalog.epochs.placement,
            tables,
            databases: Vec::new(),
        };
        let dropped = round.agent(worker)?.drop(&request).await?;
        tracing::info!(
            namespace = round.namespace,
            worker,
            tables = dropped.gone.len(),
            busy = dropped.busy.len(),
            left = found.len().saturating_sub(dropped.gone.len()),
            "surplus tables were dropped"
        );
        Ok(())
    }
}
