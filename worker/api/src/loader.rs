//! The loader's HTTPS API (port [`orrery_archive::names::ports::LOADER`]). The operator drives it;
//! the loader never calls the operator. Its calls are those of
//! [`LoaderCall`](crate::routes::LoaderCall).
//!
//! A loader keeps its spool on its own disk; a killed loader starts again with the spool, a
//! replaced one surveys again. Nothing it does can become visible without the operator.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::agent::SourceFile;
use orrery_archive::catalog::{AcceptedReference, AcceptedTable, FamilyGrid};
use orrery_archive::ingest::{
    Dialect, IngestProgress, IngestSource, IngestSummary, MisplacedChildPolicy, OrphanPolicy,
    PositionPolicy, RejectSample,
};
use orrery_archive::names::ChunkId;

/// Reads the sources, checks every value, finds each row's chunk and spools rows by chunk.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Survey {
    /// UID of the Ingest object and number of the survey; a different one starts again.
    pub id: String,
    /// Sources in order; a claim is mounted at `/sources/<claim>`.
    pub sources: Vec<IngestSource>,
    /// How they are written.
    pub dialect: Dialect,
    /// Fields in order; the columns when empty.
    pub fields: Vec<String>,
    /// What the rows go into.
    pub target: SurveyTarget,
    /// Rejects allowed.
    pub max_rejects: u64,
    /// Position policy.
    pub positions: PositionPolicy,
    /// Orphan policy.
    pub orphans: OrphanPolicy,
    /// Misplaced child policy.
    pub misplaced_children: MisplacedChildPolicy,
    /// Files as an earlier survey of this ingest found them; a difference fails.
    pub expected_files: Option<Vec<SourceFile>>,
}

/// What the rows go into.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub enum SurveyTarget {
    /// A director: positions decide, keys are checked against the index.
    Director {
        /// Accepted schema.
        table: AcceptedTable,
        /// Grid.
        grid: FamilyGrid,
        /// Its index so far.
        index: IndexLocation,
    },
    /// A child: positions or keys decide.
    Child {
        /// Accepted schema.
        table: AcceptedTable,
        /// Grid.
        grid: FamilyGrid,
        /// The director's index.
        index: IndexLocation,
    },
    /// A reference table: everything is one piece.
    Reference {
        /// Accepted schema.
        table: AcceptedReference,
    },
}

/// Where to look keys up.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct IndexLocation {
    /// Number of hash chunks.
    pub chunks: u32,
    /// SQL type of the key column.
    pub key_type: String,
    /// Per hash chunk with entries: agents that hold it (`https://host:port`) and its physical
    /// tables.
    pub places: BTreeMap<ChunkId, IndexPlace>,
}

/// One hash chunk of an index.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct IndexPlace {
    /// Agents that hold it.
    pub agents: Vec<String>,
    /// Physical database and tables.
    pub tables: Vec<(String, String)>,
}

/// Sends the spooled rows to the replicas.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// The survey this belongs to.
    pub id: String,
    /// Attempt of the table's rows.
    pub attempt: u64,
    /// Attempt of the index entries, when there are any.
    pub index_attempt: Option<u64>,
    /// Agents (`https://host:port`) per chunk (0 for a reference table).
    pub chunks: BTreeMap<ChunkId, Vec<String>>,
    /// Agents per hash chunk of the index.
    pub index_chunks: BTreeMap<ChunkId, Vec<String>>,
    /// Agents that keep the list of files and rejects of this attempt.
    pub record_keepers: Vec<String>,
}

/// Most bytes of the list of rejects that a loader gives: an object of the cluster API has to hold
/// them.
pub const MOST_REJECTS: usize = 512 << 10;

/// What one chunk got.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ChunkRows {
    /// Home rows.
    pub rows: u64,
    /// Overlap rows.
    pub overlap_rows: u64,
    /// Bytes of both, as loaded.
    pub bytes: u64,
}

/// Result of a survey.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Surveyed {
    /// Files with hashes and parts.
    pub files: Vec<SourceFile>,
    /// Rows per chunk (0 for a reference table).
    pub chunks: BTreeMap<ChunkId, ChunkRows>,
    /// Index entries per hash chunk.
    pub index_chunks: BTreeMap<ChunkId, u64>,
}

/// What a loader is doing.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct LoaderStatus {
    /// Survey id it works on.
    pub id: Option<String>,
    /// Step.
    pub step: LoaderStep,
    /// Progress of the step.
    pub progress: IngestProgress,
    /// Summary so far.
    pub summary: IngestSummary,
    /// First rejects.
    pub reject_samples: Vec<RejectSample>,
    /// Survey result, from the step `Surveyed` on.
    pub surveyed: Option<Surveyed>,
    /// Attempt of the present or last load.
    #[serde(default)]
    pub attempt: Option<u64>,
    /// During and after a load: agents that failed for good, with the reason; the ingest continues
    /// without them while enough remain.
    pub lost_agents: BTreeMap<String, String>,
    /// Set in step `Failed`.
    pub error: Option<LoaderError>,
}

/// Steps.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoaderStep {
    /// Waits for a request.
    #[default]
    Idle,
    /// Surveys.
    Surveying,
    /// Waits for a load.
    Surveyed,
    /// Loads.
    Loading,
    /// Every part is committed on every agent not lost.
    Loaded,
    /// Ended with an error.
    Failed,
}

/// Why a loader failed.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LoaderError {
    /// Machine-readable reason: `SourceMissing`, `SourceChanged`, `TooManyRejects`, `BadFields`,
    /// `NoReplica`, `Unreachable`, `DiskFull`, `DiskFailed`, `BadFile` (truncated, or an open
    /// quote), `BadDialect`, `Cancelled`, `Internal`.
    pub reason: String,
    /// For people: names file, record and column where there are any.
    pub message: String,
    /// Whether another try could help without a change by the user.
    pub retry: bool,
    /// Seconds since it failed.
    #[serde(default)]
    pub seconds: u64,
}
