//! The next step of an ingest, as a pure function of what is known. A file per phase.
//!
//! A decision may be a question, or an edit of the catalog: then it is decided again with the
//! answer. So whom to ask, and what an answer means, is decided here and nowhere else.

mod again;
mod announce;
mod begin;
mod load;
mod loader;
mod place;
mod publish;
mod revoke;
mod seal;
mod survey;
#[cfg(test)]
mod tests;
mod undo;
mod verify;
mod visible;

use orrery_worker_api::loader::LoaderStep;

use super::catalog_edit::Written;
use super::decision::{Decision, Report, Step};
use super::observe::{Loader, Observed};
use super::state::State;

/// Decides by what is known. A step comes with what the loader reports, whatever it is.
pub fn decide(observed: &Observed<'_>) -> Decision {
    let mut decision = next(observed);
    if let Decision::Step(step) = &mut decision {
        let own = observed.own_survey();
        let at_work = own.filter(|(now, _)| now.step != LoaderStep::Idle);
        step.report = at_work.map(|(now, _)| Report::of(now));
        step.loader_away = match observed.loader {
            Loader::NoPod(_) | Loader::Silent(_) => Some(true),
            Loader::Says(_) => Some(false),
            Loader::Unasked | Loader::DiskFull(_) => None,
        };
    }
    decision
}

fn next(observed: &Observed<'_>) -> Decision {
    if let Some(written) = &observed.written {
        return after(observed, written);
    }
    if let Some(why) = lost_target(observed) {
        return undo::fail(observed, why);
    }
    let is_deleted = observed.ingest.metadata.deletion_timestamp.is_some();
    if is_deleted && observed.state.incarnation().is_some() {
        return undo::fail(observed, "the Ingest is deleted".to_owned());
    }
    match &observed.state {
        State::Pending => begin::decide(observed),
        State::Survey { incarnation } => survey::decide(observed, *incarnation),
        State::Place { incarnation } => place::decide(observed, *incarnation),
        State::Load(attempt) => load::decide(observed, attempt),
        State::Seal(attempt) => seal::decide(observed, attempt),
        State::Publish(published) => visible::decide(observed, *published),
        State::Visible(published) => revoke::decide(observed, *published, false),
        State::Revoked(published) => revoke::decide(observed, *published, true),
        State::Failed => Step::default().into(),
    }
}

/// Decides by what came of an edit of the catalog.
fn after(observed: &Observed<'_>, written: &Written) -> Decision {
    match written {
        Written::Placed(attempt) => {
            Step::to(State::Load(attempt.clone()), "workers make staging tables").into()
        }
        Written::NotPlaced(incarnation, obstacle) => {
            place::not_placed(observed, *incarnation, obstacle)
        }
        Written::Published(attempt) => announce::decide(observed, attempt.segment),
        Written::NotPublished(attempt, obstacle) => {
            publish::not_published(observed, attempt, obstacle)
        }
        Written::GivenUp(giving_up) => undo::given_up(giving_up),
        Written::Revoked(revoking) => revoke::revoked(observed, revoking),
        Written::NotRevoked(revoking, why) => revoke::not_revoked(revoking, why),
    }
}

/// Why an ingest under way can never end: its table is gone.
fn lost_target(observed: &Observed<'_>) -> Option<String> {
    let incarnation = observed.state.incarnation()?;
    let name = observed.key();
    match observed.target() {
        None => Some(format!("table {name} was deleted")),
        Some(target) if target.incarnation != incarnation => Some(format!(
            "table {name} was deleted and made again: make a new Ingest"
        )),
        Some(_) => None,
    }
}
