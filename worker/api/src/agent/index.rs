//! Look-ups in a director index.

use orrery_archive::names::ChunkId;
use serde::{Deserialize, Serialize};

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
