//! Giving an attempt up: its tables go from the agents, and the ingest goes back to an earlier
//! phase, or fails. What an ingest that fails has loaded goes too.

use crate::ingest::catalog_edit::{CatalogEdit, GivingUp, Then};
use crate::ingest::decision::{Decision, Order, Step};
use crate::ingest::observe::Observed;
use crate::ingest::patience;
use crate::ingest::state::{Attempt, State};

/// Why a survey is made again.
pub const OUTDATED: &str = "surveys again: the director's rows changed meanwhile";

/// Ends the ingest for good.
pub fn fail(observed: &Observed<'_>, why: String) -> Decision {
    match observed.state.attempt() {
        Some(attempt) => give_up(observed, attempt, Then::Fail, why),
        None => failed(why).into(),
    }
}

/// Gives the attempt up because what its survey relied on has changed.
pub fn outdated(observed: &Observed<'_>, attempt: &Attempt) -> Decision {
    give_up(observed, attempt, Then::Survey, OUTDATED.to_owned())
}

/// Gives the attempt up and has the rows loaded by another one, unless it was the last.
pub fn load_again(observed: &Observed<'_>, attempt: &Attempt, what: &str) -> Decision {
    let tries = observed.failed_attempts() + 1;
    let (then, why) = if tries < patience::MOST_TRIES {
        (Then::Place, format!("loads again: {what}"))
    } else {
        let why = format!("{what}; {tries} attempts did not succeed");
        (Then::Fail, why)
    };
    give_up(observed, attempt, then, why)
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
    let why = giving_up.why.clone();
    let mut step = match giving_up.then {
        Then::Survey => Step::to(State::Survey { incarnation }, why),
        Then::Place => Step::to(State::Place { incarnation }, why),
        Then::Fail => failed(why),
    };
    step.attempt_failed = giving_up.then == Then::Place;
    let numbers = giving_up.attempt.numbers();
    step.order(Order::Discard(numbers.collect())).into()
}

/// The end: what people want to see of the loader is kept, and its pod goes.
fn failed(why: String) -> Step {
    let step = Step::to(State::Failed, why);
    step.order(Order::KeepRejects).order(Order::EndJob)
}
