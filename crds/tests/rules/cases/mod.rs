//! The table, a file per group of kinds.

mod catalog;
mod ingests;
mod pools;
mod tables;
mod users;

use crate::case::Case;

/// Every example.
pub fn all() -> Vec<Case> {
    [
        pools::pools(),
        pools::workers(),
        pools::rebalances(),
        pools::families(),
        pools::family_changes(),
        tables::chunked(),
        tables::chunked_changes(),
        tables::references(),
        ingests::ingests(),
        ingests::sources(),
        users::users(),
        users::roles(),
        catalog::maps(),
        catalog::pages(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
