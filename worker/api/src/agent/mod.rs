//! The worker agent's HTTPS API (port [`orrery_archive::names::ports::AGENT`]), version 1. JSON bodies; mutual TLS; the caller's role is the
//! common name of its certificate. Errors are [`ApiError`] with a fitting HTTP status.
//!
//! | Method and path | Roles | Body → answer |
//! |---|---|---|
//! | `GET /v1/info` | operator, cli | → [`Info`] |
//! | `POST /v1/adopt` | operator | [`Adopt`] → [`Info`]: names a fresh data directory; refused (409) when it has another identity |
//! | `GET /v1/manifest?after=&limit=` | operator | → [`ManifestPage`] |
//! | `GET /v1/unknown` | operator | → [`UnknownTables`]: tables in physical databases that are not in the manifest |
//! | `POST /v1/attempts` | operator | [`OpenAttempt`]: makes the staging database and tables; idempotent |
//! | `POST /v1/attempts/{attempt}/load?…` ([`LoadTarget`] as query) | loader | framed rows (see [`frame`]) → [`Loaded`] |
//! | `GET /v1/attempts/{attempt}/ledger` | loader, operator | → [`Ledger`]: parts committed here |
//! | `PUT /v1/attempts/{attempt}/files` | loader | [`SourceFiles`] |
//! | `GET /v1/attempts/{attempt}/files` | loader, operator | → [`SourceFiles`] |
//! | `PUT /v1/attempts/{attempt}/rejects`, `GET …/rejects` | loader, operator | text lines |
//! | `POST /v1/attempts/{attempt}/seal` | operator | [`Term`] → [`Sealed`]; 202 while it goes on (repeat the call) |
//! | `POST /v1/attempts/{attempt}/discard` | operator | [`Term`]: drops an attempt that is not published |
//! | `POST /v1/manifest/state` | operator | [`SetState`]: sealed → published → revoked or deleted |
//! | `POST /v1/drop` | operator | [`Drop`] → [`Dropped`] |
//! | `POST /v1/copies` | operator | [`StartCopy`]: pulls tables from another agent; idempotent per `id` |
//! | `GET /v1/copies/{id}` | operator | → [`CopyStatus`] |
//! | `GET /v1/tables/{database}/{table}/export` | agent | tablespace stream for a copy |
//! | `POST /v1/index/lookup` | loader | [`IndexLookup`] → [`IndexEntries`] |
//! | `PUT /v1/catalog` | operator | [`orrery_archive::catalog`] signed copy; older is refused |
//! | `GET /v1/catalog` | operator, czar, proxy | → the newest signed copy |
//!
//! Every mutating call carries the caller's term; the agent keeps the highest it has seen on disk and refuses lower ones (412).

pub mod frame;

use serde::{Deserialize, Serialize};

use orrery_archive::catalog::Epochs;
use orrery_archive::names::{ChunkId, RowSet, WorkerId};

/// Body of every error answer.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ApiError {
    /// Short machine-readable reason, for example `TermTooLow`, `Sealed`, `BadRow`, `Busy`.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// What an agent is and has.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// Versions of this API the agent speaks.
    pub api_versions: Vec<u32>,
    /// Identity of its data directory; `None` before adoption.
    pub identity: Option<Identity>,
    /// Highest term seen.
    pub term: u64,
    /// Whether mysqld answers.
    pub mysqld: Option<String>,
    /// Newest catalog copy held.
    pub catalog: Option<Epochs>,
    /// Physical tables held.
    pub tables: u64,
    /// Bytes of table data.
    pub bytes: u64,
    /// Bytes free on the volume.
    pub free_bytes: u64,
    /// Highest numbers ever used here.
    #[serde(default)]
    pub highest: Highest,
}

/// Highest numbers an agent has heard of; a catalog that has given out fewer is older than what the worker holds.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct Highest {
    /// Attempt.
    pub attempt: u64,
    /// Segment.
    pub segment: u64,
}

/// Identity of a data directory.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Archive it belongs to.
    pub archive_uid: String,
    /// Worker it belongs to.
    pub worker: WorkerId,
    /// Random id of the data directory itself.
    pub directory: String,
}

/// Names a fresh data directory.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Adopt {
    /// Caller's term.
    pub term: u64,
    /// Archive.
    pub archive_uid: String,
    /// Worker.
    pub worker: WorkerId,
    /// Password of the reader account (see [`orrery_archive::names::READER_ACCOUNT`]).
    pub reader_password: String,
}

/// A bare term.
#[derive(Serialize, Deserialize, Clone, Copy, Debug)]
pub struct Term {
    /// Caller's term.
    pub term: u64,
}

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

/// Makes staging tables for an attempt on this worker.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct OpenAttempt {
    /// Caller's term.
    pub term: u64,
    /// Attempt number.
    pub attempt: u64,
    /// Segment number the rows will be published under.
    pub segment: u64,
    /// Incarnation of the table (or index).
    pub incarnation: u64,
    /// Schema version.
    pub schema_version: u32,
    /// Physical database the tables move to when sealed.
    pub database: String,
    /// Column definitions and keys between the parentheses of CREATE TABLE, then table options: `create_home` is for home, index and
    /// reference tables, `create_overlap` for overlap tables.
    pub create_home: String,
    /// See `create_home`.
    pub create_overlap: String,
    /// Fields of a loaded row, in order.
    pub fields: Vec<String>,
    /// Tables to make: final name, chunk (0 for reference tables) and part.
    pub tables: Vec<StagedTable>,
}

/// One staging table.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub struct StagedTable {
    /// Physical table name, final from the start; only the database changes at sealing.
    pub table: String,
    /// Chunk, hash chunk, or 0.
    pub chunk: ChunkId,
    /// Part.
    pub part: TablePart,
}

/// Where framed rows go; sent as URL query.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "camelCase")]
pub struct LoadTarget {
    /// Part.
    pub part: TablePart,
    /// Chunk, hash chunk, or 0.
    pub chunk: ChunkId,
    /// Index of the source file in the ingest.
    pub file: u32,
    /// Index of the file's part.
    pub file_part: u32,
}

/// A committed part.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Loaded {
    /// What was loaded.
    pub target: LoadTarget,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// True when the ledger had it already and nothing was done.
    pub already: bool,
}

/// Parts committed on this worker.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// In no order.
    pub parts: Vec<Loaded>,
}

/// The files of an ingest as surveyed; a later try must find them unchanged.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceFiles {
    /// In order of the ingest's sources.
    pub files: Vec<SourceFile>,
}

/// One file.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SourceFile {
    /// URL or path.
    pub name: String,
    /// Bytes as stored.
    pub size: u64,
    /// ETag, or modification time.
    pub version: String,
    /// SHA-256 of the bytes as stored, hex.
    pub sha256: String,
    /// Byte ranges of the parts in the decompressed stream, end exclusive.
    pub parts: Vec<(u64, u64)>,
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

/// A page of the manifest, ordered by (database, table).
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct ManifestPage {
    /// Rows.
    pub rows: Vec<ManifestRow>,
    /// Pass it as `after` for the next page; `None` at the end.
    pub next: Option<String>,
}

/// Tables in physical databases that no manifest row names. They are kept: only people decide about them.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownTables {
    /// Database and table.
    pub tables: Vec<(String, String)>,
}

/// Answer to a seal.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Sealed {
    /// Manifest rows of the attempt once everything is counted.
    pub rows: Vec<ManifestRow>,
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
    /// Databases of deleted tables: everything the manifest knows of them goes, and they do once nothing is left in them.
    #[serde(default)]
    pub databases: Vec<String>,
}

/// What a drop did.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Tables gone now.
    pub gone: Vec<(String, String)>,
    /// Tables in use; call again.
    pub busy: Vec<(String, String)>,
    /// Databases with tables yet to go: in use, or too many for one call; call again.
    #[serde(default)]
    pub unfinished: Vec<String>,
}

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
    /// DDL by (database, part), as in [`OpenAttempt`].
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
    /// See [`OpenAttempt::create_home`].
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

/// Looks keys up in index tables of this worker.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct IndexLookup {
    /// Physical database and tables, all of one hash chunk.
    pub tables: Vec<(String, String)>,
    /// Keys as text (decimal integers, or strings).
    pub keys: Vec<String>,
}

/// What was found.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexEntries {
    /// Key, chunk, sub-chunk, and whether only orphan children have it.
    pub entries: Vec<(String, ChunkId, u32, bool)>,
}
