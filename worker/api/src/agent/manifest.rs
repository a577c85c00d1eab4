//! What a worker holds, and what becomes of it.

use orrery_archive::catalog::Epochs;
use orrery_archive::names::{ChunkId, RowSet};
use serde::{Deserialize, Serialize};

/// What a physical table is for; decides its columns, keys and name.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "camelCase")]
pub enum TablePart {
    /// Rows of a chunk.
    Home,
    /// Overlap rows of a chunk.
    Overlap,
    /// Entries of a hash chunk of a director index.
    Index,
    /// A whole reference table.
    Reference,
}

impl From<RowSet> for TablePart {
    fn from(set: RowSet) -> Self {
        match set {
            RowSet::Home => Self::Home,
            RowSet::Overlap => Self::Overlap,
        }
    }
}

/// State of a manifest row.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[serde(rename_all = "camelCase")]
pub enum RowState {
    /// Counted and checksummed; no root names it yet.
    Sealed,
    /// A root that names it was seen.
    Published,
    /// A root that no longer names it was seen.
    Revoked,
    /// Dropped.
    Deleted,
}

/// What this worker holds of a segment and chunk.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ManifestRow {
    /// Physical database.
    pub database: String,
    /// Physical table.
    pub table: String,
    /// Incarnation of the table or index.
    pub incarnation: u64,
    /// Segment.
    pub segment: u64,
    /// Attempt that loaded it.
    pub attempt: u64,
    /// Chunk, hash chunk, or 0.
    pub chunk: ChunkId,
    /// Part.
    pub part: TablePart,
    /// Schema version.
    pub schema_version: u32,
    /// Rows.
    pub rows: u64,
    /// Bytes of the tablespace.
    pub bytes: u64,
    /// `CHECKSUM TABLE`, decimal, then `:` and the second, order-free hash with lengths, hex.
    pub checksum: String,
    /// State.
    pub state: RowState,
    /// placementEpoch at which the state was set.
    pub epoch: u64,
}

impl ManifestRow {
    /// Whether two copies hold the same rows.
    pub fn same_rows(&self, other: &Self) -> bool {
        self.rows == other.rows
            && self.checksum == other.checksum
            && self.schema_version == other.schema_version
    }
}

/// Which page of the manifest; sent as URL query.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct PageQuery {
    /// The page after this place, as [`ManifestPage::next`] names it; the first page when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Most rows of the page; the agent has a limit of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A page of the manifest, ordered by (database, table).
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct ManifestPage {
    /// Rows.
    pub rows: Vec<ManifestRow>,
    /// Pass it as `after` for the next page; `None` at the end.
    pub next: Option<String>,
}

/// Tables in physical databases that no manifest row names. They are kept: only people decide about
/// them.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownTables {
    /// Database and table.
    pub tables: Vec<(String, String)>,
}

/// Tables whose rows are not those of the manifest any more, found when they were read again.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct DamagedTables {
    /// The first thousand.
    pub tables: Vec<DamagedTable>,
}

/// A table whose rows are not those of the manifest any more.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct DamagedTable {
    /// Its row of the manifest, which says what it should hold.
    pub row: ManifestRow,
    /// What it holds, in words.
    pub damage: String,
}

/// Moves manifest rows to a state.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct SetState {
    /// Caller's term.
    pub term: u64,
    /// Epochs of the root that justifies it.
    pub epochs: Epochs,
    /// Segments.
    pub segments: Vec<u64>,
    /// New state.
    pub state: RowState,
}

/// Drops physical tables.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Drop {
    /// Caller's term.
    pub term: u64,
    /// placementEpoch that no longer lists the copies.
    pub placement_epoch: u64,
    /// Database and table.
    pub tables: Vec<(String, String)>,
    /// Databases of deleted tables: everything the manifest knows of them goes, and they do once
    /// nothing is left in them.
    #[serde(default)]
    pub databases: Vec<String>,
}

/// What a drop did.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Tables gone now.
    pub gone: Vec<(String, String)>,
    /// Tables in use, or too many for one call; call again.
    pub busy: Vec<(String, String)>,
    /// Databases with tables yet to go: in use, or too many for one call; call again.
    #[serde(default)]
    pub unfinished: Vec<String>,
}
