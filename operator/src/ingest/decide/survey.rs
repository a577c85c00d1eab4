//! Survey → Place: the loader has read every row, checked it and found its chunk.

use orrery_worker_api::loader::LoaderStep;

use super::loader;
use crate::ingest::decision::{Decision, Step};
use crate::ingest::observe::Observed;
use crate::ingest::state::State;

/// Survey: has the loader read and check every row.
pub fn decide(observed: &Observed<'_>, incarnation: u64) -> Decision {
    let now = match loader::asked(observed) {
        Ok(now) => now,
        Err(decision) => return decision,
    };
    // What a survey relied on may have changed since: another ingest of the director was revoked,
    // or came back.
    let basis = observed
        .target()
        .map(|target| target.basis(&observed.catalog));
    let own = observed.own_survey();
    let current = own.filter(|(_, id)| Some(&id.basis) == basis.as_ref());
    if current.is_none() || now.step == LoaderStep::Idle {
        return loader::survey_again(observed, now, "the loader reads the sources");
    }
    if let Some(error) = &now.error {
        return loader::failed(observed, now, error);
    }
    let step = if now.surveyed.is_none() {
        Step::wait("the loader reads the sources")
    } else {
        Step::to(State::Place { incarnation }, "chunks get workers")
    };
    step.into()
}
