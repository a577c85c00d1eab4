//! Physical tables of this worker: staged by attempts, sealed, listed in the manifest, dropped.

pub mod attempts;
pub mod checks;
pub mod checksum;
pub mod discard;
pub mod drop;
pub mod manifest;
pub mod physical;
pub mod records;
pub mod seal;

use orrery_worker_api::agent::{RowState, TablePart};

use crate::error::{AgentError, Result};

/// Name of a part in the control tables.
pub fn part_name(part: TablePart) -> &'static str {
    match part {
        TablePart::Home => "home",
        TablePart::Overlap => "overlap",
        TablePart::Index => "index",
        TablePart::Reference => "reference",
    }
}

/// The part with this name.
pub fn part_from(name: &str) -> Result<TablePart> {
    [
        TablePart::Home,
        TablePart::Overlap,
        TablePart::Index,
        TablePart::Reference,
    ]
    .into_iter()
    .find(|part| part_name(*part) == name)
    .ok_or_else(|| AgentError::Internal(format!("a table part {name:?} in the control tables")))
}

/// Name of a state in the control tables.
pub fn state_name(state: RowState) -> &'static str {
    match state {
        RowState::Sealed => "sealed",
        RowState::Published => "published",
        RowState::Revoked => "revoked",
        RowState::Deleted => "deleted",
    }
}

/// The state with this name.
pub fn state_from(name: &str) -> Result<RowState> {
    [
        RowState::Sealed,
        RowState::Published,
        RowState::Revoked,
        RowState::Deleted,
    ]
    .into_iter()
    .find(|state| state_name(*state) == name)
    .ok_or_else(|| AgentError::Internal(format!("a state {name:?} in the control tables")))
}
