//! Load → Seal: every agent concerned opens the attempt, then the loader sends the rows.

use orrery_archive::names::WorkerId;
use orrery_crds::kinds::{IngestPhase, IngestStatus};
use orrery_worker_api::client::AgentClient;
use orrery_worker_api::loader::{Load, LoaderStatus, LoaderStep, Surveyed};

use super::{IngestError, Outcome, Step, report, undo};
use crate::ingest::attempt::{self, Plan};

/// Workers that keep the list of files and rejects.
const RECORD_KEEPERS: usize = 3;

pub(super) async fn take(step: &Step<'_>, status: &mut IngestStatus) -> Result<Outcome, IngestError> {
    let Some((loader, now)) = step.surveyed_loader(status).await? else {
        return Ok(Outcome::Waiting);
    };
    if let Some(ended) = report(status, &now) {
        return Ok(ended);
    }
    if let Some(restarted) = undo::when_outdated(step, status, &now).await? {
        return Ok(restarted);
    }
    let Some(plan) = now
        .surveyed
        .as_ref()
        .and_then(|surveyed| plan(step, status, surveyed))
    else {
        return Ok(missing_workers(status));
    };
    let load = load(step, status, &now, &plan);
    // A loader that has loaded an earlier attempt is asked for this one.
    let this_attempt = now.attempt == status.attempt;
    match now.step {
        LoaderStep::Loaded if this_attempt => {
            status.phase = IngestPhase::Seal;
            status.message = lost(&now);
            return Ok(Outcome::Advanced);
        }
        LoaderStep::Loading if this_attempt => {}
        _ => {
            open_all(step, &plan).await;
            loader.load(&load).await?;
        }
    }
    status.message = "rows go to the workers".into();
    Ok(Outcome::Waiting)
}

/// The plan of the status' attempt.
pub(super) fn plan(step: &Step<'_>, status: &IngestStatus, surveyed: &Surveyed) -> Option<Plan> {
    let target = step.target()?;
    attempt::plan(
        &step.catalog,
        &target,
        surveyed,
        Step::numbers(status)?,
        step.addresses,
        step.catalog.term,
    )
}

fn missing_workers(status: &mut IngestStatus) -> Outcome {
    status.message = "waits for workers: a chunk has none yet".into();
    Outcome::Waiting
}

fn lost(now: &LoaderStatus) -> String {
    if now.lost_agents.is_empty() {
        return "staging tables get their final names".into();
    }
    format!(
        "goes on without {}",
        now.lost_agents
            .iter()
            .map(|(agent, why)| format!("{agent} ({why})"))
            .collect::<Vec<_>>()
            .join(", ")
    )
}

fn load(step: &Step<'_>, status: &IngestStatus, now: &LoaderStatus, plan: &Plan) -> Load {
    let urls = |workers: &Vec<WorkerId>| step.addresses.urls(workers);
    Load {
        id: now.id.clone().unwrap_or_default(),
        attempt: status.attempt.unwrap_or_default(),
        index_attempt: status.index_attempt,
        chunks: plan
            .chunks
            .iter()
            .map(|(chunk, workers)| (*chunk, urls(workers)))
            .collect(),
        index_chunks: plan
            .index_chunks
            .iter()
            .map(|(chunk, workers)| (*chunk, urls(workers)))
            .collect(),
        record_keepers: plan
            .opens
            .keys()
            .filter_map(|worker| step.addresses.url(*worker))
            .take(RECORD_KEEPERS)
            .collect(),
    }
}

/// Opens the attempt everywhere, all agents at once. One that does not answer gets no rows and is behind for the segment; the loader
/// hears it from its own calls.
async fn open_all(step: &Step<'_>, plan: &Plan) {
    let open = |worker, agent: AgentClient| async move {
        let mut opened = Ok(());
        for request in plan.opens.get(&worker).into_iter().flatten() {
            opened = opened.and(agent.open(request).await);
        }
        opened
    };
    let workers = plan.opens.keys().copied();
    step.fleet().for_each(workers, "open the attempt", open).await;
}
