//! The status of one worker, from what is known. Pure.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use orrery_archive::names::WorkerId;
use orrery_crds::kinds::{RepairPolicy, Worker, WorkerPhase, WorkerStatus};
use orrery_worker_api::agent::Info;

use crate::controller::conditions::{self, Finding};
use crate::placement::replicas;
use crate::pools::identity::Trust;
use crate::pools::observe::{Observed, Probe};
use crate::pools::plan::Plan;
use crate::pools::sight::pod_ready;
use crate::quantity::human;

/// Condition of a worker: it serves.
pub const READY: &str = "Ready";
/// Condition of a worker: its data directory is ours.
const ADOPTED: &str = "Adopted";
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
    leaves: bool,
}

/// Status of worker `id`; `None` when there is no such worker.
pub fn worker_status(
    observed: &Observed,
    plan: &Plan,
    id: WorkerId,
    now: Timestamp,
) -> Option<WorkerStatus> {
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
        replicas: replicas(&observed.catalog).get(&id).copied().unwrap_or(0),
        leaves: plan.scale_down.leaving.contains(&id),
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
    status.phase = phase(
        &sight,
        ready.holds(),
        before.phase,
        &observed.pool.spec.repair,
    );
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
    // What is not known now stays as it was known last.
    if let Some(held) = info.held {
        status.tables = held.tables;
        status.size_bytes = held.bytes;
        status.size = human(held.bytes);
    }
    status.free_bytes = info.free_bytes;
    status.free = human(info.free_bytes);
    status.epoch = info
        .catalog
        .map_or_else(String::new, |epochs| epochs.to_string());
}

fn readiness(sight: &Sight<'_>) -> Finding {
    let Some(pod) = sight.pod else {
        return Finding::unmet("PodMissing", "there is no pod");
    };
    match (sight.probe, sight.trust) {
        (None, _) => Finding::unmet("PodNotRunning", pod_state(pod)),
        (Some(Err(error)), _) => {
            Finding::unmet("AgentSilent", format!("the agent does not answer: {error}"))
        }
        (Some(Ok(info)), _) if info.mysqld.is_none() => {
            Finding::unmet("MysqldSilent", "mysqld does not answer")
        }
        (_, Some(Trust::Refused(reason, message))) => Finding::unmet(reason, message.clone()),
        (_, Some(Trust::Known(_))) => Finding::met("Serves", ""),
        _ => Finding::unmet("NotAdopted", "its data directory is being adopted"),
    }
}

/// Why a pod does not run, in the words of the kubelet or the scheduler.
fn pod_state(pod: &Pod) -> String {
    let Some(status) = &pod.status else {
        return "the pod has no status yet".into();
    };
    let waiting = status
        .container_statuses
        .iter()
        .flatten()
        .filter_map(|container| {
            Some((&container.name, container.state.as_ref()?.waiting.as_ref()?))
        })
        .find_map(|(name, waiting)| {
            Some(format!("container {name}: {}", waiting.reason.as_ref()?))
        });
    let unscheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
        .and_then(|condition| condition.message.clone());
    let phase = status.phase.as_deref().unwrap_or("unknown");
    waiting
        .or(unscheduled)
        .unwrap_or_else(|| format!("the pod is {phase}"))
}

fn adopted(sight: &Sight<'_>) -> Option<Finding> {
    match sight.trust? {
        Trust::Known(directory) => Some(Finding::met(
            "Adopted",
            format!("data directory {directory}"),
        )),
        Trust::Fresh => Some(Finding::unmet(
            "Fresh",
            "the data directory is being adopted",
        )),
        Trust::Refused(reason, message) => Some(Finding::unmet(reason, message.clone())),
    }
}

/// Where a worker stands. One that never served is pending until it does; one that did is suspected
/// and then down by the pool's timers.
fn phase(
    sight: &Sight<'_>,
    ready: bool,
    before: WorkerPhase,
    policy: &RepairPolicy,
) -> WorkerPhase {
    if ready {
        let stays = sight.worker.spec.desired.is_online() && !sight.leaves;
        return match (stays, sight.replicas) {
            (true, _) => WorkerPhase::Ready,
            (false, 0) => WorkerPhase::Drained,
            (false, _) => WorkerPhase::Draining,
        };
    }
    if matches!(sight.trust, Some(Trust::Refused(..))) {
        return WorkerPhase::Down;
    }
    if before == WorkerPhase::Pending {
        return WorkerPhase::Pending;
    }
    let failing = sight.failing.unwrap_or(Duration::ZERO);
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

/// The new status, with the old sizes where they hardly changed: statuses report transitions, not
/// every row.
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
