//! Place → Load: one planner run, and one root write that also takes the numbers of the attempt;
//! the index family included.

use super::loader::{self, Ready};
use super::undo;
use crate::ingest::catalog_edit::{CatalogEdit, Obstacle, Placing, Unplaced};
use crate::ingest::decision::{Decision, Step};
use crate::ingest::observe::Observed;
use crate::ingest::state::State;
use crate::placement;

/// Place: gives chunks workers, and the attempt its number.
pub fn decide(observed: &Observed<'_>, incarnation: u64) -> Decision {
    let Ready { id, surveyed, .. } = match loader::ready(observed) {
        Ok(ready) => ready,
        Err(decision) => return decision,
    };
    if observed.in_phase_for() < observed.pause_after_attempts() {
        // Its message is still why the last attempt did not succeed.
        return Step::default().into();
    }
    let placing = Placing {
        uid: observed.uid.clone(),
        incarnation,
        target: observed.ingest.spec.target.clone(),
        basis: id.basis,
        surveyed: surveyed.clone(),
        places: placement::places(&observed.archive.workers),
    };
    CatalogEdit::Place(placing).into()
}

/// After the root was not written.
pub fn not_placed(observed: &Observed<'_>, incarnation: u64, obstacle: &Unplaced) -> Decision {
    match obstacle {
        Unplaced::NoWorkers(why) => Step::wait(format!("waits for workers: {why}")).into(),
        Unplaced::Obstacle(Obstacle::Outdated) => {
            Step::to(State::Survey { incarnation }, undo::OUTDATED).into()
        }
        Unplaced::Obstacle(Obstacle::Refused(why)) => undo::fail(observed, why.clone()),
    }
}
