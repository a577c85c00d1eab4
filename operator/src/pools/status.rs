//! Statuses of a pool and its workers, from what is known. Pure.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use orrery_archive::names::WorkerId;
use orrery_crds::kinds::{RepairPolicy, Worker, WorkerPhase, WorkerPoolStatus, WorkerStatus};
use orrery_worker_api::agent::Info;

use super::identity::Trust;
use super::objects::{pool_selector, selector_text};
use super::observe::{Observed, Probe};
use super::plan::{Plan, replicas, storage_waits};
use crate::conditions::{self, ACCEPTED, AVAILABLE, CATALOG_BEHIND, DEGRADED, Finding, PROGRESSING};

/// Condition of a worker: it serves.
const READY: &str = "Ready";
/// Condition of a worker: its data directory is ours.
const ADOPTED: &str = "Adopted";
/// Condition of a pool with more workers than wanted.
const SCALE_DOWN_WAITS: &str = "ScaleDownWaits";
/// Sizes that changed by less than this part are not written again.
const SIZE_STEP: u64 = 20;

/// What is known of one worker.
struct Sight<'a> {
    worker: &'a Worker,
    pod: Option<&'a Pod>,
    zone: Option<String>,
    probe: Option<&'a Probe>,
    failing: Option<Duration>,
    trust: Option<&'a Trust>,
    replicas: u64,
}

/// Status of worker `id`; `None` when there is no such worker.
pub fn worker_status(observed: &Observed, plan: &Plan, id: WorkerId, now: Timestamp) -> Option<WorkerStatus> {
    let pod = observed.pods.get(&id);
    let sight = Sight {
        worker: observed.workers.get(&id)?,
        pod,
        zone: pod
            .and_then(node)
            .and_then(|node| observed.zones.get(node).cloned()),
        probe: observed.probes.get(&id),
        failing: observed.failing.get(&id).copied(),
        trust: plan.trust.get(&id),
        replicas: replicas(&observed.catalog).get(&id).copied().unwrap_or_default(),
    };
    let before = sight.worker.status.clone().unwrap_or_default();
    let mut status = before.clone();
    status.observed_generation = sight.worker.metadata.generation;
    located(&mut status, &sight);
    if let Some(Ok(info)) = sight.probe {
        measured(&mut status, info);
    }
    if let Some(Trust::Known(directory)) = sight.trust {
        status.identity = Some(directory.clone());
    }
    let ready = readiness(&sight);
    status.phase = phase(&sight, ready.holds, before.phase, &observed.pool.spec.repair);
    let generation = status.observed_generation;
    conditions::set(&mut status.conditions, READY, &ready, generation, now);
    if let Some(adopted) = adopted(&sight) {
        conditions::set(&mut status.conditions, ADOPTED, &adopted, generation, now);
    }
    Some(settled(before, status))
}

fn node(pod: &Pod) -> Option<&String> {
    pod.spec.as_ref()?.node_name.as_ref()
}

/// Where its pod is, or was when last seen.
fn located(status: &mut WorkerStatus, sight: &Sight<'_>) {
    let Some(pod) = sight.pod else { return };
    if let Some(address) = pod.status.as_ref().and_then(|status| status.pod_ip.clone()) {
        status.address = Some(address);
    }
    if let Some(node) = node(pod) {
        if status.node.as_ref() != Some(node) {
            status.zone = None;
        }
        status.node = Some(node.clone());
    }
    if sight.zone.is_some() {
        status.zone.clone_from(&sight.zone);
    }
}

fn measured(status: &mut WorkerStatus, info: &Info) {
    status.tables = info.tables;
    status.size_bytes = info.bytes;
    status.size = human(info.bytes);
    status.free_bytes = info.free_bytes;
    status.free = human(info.free_bytes);
    status.epoch = info.catalog.map_or_else(String::new, |epochs| epochs.to_string());
}

fn readiness(sight: &Sight<'_>) -> Finding {
    let Some(pod) = sight.pod else {
        return Finding::no("PodMissing", "there is no pod");
    };
    match (sight.probe, sight.trust) {
        (None, _) => Finding::no("PodNotRunning", pod_state(pod)),
        (Some(Err(error)), _) => Finding::no("AgentSilent", format!("the agent does not answer: {error}")),
        (Some(Ok(info)), _) if info.mysqld.is_none() => Finding::no("MysqldSilent", "mysqld does not answer"),
        (_, Some(Trust::Refused(reason, message))) => Finding::no(reason, message.clone()),
        (_, Some(Trust::Known(_))) => Finding::yes("Serves", ""),
        _ => Finding::no("NotAdopted", "its data directory is being adopted"),
    }
}

/// Why a pod does not run, in the words of the kubelet or the scheduler.
fn pod_state(pod: &Pod) -> String {
    let status = pod.status.clone().unwrap_or_default();
    let waiting = status
        .container_statuses
        .iter()
        .flatten()
        .filter_map(|container| Some((&container.name, container.state.as_ref()?.waiting.as_ref()?)))
        .find_map(|(name, waiting)| Some(format!("container {name}: {}", waiting.reason.as_ref()?)));
    let unscheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
        .and_then(|condition| condition.message.clone());
    let phase = status.phase.unwrap_or_else(|| "unknown".into());
    waiting
        .or(unscheduled)
        .unwrap_or_else(|| format!("the pod is {phase}"))
}

fn adopted(sight: &Sight<'_>) -> Option<Finding> {
    match sight.trust? {
        Trust::Known(directory) => Some(Finding::yes("Adopted", format!("data directory {directory}"))),
        Trust::Fresh => Some(Finding::no("Fresh", "the data directory is being adopted")),
        Trust::Refused(reason, message) => Some(Finding::no(reason, message.clone())),
    }
}

/// Where a worker stands. One that never served is pending until it does; one that did is suspected and then down by the pool's timers.
fn phase(sight: &Sight<'_>, ready: bool, before: WorkerPhase, policy: &RepairPolicy) -> WorkerPhase {
    let offline = sight.worker.spec.offline == Some(true);
    if ready {
        return match (offline, sight.replicas) {
            (false, _) => WorkerPhase::Ready,
            (true, 0) => WorkerPhase::Drained,
            (true, _) => WorkerPhase::Draining,
        };
    }
    if matches!(sight.trust, Some(Trust::Refused(..))) {
        return WorkerPhase::Down;
    }
    if before == WorkerPhase::Pending {
        return WorkerPhase::Pending;
    }
    let failing = sight.failing.unwrap_or_default();
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let pod_ready = sight.pod.is_some_and(pod_ready);
    if failing >= seconds(policy.confirm_after_seconds) && !pod_ready {
        WorkerPhase::Down
    } else if failing >= seconds(policy.suspect_after_seconds) && before != WorkerPhase::Down {
        WorkerPhase::Suspect
    } else {
        before
    }
}

fn pod_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// The new status, with the old sizes where they hardly changed: statuses tell transitions, not every row.
fn settled(before: WorkerStatus, after: WorkerStatus) -> WorkerStatus {
    let near = |old: u64, new: u64| old.abs_diff(new) <= old / SIZE_STEP;
    let quiet = near(before.size_bytes, after.size_bytes)
        && near(before.free_bytes, after.free_bytes)
        && near(before.tables, after.tables);
    let with_old_sizes = WorkerStatus {
        size_bytes: before.size_bytes,
        size: before.size.clone(),
        free_bytes: before.free_bytes,
        free: before.free.clone(),
        tables: before.tables,
        ..after.clone()
    };
    if quiet && with_old_sizes == before {
        before
    } else {
        after
    }
}

/// Bytes for people, for example `1.2 GiB`.
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {unit}")
    }
}

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
    status.chunk_replicas = observed.workers.keys().filter_map(|id| replicas.get(id)).sum();
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
    match scale_down_waits(observed) {
        Some(finding) => conditions::set(
            &mut status.conditions,
            SCALE_DOWN_WAITS,
            &finding,
            generation,
            now,
        ),
        None => conditions::clear(&mut status.conditions, SCALE_DOWN_WAITS),
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
        Some(refusal) => Finding::no(refusal.reason, refusal.message.clone()),
        None => Finding::yes("Accepted", ""),
    }
}

fn available(observed: &Observed, workers: &[WorkerStatus]) -> Finding {
    let (ready, wanted) = (count(workers, serves), observed.pool.spec.workers);
    let message = format!("{ready} of {wanted} workers serve");
    if ready >= wanted {
        Finding::yes("WorkersReady", message)
    } else {
        Finding::no("WorkersNotReady", message)
    }
}

fn progressing(observed: &Observed, plan: &Plan, workers: &[WorkerStatus]) -> Finding {
    let pending = count(workers, |worker| worker.phase == WorkerPhase::Pending);
    if !observed.malformed_workers.is_empty() {
        let names = observed.malformed_workers.join(", ");
        Finding::no(
            "MalformedWorkers",
            format!("no worker is made while these cannot be read: {names}"),
        )
    } else if observed.pool.spec.paused {
        Finding::no("Paused", "spec.paused is true: the operator changes nothing")
    } else if plan.refusal.is_some() {
        Finding::no(
            "NotAccepted",
            "the spec is not accepted: the operator changes nothing",
        )
    } else if plan.new_workers > 0 || !plan.restored.is_empty() || pending > 0 {
        Finding::yes("WorkersStarting", format!("{pending} workers start"))
    } else if storage_waits(observed) {
        Finding::no(
            "StorageOfNewWorkers",
            "spec.storage and spec.storageClass hold for workers made from now on",
        )
    } else if let Some(count) = restart_waits(observed) {
        Finding::no(
            "RestartWaits",
            format!("{count} pods run with an older spec until they are restarted"),
        )
    } else {
        Finding::no("Settled", "")
    }
}

/// How many pods run another revision than their StatefulSet's newest.
fn restart_waits(observed: &Observed) -> Option<usize> {
    let old = observed
        .stateful_sets
        .values()
        .filter_map(|set| set.status.as_ref())
        .filter(
            |status| match (&status.current_revision, &status.update_revision) {
                (Some(current), Some(update)) => current != update,
                _ => false,
            },
        )
        .count();
    (old > 0).then_some(old)
}

fn degraded(workers: &[WorkerStatus]) -> Finding {
    let bad = count(workers, |worker| {
        matches!(worker.phase, WorkerPhase::Suspect | WorkerPhase::Down)
    });
    if bad == 0 {
        Finding::no("AllWell", "")
    } else {
        Finding::yes("WorkersDown", format!("{bad} workers are suspected or down"))
    }
}

/// Workers above the wanted number stay until they hold no chunk any more.
fn scale_down_waits(observed: &Observed) -> Option<Finding> {
    let wanted = usize::try_from(observed.pool.spec.workers).unwrap_or(usize::MAX);
    let surplus = observed
        .workers
        .len()
        .checked_sub(wanted)
        .filter(|surplus| *surplus > 0)?;
    Some(Finding::yes(
        "DrainFirst",
        format!(
            "{surplus} workers more than wanted stay until they are drained: set spec.offline of those that shall go"
        ),
    ))
}
