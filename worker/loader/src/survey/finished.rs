//! What a survey leaves on disk, and where.

use std::path::{Path, PathBuf};

use orrery_archive::ingest::{IngestSummary, RejectSample};
use orrery_archive::names::ChunkId;
use orrery_worker_api::loader::{Survey, Surveyed};
use serde::{Deserialize, Serialize};

/// What a finished survey leaves on disk in addition to the spool.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Finished {
    /// The request.
    pub survey: Survey,
    /// The result.
    pub surveyed: Surveyed,
    /// The summary.
    pub summary: IngestSummary,
    /// First rejects.
    pub samples: Vec<RejectSample>,
    /// Records read.
    pub records: u64,
    /// Decompressed bytes read.
    pub bytes: u64,
    /// Parts of each file that hold rows.
    pub parts: Vec<Vec<u32>>,
    /// Pieces of the index rows.
    pub index: Vec<IndexPiece>,
}

/// Some index rows of one hash chunk: a range of [`index_path`]'s file.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexPiece {
    /// Hash chunk.
    pub chunk: ChunkId,
    /// Number of the piece within the hash chunk.
    pub piece: u32,
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// Rows.
    pub rows: u64,
}

/// Where the index rows of a hash chunk are, as they are loaded.
pub fn index_path(directory: &Path, chunk: ChunkId) -> PathBuf {
    directory.join(format!("index-{chunk:05}"))
}

/// Where the dropped records are: (file, record), ascending.
pub fn dropped_path(directory: &Path) -> PathBuf {
    directory.join("dropped.json")
}

/// Where [`Finished`] is.
pub fn finished_path(directory: &Path) -> PathBuf {
    directory.join("finished.json")
}
