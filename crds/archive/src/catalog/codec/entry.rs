//! What index pages list.

use serde::{Deserialize, Serialize};

use super::family::FamilyEntry;
use super::table::{RetiredEntry, TableEntry};

/// An entry of an index page.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum IndexEntry {
    Family(FamilyEntry),
    Table(TableEntry),
    Retired(RetiredEntry),
    Dropping { database: String, since: u64 },
}
