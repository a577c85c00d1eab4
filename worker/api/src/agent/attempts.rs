//! Attempts: staging tables, rows that go into them, and what is kept of their sources.

use orrery_archive::names::ChunkId;
use serde::{Deserialize, Serialize};

use super::manifest::{ManifestRow, TablePart};

/// Makes staging tables for an attempt on this worker.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct OpenAttempt {
    /// Caller's term.
    pub term: u64,
    /// Attempt number.
    pub attempt: u64,
    /// What its tables share.
    #[serde(flatten)]
    pub spec: AttemptSpec,
    /// Tables to make: final name, chunk (0 for reference tables) and part.
    pub tables: Vec<StagedTable>,
}

/// What all tables of an attempt share. It never changes once the attempt is open.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct AttemptSpec {
    /// Segment number the rows will be published under.
    pub segment: u64,
    /// Incarnation of the table (or index).
    pub incarnation: u64,
    /// Schema version.
    pub schema_version: u32,
    /// Physical database the tables move to when sealed.
    pub database: String,
    /// Column definitions and keys between the parentheses of CREATE TABLE, then table options:
    /// `create_home` is for home, index and reference tables, `create_overlap` for overlap tables.
    pub create_home: String,
    /// See `create_home`.
    pub create_overlap: String,
    /// Fields of a loaded row, in order.
    pub fields: Vec<String>,
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

/// Answer to a seal.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Sealed {
    /// Manifest rows of the attempt once everything is counted.
    pub rows: Vec<ManifestRow>,
}
