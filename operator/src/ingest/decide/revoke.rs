//! Visible ⇄ Revoked: the segment leaves the catalog at one dataEpoch, or comes back.

use orrery_worker_api::agent::RowState;

use super::announce::set_state;
use crate::ingest::catalog_edit::{CatalogEdit, Revoking};
use crate::ingest::decision::{Decision, Step};
use crate::ingest::observe::Observed;
use crate::ingest::state::{Published, State};

/// Visible and Revoked: takes the rows back or brings them again, as the spec asks.
pub fn decide(observed: &Observed<'_>, published: Published, is_revoked: bool) -> Decision {
    let revoked = observed.ingest.spec.revoked;
    if revoked == is_revoked {
        return Step::default().into();
    }
    let revoking = Revoking {
        key: observed.key(),
        segment: published.segment,
        revoked,
    };
    CatalogEdit::Revoke(revoking).into()
}

/// After the root was written.
pub fn revoked(observed: &Observed<'_>, revoking: &Revoking) -> Decision {
    let published = Published {
        segment: revoking.segment,
        data_epoch: observed.catalog.epochs.data,
    };
    let (state, message, rows) = if revoking.revoked {
        let state = State::Revoked(published);
        (state, "the rows are taken back", RowState::Revoked)
    } else {
        (
            State::Visible(published),
            "the rows are back",
            RowState::Published,
        )
    };
    let step = Step::to(state, message);
    step.order(set_state(observed, revoking.segment, rows))
        .into()
}

/// After it was not.
pub fn not_revoked(revoking: &Revoking, why: &str) -> Decision {
    let what = if revoking.revoked {
        "revoked"
    } else {
        "brought back"
    };
    Step::wait(format!("cannot be {what}: {why}")).into()
}
