//! Seal and Verify → Publish: no more rows anywhere, tables renamed, then counted; replicas are
//! compared.

use std::collections::BTreeMap;
use std::time::Duration;

use orrery_archive::names::WorkerId;

use super::load::{self, Planned};
use super::verify::{self, Counted};
use super::{announce, publish, undo};
use crate::catalog::edit;
use crate::ingest::decision::{Decision, Question, Step};
use crate::ingest::observe::{Observed, Sealed};
use crate::ingest::staging::Plan;
use crate::ingest::state::Attempt;

/// How long an agent may be silent before the segment is sealed without it. Counting takes hours, so
/// the time begins with the first call that it does not answer.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Seal: ends the attempt on every worker, so that no row comes any more.
pub fn decide(observed: &Observed<'_>, attempt: &Attempt) -> Decision {
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
    let is_waited_for = |answer: &Sealed| match answer {
        Sealed::Rows(_) => false,
        Sealed::Counting => true,
        Sealed::Silent { lasted, .. } => *lasted <= TIMEOUT,
    };
    if sealed.values().any(is_waited_for) {
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
        Sealed::Counting | Sealed::Silent { .. } => None,
    });
    rows.collect()
}

fn waits_for(worker: WorkerId, answer: &Sealed) -> Option<String> {
    match answer {
        Sealed::Rows(_) => None,
        Sealed::Counting => Some(format!("worker {worker} (counting)")),
        Sealed::Silent { why, .. } => Some(format!("worker {worker} ({why})")),
    }
}
