//! Which tables and chunks a plan reads.

use std::collections::BTreeSet;

use orrery_archive::catalog::{ChunkSet, TableKey};

use crate::query::scope::TableRole;

/// A table in the FROM clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableUse {
    /// Name as users know it.
    pub key: TableKey,
    /// Name the statement calls it by.
    pub alias: String,
    /// Incarnation, to make sure that a catalog renders the table that was planned.
    pub incarnation: u64,
    /// Its place in the statement.
    pub role: TableRole,
}

/// Which chunks a plan reads: those that hold rows of its tables, less what is pruned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChunkSelection {
    /// Chunks that can hold rows of the answer; `None` when nothing was pruned.
    pub area: Option<ChunkSet>,
    /// Keys to look up in a director index; its chunks narrow the area. When the index cannot be
    /// read, drop it with [`Plan::without_lookup`].
    pub lookup: Option<IndexLookup>,
}

impl ChunkSelection {
    /// The selection narrowed to the chunks that the director index gave for its keys.
    #[must_use]
    pub fn narrowed_to(&self, found: &ChunkSet) -> Self {
        Self {
            area: Some(match &self.area {
                Some(area) => area.intersection(found).copied().collect(),
                None => found.clone(),
            }),
            lookup: None,
        }
    }
}

/// Keys to look up in a director's index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexLookup {
    /// The director.
    pub director: TableKey,
    /// Keys as canonical text (as `orrery_archive::catalog::hash_chunk` takes them).
    pub keys: BTreeSet<String>,
    /// Whether the key column holds integers; the keys are then written into SQL without quotes.
    pub integer: bool,
}
