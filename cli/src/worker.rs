//! `kubectl orrery worker drain|undrain|replace|restart`: what is wanted of a worker.

use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams};
use orrery_crds::kinds::{DesiredState, REPLACE_DIRECTORY, RESTART_POD, Worker, WorkerPhase};
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

/// Asks for a worker's pod to be restarted. With `wait`, follows it until there is another pod and
/// the worker serves; false when that took longer.
pub async fn restart(archive: &Archive, name: &str, wait: Option<Duration>) -> Result<bool> {
    let workers: Api<Worker> = Api::namespaced(archive.client.clone(), &archive.namespace);
    let pods: Api<Pod> = Api::namespaced(archive.client.clone(), &archive.namespace);
    let pod = format!("{name}-0");
    let found = async || {
        let found = pods.get_opt(&pod).await;
        found.with_context(|| format!("pod {pod}"))
    };
    let before = found().await?.and_then(|pod| pod.metadata.uid);
    let before = before.with_context(|| format!("there is no pod {pod}"))?;
    let patch = Patch::Merge(json!({"metadata": {"annotations": {RESTART_POD: before}}}));
    let asked = workers.patch(name, &parameters(), &patch).await;
    asked.with_context(|| format!("worker {name}"))?;
    outln!("{name}: its pod is restarted as soon as every chunk has other copies that serve")?;
    let Some(wait) = wait else { return Ok(true) };
    let end = Instant::now() + wait;
    loop {
        let pod = found().await?;
        if pod.is_some_and(|pod| pod.metadata.uid.as_ref() != Some(&before) && is_ready(&pod)) {
            outln!("{name}: it was restarted and serves")?;
            return Ok(true);
        }
        if Instant::now() >= end {
            outln!(
                "{name}: it is not yet so; kubectl describe workerpool shows what it waits for"
            )?;
            return Ok(false);
        }
        tokio::time::sleep(ROUND).await;
    }
}

fn is_ready(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let mut ready = conditions.into_iter().flatten();
    ready.any(|condition| condition.type_ == "Ready" && condition.status == "True")
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
