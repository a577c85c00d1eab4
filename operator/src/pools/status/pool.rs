//! The status of a pool, from what is known. Pure.

use k8s_openapi::jiff::Timestamp;
use orrery_crds::kinds::{WorkerPhase, WorkerPoolStatus, WorkerStatus};

use super::worker::READY;
use crate::controller::conditions::{
    self, ACCEPTED, AVAILABLE, CATALOG_BEHIND, DEGRADED, Finding, PROGRESSING,
};
use crate::placement::replicas;
use crate::pools::objects::{pool_selector, selector_text};
use crate::pools::observe::Observed;
use crate::pools::plan::{Plan, class_waits};
use crate::pools::volumes;
use crate::quantity::human;

/// Condition of a pool with more workers than wanted.
const SCALE_DOWN_WAITS: &str = "ScaleDownWaits";
/// Condition of a pool none of whose workers may be evicted.
const DISRUPTIONS_WAIT: &str = "DisruptionsWait";
/// Condition of a pool whose volumes are not of the size that its spec says, and stay so.
const VOLUMES_WAIT: &str = "VolumesWait";

/// Status of the pool, given the workers' new ones.
pub fn pool_status(
    observed: &Observed,
    plan: &Plan,
    workers: &[WorkerStatus],
    now: Timestamp,
) -> WorkerPoolStatus {
    let generation = observed.pool.metadata.generation;
    let replicas = replicas(&observed.catalog);
    let mut status = observed.pool.status.clone().unwrap_or_default();
    status.observed_generation = generation;
    status.workers = count(workers, |_| true);
    status.ready_workers = count(workers, serves);
    status.chunk_replicas = observed
        .workers
        .keys()
        .filter_map(|id| replicas.get(id))
        .sum();
    status.size = human(workers.iter().map(|worker| worker.size_bytes).sum());
    status.selector = selector_text(&pool_selector(&observed.name));
    for (kind, finding) in [
        (ACCEPTED, accepted(plan)),
        (AVAILABLE, available(observed, workers)),
        (PROGRESSING, progressing(observed, plan, workers)),
        (DEGRADED, degraded(workers)),
    ] {
        conditions::set(&mut status.conditions, kind, &finding, generation, now);
    }
    // There is a catalog, or this would not run.
    conditions::clear(&mut status.conditions, CATALOG_BEHIND);
    let held = plan.disruptions.held.as_ref();
    let held = held.map(|why| Finding::met("FewCopies", why.clone()));
    let volumes = volumes::waits(observed, &plan.volumes);
    for (kind, finding) in [
        (SCALE_DOWN_WAITS, &plan.scale_down.finding),
        (DISRUPTIONS_WAIT, &held),
        (VOLUMES_WAIT, &volumes),
    ] {
        match finding {
            Some(finding) => {
                conditions::set(&mut status.conditions, kind, finding, generation, now);
            }
            None => conditions::clear(&mut status.conditions, kind),
        }
    }
    status
}

fn count(workers: &[WorkerStatus], counts: impl Fn(&WorkerStatus) -> bool) -> u32 {
    u32::try_from(workers.iter().filter(|worker| counts(worker)).count()).unwrap_or(u32::MAX)
}

fn serves(worker: &WorkerStatus) -> bool {
    conditions::holds(&worker.conditions, READY)
}

fn accepted(plan: &Plan) -> Finding {
    match &plan.refusal {
        Some(refusal) => Finding::unmet(refusal.reason, refusal.message.clone()),
        None => Finding::met("Accepted", ""),
    }
}

fn available(observed: &Observed, workers: &[WorkerStatus]) -> Finding {
    let (ready, wanted) = (count(workers, serves), observed.pool.spec.workers);
    let message = format!("{ready} of {wanted} workers serve");
    if ready >= wanted {
        Finding::met("WorkersReady", message)
    } else {
        Finding::unmet("WorkersNotReady", message)
    }
}

fn progressing(observed: &Observed, plan: &Plan, workers: &[WorkerStatus]) -> Finding {
    let pending = count(workers, |worker| worker.phase == WorkerPhase::Pending);
    if !observed.malformed_workers.is_empty() {
        let names = observed.malformed_workers.join(", ");
        Finding::unmet(
            "MalformedWorkers",
            format!("no worker is made while these cannot be read: {names}"),
        )
    } else if observed.pool.spec.paused {
        Finding::unmet(
            "Paused",
            "spec.paused is true: the operator changes nothing",
        )
    } else if plan.refusal.is_some() {
        Finding::unmet(
            "NotAccepted",
            "the spec is not accepted: the operator changes nothing",
        )
    } else if plan.new_workers > 0 || !plan.restored.is_empty() || pending > 0 {
        Finding::met("WorkersStarting", format!("{pending} workers start"))
    } else if let Some(growing) = volumes_grow(observed, plan) {
        growing
    } else if class_waits(observed) {
        Finding::unmet(
            "StorageOfNewWorkers",
            "spec.storageClass holds for workers made from now on",
        )
    } else if let Some(why) = &plan.roll.waits {
        let count = plan.roll.pending.len();
        Finding::unmet(
            "RestartWaits",
            format!("{count} pods are to be restarted: {why}"),
        )
    } else if !plan.roll.pending.is_empty() {
        let count = plan.roll.pending.len();
        Finding::met(
            "Restarting",
            format!("{count} pods are restarted, one after the other"),
        )
    } else {
        Finding::unmet("Settled", "")
    }
}

fn volumes_grow(observed: &Observed, plan: &Plan) -> Option<Finding> {
    let volumes = &plan.volumes;
    let asked = volumes.smaller.len() - volumes.refused.len();
    let count = asked + volumes.growing.len();
    let storage = &observed.pool.spec.storage;
    (count > 0).then(|| Finding::met("VolumesGrow", format!("{count} volumes grow to {storage}")))
}

fn degraded(workers: &[WorkerStatus]) -> Finding {
    let bad = count(workers, |worker| {
        matches!(worker.phase, WorkerPhase::Suspect | WorkerPhase::Down)
    });
    if bad == 0 {
        Finding::unmet("AllWell", "")
    } else {
        Finding::met(
            "WorkersDown",
            format!("{bad} workers are suspected or down"),
        )
    }
}
