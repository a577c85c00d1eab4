//! Trials: whether mysqld takes the tables that a declared one would consist of.

use serde::{Deserialize, Serialize};

/// Has mysqld make tables in a scratch database, one after the other. Each is dropped before the
/// next is made, and the database goes at the end.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// Caller's term.
    pub term: u64,
    /// Database as its users name it, which messages name in place of the scratch database.
    pub database: String,
    /// Name that each of the tables is made under: the one that its users know.
    pub table: String,
    /// What is tried, in order, up to the first that is refused.
    pub tables: Vec<TrialTable>,
}

/// A table to be tried.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TrialTable {
    /// What it is for.
    pub part: TrialPart,
    /// What follows its name in CREATE TABLE.
    pub create: String,
}

/// What a tried table is for; decides under which settings it is made.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum TrialPart {
    /// Rows of a chunk.
    Home,
    /// Overlap rows of a chunk.
    Overlap,
    /// Entries of a hash chunk of a director index.
    Index,
    /// A whole reference table.
    Reference,
    /// The empty table of a czar's shadow server.
    Shadow,
}

/// How a trial ended.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// What mysqld refused; `None` when it made each table as declared.
    pub refusal: Option<Refusal>,
}

/// What mysqld says of a table that it does not make, or makes otherwise than declared.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which table.
    pub part: TrialPart,
    /// Whether it was made, though otherwise than declared.
    pub is_made: bool,
    /// MariaDB's number.
    pub code: u16,
    /// MariaDB's words.
    pub message: String,
}
