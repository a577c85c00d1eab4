//! Copies of tables from agent to agent.

use serde::{Deserialize, Serialize};

use super::manifest::{ManifestRow, TablePart};

/// Pulls tables from another agent.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct StartCopy {
    /// Caller's term.
    pub term: u64,
    /// Name the caller chose; the same name asks for the same copy.
    pub id: String,
    /// `https://host:port` of the source agent.
    pub source: String,
    /// What to copy, as the source's manifest has it.
    pub rows: Vec<ManifestRow>,
    /// placementEpoch of the catalog that asks for the copy: no drop that was decided over an older
    /// one takes these tables.
    pub placement_epoch: u64,
    /// DDL by (database, part), as in [`AttemptSpec`](super::AttemptSpec).
    pub creates: Vec<CopyDdl>,
}

/// DDL for copied tables.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct CopyDdl {
    /// Physical database.
    pub database: String,
    /// Part.
    pub part: TablePart,
    /// See [`AttemptSpec::create_home`](super::AttemptSpec::create_home).
    pub create: String,
}

/// How far a copy is.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CopyStatus {
    /// Tables done and verified: their manifest rows on the target, state `Sealed`.
    pub done: Vec<ManifestRow>,
    /// Tables still to do.
    pub left: usize,
    /// Why it ended, if it failed.
    pub error: Option<String>,
}
