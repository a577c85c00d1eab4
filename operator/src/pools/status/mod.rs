//! What users see of a pool and its workers.

mod pool;
mod worker;

use k8s_openapi::jiff::Timestamp;
use kube::{Resource, ResourceExt};
use orrery_crds::kinds::{Worker, WorkerPhase, WorkerStatus};

use super::observe::Observed;
use super::plan::Plan;
use crate::controller::conflicts::Conflicts;
use crate::controller::context::Context;
use crate::controller::events::Event;
use crate::controller::status;

pub use pool::pool_status;
pub use worker::worker_status;

/// Writes the statuses of the pool and of its workers that differ. That of an object that changed
/// meanwhile is written after the next look.
pub async fn write(
    context: &Context,
    namespace: &str,
    observed: &Observed,
    plan: &Plan,
    conflicts: &mut Conflicts,
) -> Result<(), kube::Error> {
    let mut statuses = Vec::with_capacity(observed.workers.len());
    for (id, worker) in &observed.workers {
        let Some(wanted) = worker_status(observed, plan, *id, Timestamp::now()) else {
            continue;
        };
        let written = status::write(context, namespace, worker, wanted.clone()).await;
        if conflicts.pass(&worker.name_any(), written)? == Some(true) {
            publish_transition(context, namespace, worker, &wanted).await;
        }
        statuses.push(wanted);
    }
    context
        .metrics
        .workers(namespace, &observed.name, &statuses);
    let wanted = pool_status(observed, plan, &statuses, Timestamp::now());
    let written = status::write(context, namespace, &observed.pool, wanted).await;
    conflicts.pass(&observed.name, written)?;
    Ok(())
}

async fn publish_transition(
    context: &Context,
    namespace: &str,
    worker: &Worker,
    status: &WorkerStatus,
) {
    // A worker without a status has the phase that a status begins with.
    let before = worker
        .status
        .as_ref()
        .map_or(WorkerPhase::default(), |status| status.phase);
    if before == status.phase {
        return;
    }
    if status.phase == WorkerPhase::Ready {
        context.arrivals.announce(namespace);
    }
    let ready = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == worker::READY);
    let message = ready.map_or("", |condition| &condition.message);
    let event = Event {
        warning: matches!(status.phase, WorkerPhase::Suspect | WorkerPhase::Down),
        reason: phase_reason(status.phase),
        note: format!("{before:?} → {:?} {message}", status.phase),
    };
    context
        .events
        .publish(&worker.object_ref(&()), None, event)
        .await;
}

fn phase_reason(phase: WorkerPhase) -> &'static str {
    match phase {
        WorkerPhase::Pending => "WorkerPending",
        WorkerPhase::Ready => "WorkerReady",
        WorkerPhase::Suspect => "WorkerSuspect",
        WorkerPhase::Down => "WorkerDown",
        WorkerPhase::Draining => "WorkerDraining",
        WorkerPhase::Drained => "WorkerDrained",
    }
}
