//! Giving an attempt up: its tables go from the agents, and the ingest goes back to an earlier phase.

use kube::ResourceExt;
use orrery_archive::catalog::Catalog;
use orrery_crds::kinds::{IngestPhase, IngestStatus};
use orrery_worker_api::client::AgentClient;
use orrery_worker_api::loader::LoaderStatus;

use super::{IngestError, Outcome, Step, publish};

/// Gives the attempt up when the loader's survey is not the one it began with, as after the loss of a spool while the director's index
/// changed: rows of both would be mixed.
pub(super) async fn when_outdated(
    step: &Step<'_>,
    status: &mut IngestStatus,
    now: &LoaderStatus,
) -> Result<Option<Outcome>, IngestError> {
    if Step::surveyed_basis(now) == status.basis.as_deref() {
        return Ok(None);
    }
    outdated(step, status).await.map(Some)
}

/// Gives the attempt up because what its survey relied on has changed.
pub(super) async fn outdated(step: &Step<'_>, status: &mut IngestStatus) -> Result<Outcome, IngestError> {
    let message = "surveys again: the director's rows changed meanwhile".to_owned();
    attempt(step, status, IngestPhase::Survey, message).await
}

/// Gives the attempt up and goes back to `phase`.
///
/// Published rows must never be dropped, whatever this process believes: an answer that was lost may have been that of the publish, and
/// another leader may have published. So the root is written first, under the resourceVersion of one that does not list the segment.
pub(super) async fn attempt(
    step: &Step<'_>,
    status: &mut IngestStatus,
    phase: IngestPhase,
    message: String,
) -> Result<Outcome, IngestError> {
    let mut published = false;
    let change = |catalog: &Catalog| {
        published = publish::listed(step, status, catalog);
        Ok((!published).then(|| {
            let mut next = catalog.clone();
            next.counters.attempt += 1;
            next
        }))
    };
    step.context.writer.change(step.namespace, change).await?;
    if published {
        return publish::told(step, status).await;
    }
    discard_all(step, status).await;
    (status.attempt, status.index_attempt, status.segment) = (None, None, None);
    status.basis = None;
    status.phase = phase;
    status.message = message;
    tracing::info!(ingest = step.ingest.name_any(), ?phase, "an attempt was given up");
    Ok(Outcome::Waiting)
}

/// Drops what an attempt left at the agents. One that is away keeps sealed tables that no catalog names; they are dropped when it is found.
async fn discard_all(step: &Step<'_>, status: &IngestStatus) {
    let attempts: Vec<u64> = status.attempt.into_iter().chain(status.index_attempt).collect();
    let discard = |_, agent: AgentClient| {
        let attempts = &attempts;
        async move {
            let mut discarded = Ok(());
            for attempt in attempts {
                discarded = discarded.and(agent.discard(*attempt, step.catalog.term).await);
            }
            discarded
        }
    };
    let workers = step.addresses.ids();
    step.fleet()
        .for_each(workers, "discard the attempt", discard)
        .await;
}
