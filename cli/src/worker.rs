//! `kubectl orrery worker drain|undrain|replace`: what is wanted of a worker.

use std::time::Duration;

use anyhow::{Context as _, Result};
use kube::Api;
use kube::api::{Patch, PatchParams};
use orrery_crds::kinds::{DesiredState, REPLACE_DIRECTORY, Worker, WorkerPhase};
use serde_json::json;
use tokio::time::Instant;

use crate::archive::Archive;
use crate::output::outln;

/// Pause between looks.
const ROUND: Duration = Duration::from_secs(2);

/// Asks for a worker to be drained, or to be used again. With `wait`, follows it until it is so;
/// false when that took longer.
pub async fn desire(
    archive: &Archive,
    name: &str,
    desired: DesiredState,
    wait: Option<Duration>,
) -> Result<bool> {
    let workers: Api<Worker> = Api::namespaced(archive.client.clone(), &archive.namespace);
    let patch = Patch::Merge(json!({"spec": {"desired": desired}}));
    let asked = workers.patch(name, &parameters(), &patch).await;
    asked.with_context(|| format!("worker {name}"))?;
    outln!("{name}: {desired:?} is wanted")?;
    let Some(wait) = wait else { return Ok(true) };
    let end = Instant::now() + wait;
    let mut shown = None;
    loop {
        let worker = workers.get(name).await;
        let phase = phase(&worker.with_context(|| format!("worker {name}"))?);
        if shown != Some(phase) {
            outln!("{name}: {phase:?}")?;
            shown = Some(phase);
        }
        if is_done(desired, phase) {
            return Ok(true);
        }
        if Instant::now() >= end {
            outln!("{name}: it is not yet so; kubectl orrery status shows what it waits for")?;
            return Ok(false);
        }
        tokio::time::sleep(ROUND).await;
    }
}

/// Gives up the data directory that a worker had: an empty one in its place is used once the
/// worker's chunks are elsewhere.
pub async fn replace(archive: &Archive, name: &str) -> Result<()> {
    let workers: Api<Worker> = Api::namespaced(archive.client.clone(), &archive.namespace);
    let worker = workers.get(name).await;
    let status = worker.with_context(|| format!("worker {name}"))?.status;
    let identity = status.and_then(|status| status.identity);
    let identity = identity.with_context(|| format!("{name} never had a data directory"))?;
    let patch = Patch::Merge(json!({"metadata": {"annotations": {REPLACE_DIRECTORY: identity}}}));
    let asked = workers.patch(name, &parameters(), &patch).await;
    asked.with_context(|| format!("worker {name}"))?;
    outln!(
        "{name}: data directory {identity} is given up; an empty one is used once no chunk is listed on {name}"
    )?;
    Ok(())
}

fn parameters() -> PatchParams {
    PatchParams {
        field_manager: Some("kubectl-orrery".into()),
        ..PatchParams::default()
    }
}

/// A worker without a status has the phase that a status begins with.
fn phase(worker: &Worker) -> WorkerPhase {
    let status = worker.status.as_ref();
    status.map_or(WorkerPhase::Pending, |status| status.phase)
}

fn is_done(desired: DesiredState, phase: WorkerPhase) -> bool {
    match desired {
        DesiredState::Drained => phase == WorkerPhase::Drained,
        DesiredState::Online => phase == WorkerPhase::Ready,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_has_ended_only_when_the_worker_holds_no_chunk() {
        assert!(!is_done(DesiredState::Drained, WorkerPhase::Ready));
        assert!(!is_done(DesiredState::Drained, WorkerPhase::Draining));
        assert!(!is_done(DesiredState::Drained, WorkerPhase::Down));
        assert!(is_done(DesiredState::Drained, WorkerPhase::Drained));
        assert!(!is_done(DesiredState::Online, WorkerPhase::Draining));
        assert!(is_done(DesiredState::Online, WorkerPhase::Ready));
    }
}
