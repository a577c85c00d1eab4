//! What is known of the workers of an archive, and for how long each has been down.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt;
use kube::api::ListParams;
use orrery_archive::catalog::Catalog;
use orrery_archive::names::WorkerId;
use orrery_crds::kinds::{Worker, WorkerPhase, WorkerPool};
use tokio::time::Instant;

use super::site::{MAINTENANCE_UNTIL, NodeState};
use crate::controller::context::Context;
use crate::controller::error::ReconcileError;

/// What is known of an archive.
pub struct Observed {
    /// The catalog.
    pub catalog: Arc<Catalog>,
    /// Pools by name.
    pub pools: BTreeMap<String, WorkerPool>,
    /// Workers.
    pub workers: Vec<Worker>,
    /// Nodes by name; empty when they may not be read.
    pub nodes: BTreeMap<String, NodeState>,
    /// How long workers have been down.
    pub down: BTreeMap<WorkerId, Duration>,
}

/// Observes the archive; `None` while a Worker or pool cannot be read: what it says may matter.
pub async fn observe(
    context: &Context,
    namespace: &str,
    downtimes: &mut Downtimes,
) -> Result<Option<Observed>, ReconcileError> {
    let (pools, workers) = tokio::try_join!(
        context.list::<WorkerPool>(namespace, None),
        context.list::<Worker>(namespace, None),
    )?;
    if !pools.malformed.is_empty() || !workers.malformed.is_empty() {
        return Ok(None);
    }
    let down = downtimes.observe(&workers.valid, Instant::now());
    Ok(Some(Observed {
        catalog: context.writer.catalog(namespace).await?,
        pools: pools
            .valid
            .into_iter()
            .map(|pool| (pool.name_any(), pool))
            .collect(),
        workers: workers.valid,
        nodes: nodes(context).await?,
        down,
    }))
}

/// Nodes, which an administrator may forbid to read: then none is known to be cordoned.
async fn nodes(context: &Context) -> Result<BTreeMap<String, NodeState>, kube::Error> {
    match context
        .cluster_api::<Node>()
        .list(&ListParams::default())
        .await
    {
        Ok(nodes) => Ok(nodes.items.iter().map(state).collect()),
        Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

fn state(node: &Node) -> (String, NodeState) {
    let state = NodeState {
        cordoned: node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true),
        maintenance_until: node.annotations().get(MAINTENANCE_UNTIL).cloned(),
    };
    (node.name_any(), state)
}

/// Since when workers are down, by this process's own clock: another leader counts from when it
/// began to lead, so a repair comes late rather than early.
#[derive(Debug, Default)]
pub struct Downtimes {
    since: HashMap<WorkerId, Instant>,
}

impl Downtimes {
    /// Takes the present phases in.
    pub fn observe(&mut self, workers: &[Worker], now: Instant) -> BTreeMap<WorkerId, Duration> {
        let is_down = |worker: &&Worker| {
            worker
                .status
                .as_ref()
                .is_some_and(|status| status.phase == WorkerPhase::Down)
        };
        let down: BTreeSet<WorkerId> = workers
            .iter()
            .filter(is_down)
            .map(|worker| worker.spec.id)
            .collect();
        self.since.retain(|worker, _| down.contains(worker));
        down.into_iter()
            .map(|worker| {
                let since = self.since.entry(worker).or_insert(now);
                (worker, now.duration_since(*since))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::testing::worker;

    #[test]
    fn time_counts_from_when_a_worker_was_first_seen_down_and_anew_when_it_was_back() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut downtimes = Downtimes::default();
        let down = [worker(1, "Down"), worker(2, "Ready")];
        assert_eq!(
            downtimes.observe(&down, start),
            [(1, Duration::ZERO)].into()
        );
        let later = downtimes.observe(&down, start + 5 * second);
        assert_eq!(later, [(1, 5 * second)].into());
        let back = [worker(1, "Suspect"), worker(2, "Down")];
        let turned = downtimes.observe(&back, start + 6 * second);
        assert_eq!(turned, [(2, Duration::ZERO)].into());
        let again = downtimes.observe(&down, start + 7 * second);
        assert_eq!(again, [(1, Duration::ZERO)].into());
    }
}
