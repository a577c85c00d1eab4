//! Seal and Verify → Publish: no more rows anywhere, tables renamed, then counted; replicas are compared.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use orrery_archive::names::WorkerId;
use orrery_crds::kinds::{IngestPhase, IngestStatus};
use orrery_worker_api::agent::{ManifestRow, TablePart};
use orrery_worker_api::loader::Surveyed;

use super::{IngestError, Outcome, Step, load, publish, report, undo};
use crate::agents::AgentError;
use crate::ingest::attempt::Plan;
use crate::ingest::verify::{self, Counted, Expected};

/// How long an agent may be away before the segment goes on without it.
const PATIENCE: Duration = Duration::from_secs(90);

pub(super) async fn take(step: &Step<'_>, status: &mut IngestStatus) -> Result<Outcome, IngestError> {
    // A leader that died, or an answer that was lost, may have left a published segment with the status of an unpublished one.
    if publish::happened(step, status) {
        return publish::told(step, status).await;
    }
    let Some((_, now)) = step.surveyed_loader(status).await? else {
        return Ok(Outcome::Waiting);
    };
    if let Some(ended) = report(status, &now) {
        return Ok(ended);
    }
    if let Some(restarted) = undo::when_outdated(step, status, &now).await? {
        return Ok(restarted);
    }
    let Some((surveyed, plan)) = now
        .surveyed
        .as_ref()
        .and_then(|surveyed| Some((surveyed, load::plan(step, status, surveyed)?)))
    else {
        return Ok(Outcome::Waiting);
    };
    let sealed = seal_all(step, &plan).await;
    let pending: Vec<String> = sealed
        .iter()
        .filter_map(|(worker, answer)| waits_for(*worker, answer))
        .collect();
    let going_on = sealed.values().any(|answer| matches!(answer, Ok(None)));
    if !pending.is_empty() && (going_on || !patience_is_over(status)) {
        status.message = format!("waits for {}", pending.join(", "));
        return Ok(Outcome::Waiting);
    }
    status.phase = IngestPhase::Verify;
    let counted: Counted = sealed
        .into_iter()
        .filter_map(|(worker, answer)| Some((worker, answer.ok()??)))
        .collect();
    match verify::verify(&expected(step, surveyed, &plan), &counted) {
        Ok(verified) => publish::take(step, status, &verified).await,
        Err(what) => {
            // Design §5: a new attempt number only after a failed Seal or Verify.
            tracing::warn!(attempt = ?status.attempt, what, "verification failed; a new attempt follows");
            undo::attempt(step, status, IngestPhase::Place, format!("loads again: {what}")).await
        }
    }
}

type Answer = Result<Option<Vec<ManifestRow>>, AgentError>;

fn waits_for(worker: WorkerId, answer: &Answer) -> Option<String> {
    match answer {
        Ok(Some(_)) => None,
        Ok(None) => Some(format!("worker {worker} (counting)")),
        Err(error) => Some(format!("worker {worker} ({error})")),
    }
}

fn patience_is_over(status: &IngestStatus) -> bool {
    let since = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Seal")
        .map(|condition| condition.last_transition_time.0);
    since.is_some_and(|since| Timestamp::now().duration_since(since).unsigned_abs() > PATIENCE)
}

async fn seal_all(step: &Step<'_>, plan: &Plan) -> BTreeMap<WorkerId, Answer> {
    let calls = plan.opens.iter().map(|(worker, requests)| async move {
        let mut rows = Vec::new();
        for request in requests {
            match seal(step, *worker, request.attempt).await {
                Ok(Some(sealed)) => rows.extend(sealed),
                other => return (*worker, other),
            }
        }
        (*worker, Ok(Some(rows)))
    });
    futures::future::join_all(calls).await.into_iter().collect()
}

/// `None` while the agent is still counting.
async fn seal(step: &Step<'_>, worker: WorkerId, attempt: u64) -> Answer {
    let agent = step.fleet().agent(worker)?;
    Ok(agent.seal(attempt, step.catalog.term).await?)
}

fn expected(step: &Step<'_>, surveyed: &Surveyed, plan: &Plan) -> Expected {
    let reference = step.target().is_some_and(|target| target.reference().is_some());
    let mut expected = Expected {
        rows: verify::expected_rows(surveyed, reference),
        minimum: BTreeMap::new(),
    };
    if reference {
        expected.rows.entry((TablePart::Reference, 0)).or_insert(0);
    }
    let chunked = step.target().and_then(|target| {
        target
            .chunked(&step.catalog)
            .map(|chunked| chunked.family.replicas)
    });
    // A reference table needs every live worker (design §5); a chunked one the family's minimum, as far as the chunk has workers.
    let minimum = chunked.map_or(plan.opens.len(), |replicas| replicas.minimum as usize);
    for part in [
        TablePart::Home,
        TablePart::Overlap,
        TablePart::Index,
        TablePart::Reference,
    ] {
        expected.minimum.insert(part, minimum);
    }
    expected
}
