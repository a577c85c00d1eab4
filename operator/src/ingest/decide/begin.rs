//! Pending → Survey: the target is there and it is this ingest's turn; the loader's Job is made. One
//! whose rows are in the catalog is not loaded a second time.

use super::again;
use crate::ingest::decision::{Decision, Order, Step};
use crate::ingest::observe::Observed;
use crate::ingest::queue::Turn;
use crate::ingest::state::State;

/// Pending: has the loader started when it is this ingest's turn.
pub fn decide(observed: &Observed<'_>) -> Decision {
    let declared = &observed.archive.declared;
    let target = observed
        .target()
        .filter(|target| declared.contains(&(target.key.clone(), target.incarnation)));
    let revoked = observed.ingest.spec.revoked;
    let Some(target) = target else {
        if revoked {
            return Step::default().into();
        }
        return Step::wait(format!("waits for table {} to be accepted", observed.key())).into();
    };
    if revoked {
        let taken_back = again::taken_back(observed);
        return taken_back.unwrap_or_else(|| Step::default().into());
    }
    if let Some(decision) = again::decide(observed) {
        return decision;
    }
    if target.director().is_some() && target.chunked(&observed.catalog).is_none() {
        return Step::wait(format!(
            "waits for the director and the family of {}",
            target.key
        ))
        .into();
    }
    match &observed.turn {
        Turn::Unknown => Step::default().into(),
        Turn::After(other) => {
            Step::wait(format!("waits for ingest {other} of the same director")).into()
        }
        Turn::Now => {
            let incarnation = target.incarnation;
            let step = Step::to(
                State::Survey { incarnation },
                "the loader reads the sources",
            );
            step.order(Order::EnsureJob).into()
        }
    }
}
