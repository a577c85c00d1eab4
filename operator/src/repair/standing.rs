//! How a worker stands, as far as its chunks are concerned, and when a pool is not repaired. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use orrery_crds::kinds::{DesiredState, RepairPolicy, Worker, WorkerPhase};

use super::observe::Observed;
use super::site::{MAINTENANCE_UNTIL, NodeState, Site, Standing};
use crate::placement::{self, replicas};

/// Judges a worker that has been down for `down`. An annotation that is no time counts as one that
/// has not come: repair must not begin because of a slip of the pen.
pub fn judge(
    worker: &Worker,
    node: &NodeState,
    down: Option<Duration>,
    policy: &RepairPolicy,
    now: Timestamp,
) -> Standing {
    let Some(status) = &worker.status else {
        return Standing::Away;
    };
    match status.phase {
        WorkerPhase::Ready if worker.spec.desired == DesiredState::Online => Standing::Serving,
        WorkerPhase::Ready | WorkerPhase::Draining | WorkerPhase::Drained => Standing::Leaving,
        WorkerPhase::Pending | WorkerPhase::Suspect => Standing::Away,
        WorkerPhase::Down if in_maintenance(worker, node, now) => Standing::Away,
        WorkerPhase::Down => {
            let down = down.unwrap_or(Duration::ZERO);
            let seconds = |seconds: u32| Duration::from_secs(seconds.into());
            match node.cordoned {
                true if down >= seconds(policy.maintenance_after_seconds) => Standing::Lost,
                true => Standing::Away,
                false if down >= seconds(policy.repair_after_seconds) => Standing::Lost,
                false => Standing::Down,
            }
        }
    }
}

fn in_maintenance(worker: &Worker, node: &NodeState, now: Timestamp) -> bool {
    let own = worker
        .metadata
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(MAINTENANCE_UNTIL));
    let until = [own, node.maintenance_until.as_ref()];
    until
        .into_iter()
        .flatten()
        .any(|until| until.parse::<Timestamp>().map_or(true, |until| now < until))
}

/// Whether so many of a pool's workers are gone at once that the cause is hardly theirs: a network,
/// a room, this operator's own node. One worker is never too many.
pub fn is_storm(gone: usize, workers: usize, policy: &RepairPolicy) -> bool {
    gone > 1 && gone * 100 > workers * policy.storm_guard_percent as usize
}

/// The workers of an archive as judged.
#[derive(Debug, Default)]
pub struct Judged {
    /// Every worker.
    pub sites: Vec<Site>,
    /// Pools in which no new copy is begun, and why.
    pub holds: BTreeMap<String, Hold>,
}

impl Judged {
    /// Names of the pools in which no new copy is begun.
    pub fn held(&self) -> BTreeSet<String> {
        self.holds.keys().cloned().collect()
    }
}

/// Why no new copy is begun in a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// `spec.paused`.
    Paused,
    /// So many of the workers that hold chunks are gone at once.
    Storm {
        /// Workers that are down and hold chunks.
        gone: usize,
        /// Workers that hold chunks.
        workers: usize,
    },
}

/// Judges every worker and pool. A worker without its pool keeps its chunks.
pub fn judge_all(observed: &Observed, now: Timestamp) -> Judged {
    let mut judged = Judged::default();
    let unknown = NodeState::default();
    for worker in &observed.workers {
        let place = placement::place(worker);
        let pool = observed.pools.get(&worker.spec.pool);
        let standing = pool.map_or(Standing::Away, |pool| {
            let node = observed.nodes.get(&place.node).unwrap_or(&unknown);
            let down = observed.down.get(&worker.spec.id).copied();
            judge(worker, node, down, &pool.spec.repair, now)
        });
        judged.sites.push(Site { place, standing });
    }
    let holding = replicas(&observed.catalog);
    for (name, pool) in &observed.pools {
        let own = judged
            .sites
            .iter()
            .filter(|site| site.place.pool == *name && holding.contains_key(&site.place.worker));
        let standings: Vec<Standing> = own.map(|site| site.standing).collect();
        let is_gone = |standing: &&Standing| matches!(standing, Standing::Down | Standing::Lost);
        let gone = standings.iter().filter(is_gone).count();
        let workers = standings.len();
        if pool.spec.paused {
            judged.holds.insert(name.clone(), Hold::Paused);
        } else if is_storm(gone, workers, &pool.spec.repair) {
            judged
                .holds
                .insert(name.clone(), Hold::Storm { gone, workers });
        }
    }
    judged
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn worker(phase: &str, desired: &str) -> Worker {
        serde_json::from_value(json!({
            "apiVersion": "orrery.dev/v1alpha1", "kind": "Worker", "metadata": {"name": "main-w1"},
            "spec": {"id": 1, "pool": "main", "desired": desired}, "status": {"phase": phase},
        }))
        .unwrap()
    }

    /// How a worker stands that has been down for so many seconds.
    fn judged(worker: &Worker, node: &NodeState, down: Option<u64>) -> Standing {
        let down = down.map(Duration::from_secs);
        let now: Timestamp = "2026-05-01T12:00:00Z".parse().unwrap();
        judge(worker, node, down, &RepairPolicy::default(), now)
    }

    #[test]
    fn a_worker_is_given_up_only_after_repair_after() {
        let node = NodeState::default();
        let down = worker("Down", "Online");
        let policy = RepairPolicy::default();
        let after = u64::from(policy.repair_after_seconds);
        assert_eq!(judged(&down, &node, None), Standing::Down);
        assert_eq!(judged(&down, &node, Some(after - 1)), Standing::Down);
        assert_eq!(judged(&down, &node, Some(after)), Standing::Lost);
        for (phase, desired, standing) in [
            ("Ready", "Online", Standing::Serving),
            ("Ready", "Drained", Standing::Leaving),
            ("Draining", "Drained", Standing::Leaving),
            ("Drained", "Online", Standing::Leaving),
            ("Suspect", "Online", Standing::Away),
            ("Pending", "Online", Standing::Away),
        ] {
            let found = judged(&worker(phase, desired), &node, Some(9999));
            assert_eq!(found, standing, "{phase} {desired}");
        }
    }

    #[test]
    fn maintenance_is_waited_for() {
        let down = worker("Down", "Online");
        let cordoned = NodeState {
            cordoned: true,
            maintenance_until: None,
        };
        let after = u64::from(RepairPolicy::default().maintenance_after_seconds);
        assert_eq!(judged(&down, &cordoned, Some(after - 1)), Standing::Away);
        assert_eq!(judged(&down, &cordoned, Some(after)), Standing::Lost);
        for (until, standing) in [
            ("2026-05-01T12:00:01Z", Standing::Away),
            ("2026-05-01T12:00:00Z", Standing::Lost),
            ("tomorrow", Standing::Away),
        ] {
            let node = NodeState {
                cordoned: false,
                maintenance_until: Some(until.into()),
            };
            assert_eq!(judged(&down, &node, Some(9999)), standing, "{until}");
            let mut own = down.clone();
            let annotations = own.metadata.annotations.get_or_insert_default();
            annotations.insert(MAINTENANCE_UNTIL.into(), until.into());
            let found = judged(&own, &NodeState::default(), Some(9999));
            assert_eq!(found, standing, "{until} on the Worker");
        }
    }

    #[test]
    fn one_worker_is_never_too_many_and_a_share_of_them_is() {
        let policy = RepairPolicy::default();
        for (gone, workers, storm) in [
            (0, 0, false),
            (1, 1, false),
            (1, 3, false),
            (2, 8, false),
            (2, 7, true),
            (300, 300, true),
        ] {
            assert_eq!(
                is_storm(gone, workers, &policy),
                storm,
                "{gone} of {workers}"
            );
        }
    }
}
