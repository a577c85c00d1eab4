//! Seal and Verify → Publish: no more rows anywhere, tables renamed, then counted; replicas are
//! compared.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use orrery_archive::names::WorkerId;

use super::load::{self, Planned};
use super::verify::{self, Counted};
use super::{announce, publish, undo};
use crate::catalog::edit;
use crate::ingest::decision::{Decision, Question, Step};
use crate::ingest::observe::{Observed, Sealed};
use crate::ingest::staging::Plan;
use crate::ingest::state::Attempt;

/// How long an agent may be away before the segment is sealed without it.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Seal: ends the attempt on every worker, so that no row comes any more.
pub fn decide(observed: &Observed<'_>, attempt: &Attempt, since: Timestamp) -> Decision {
    // A leader that died, or an answer that was lost, may have left a published segment with the
    // status of an unpublished one.
    let (key, incarnation) = (observed.key(), attempt.incarnation);
    if edit::was_published(&observed.catalog, &key, incarnation, attempt.segment) {
        return announce::decide(observed, attempt.segment);
    }
    let Planned {
        ready,
        target,
        plan,
    } = match load::planned(observed, attempt) {
        Ok(planned) => planned,
        Err(decision) => return decision,
    };
    let Some(sealed) = &observed.sealed else {
        return Decision::Ask(Question::Seal(attempts(&plan)));
    };
    let pending: Vec<String> = sealed
        .iter()
        .filter_map(|(worker, answer)| waits_for(*worker, answer))
        .collect();
    let counting = sealed.values().any(|answer| *answer == Sealed::Counting);
    let timed_out = observed.now.duration_since(since).unsigned_abs() > TIMEOUT;
    if !pending.is_empty() && (counting || !timed_out) {
        let step = Step::wait(format!("waits for {}", pending.join(", ")));
        return step.into();
    }
    match verify::verify(&verify::expected(ready.surveyed, &plan), &counted(sealed)) {
        Ok(verified) => publish::decide(observed, &target, attempt, &verified),
        // Only now a new attempt number (docs/design/ingest.md#verification).
        Err(what) => undo::load_again(observed, attempt, &what),
    }
}

fn attempts(plan: &Plan) -> BTreeMap<WorkerId, Vec<u64>> {
    let opens = plan.opens.iter();
    opens
        .map(|(worker, requests)| {
            (
                *worker,
                requests.iter().map(|request| request.attempt).collect(),
            )
        })
        .collect()
}

/// What was counted; workers that do not answer are not in it.
fn counted(sealed: &BTreeMap<WorkerId, Sealed>) -> Counted {
    let rows = sealed.iter().filter_map(|(worker, answer)| match answer {
        Sealed::Rows(rows) => Some((*worker, rows.clone())),
        Sealed::Counting | Sealed::Silent(_) => None,
    });
    rows.collect()
}

fn waits_for(worker: WorkerId, answer: &Sealed) -> Option<String> {
    match answer {
        Sealed::Rows(_) => None,
        Sealed::Counting => Some(format!("worker {worker} (counting)")),
        Sealed::Silent(why) => Some(format!("worker {worker} ({why})")),
    }
}
