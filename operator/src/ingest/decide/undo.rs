//! Giving an attempt up: its tables go from the agents, and the ingest goes back to an earlier
//! phase, or fails. What an ingest that fails has loaded goes too.

use crate::ingest::catalog_edit::{CatalogEdit, GivingUp, Then};
use crate::ingest::decision::{Decision, Order, Step};
use crate::ingest::observe::Observed;
use crate::ingest::state::{Attempt, State};

/// Why a survey is made again.
pub const OUTDATED: &str = "surveys again: the director's rows changed meanwhile";

/// Ends the ingest for good.
pub fn fail(observed: &Observed<'_>, why: String) -> Decision {
    match observed.state.attempt() {
        Some(attempt) => give_up(observed, attempt, Then::Fail, why),
        None => Step::to(State::Failed, why).into(),
    }
}

/// Gives the attempt up because what its survey relied on has changed.
pub fn outdated(observed: &Observed<'_>, attempt: &Attempt) -> Decision {
    give_up(observed, attempt, Then::Survey, OUTDATED.to_owned())
}

/// Gives the attempt up.
pub fn give_up(observed: &Observed<'_>, attempt: &Attempt, then: Then, why: String) -> Decision {
    let giving_up = GivingUp {
        key: observed.key(),
        attempt: attempt.clone(),
        then,
        why,
    };
    CatalogEdit::GiveUp(giving_up).into()
}

/// After the root was written.
pub fn given_up(giving_up: &GivingUp) -> Decision {
    let incarnation = giving_up.attempt.incarnation;
    let state = match giving_up.then {
        Then::Survey => State::Survey { incarnation },
        Then::Place => State::Place { incarnation },
        Then::Fail => State::Failed,
    };
    let step = Step::to(state, giving_up.why.clone());
    let numbers = giving_up.attempt.numbers();
    step.order(Order::Discard(numbers.collect())).into()
}
