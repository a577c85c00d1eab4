//! Why a change contradicts the catalog.

use orrery_archive::catalog::TableKey;
use orrery_archive::names::{ChunkId, WorkerId};
use thiserror::Error;

use crate::catalog::segments;

/// Why a change contradicts the catalog.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EditError {
    /// The family holds tables and its grid would change.
    #[error(
        "family {0} has tables, or rows of deleted tables that are kept, so its scheme cannot change"
    )]
    GridInUse(String),
    /// The family still has tables.
    #[error("family {family} still has table {table}")]
    FamilyInUse {
        /// Family.
        family: String,
        /// One of its tables.
        table: TableKey,
    },
    /// No such family.
    #[error("there is no family {0} in the catalog")]
    NoFamily(String),
    /// No such table.
    #[error("there is no table {0} in the catalog")]
    NoTable(TableKey),
    /// The table was dropped and made again meanwhile.
    #[error("table {0} is another incarnation now")]
    OtherIncarnation(TableKey),
    /// A director has no index.
    #[error("table {0} has no director index")]
    NoIndex(TableKey),
    /// No such segment.
    #[error("table {table} has no segment {segment}")]
    NoSegment {
        /// Table.
        table: TableKey,
        /// Segment.
        segment: u64,
    },
    /// No worker holds a chunk of a segment that is to be published.
    #[error("chunk {chunk} of {table}: no worker that the catalog lists for it holds the new rows")]
    NoHolder {
        /// Table.
        table: TableKey,
        /// Chunk.
        chunk: ChunkId,
    },
    /// Nobody else holds all of a chunk.
    #[error("chunk {chunk} of family {family} has no complete copy but that on worker {worker}")]
    LastCopy {
        /// Family.
        family: String,
        /// Chunk.
        chunk: ChunkId,
        /// Worker that it was to leave.
        worker: WorkerId,
    },
    /// A chunk has as many segments as it may have.
    #[error(
        "{table} has {segments} segments in chunk {chunk}, and more than {} make its queries slow: {}",
        segments::MOST,
        segments::REMEDY
    )]
    TooManySegments {
        /// Table.
        table: TableKey,
        /// Chunk.
        chunk: ChunkId,
        /// Segments it has.
        segments: usize,
    },
    /// What was loaded while a segment was taken back was not checked against its keys.
    #[error(
        "{0} came while these rows were taken back and was not checked against their keys: make a new Ingest of the same files"
    )]
    LoadedSince(String),
    /// Children of a deleted director were loaded after another one.
    #[error(
        "its keys were never compared with rows of {0}, which were loaded after another table of its name: delete those tables first"
    )]
    LoadedAfterAnother(String),
    /// The director of a deleted child is away, or another one has its name.
    #[error(
        "its rows use keys of the table {0} that they were loaded after, which is not there: bring that back first"
    )]
    NeedsItsDirector(TableKey),
    /// A child's keys are in the index only with its director's rows.
    #[error("its rows use keys of {0}, which is taken back: bring that back first")]
    NeedsDirector(String),
    /// Children use the director's keys.
    #[error("published rows of {0} use keys of this ingest: revoke their ingests first")]
    KeysInUse(String),
}
