//! Which tables and chunks a plan reads.

use std::collections::BTreeSet;

use orrery_archive::catalog::{ChunkSet, TableKey};

use super::own_keys::{KeysByChunk, OwnKeys, Place};
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
    /// Keys to look up in a director index; its chunks narrow the area.
    pub lookup: Option<IndexLookup>,
    /// The keys once they were looked up.
    pub(crate) keys: Option<OwnKeys>,
}

impl ChunkSelection {
    /// What both selections allow; `None` when their keys are of two directors.
    pub(crate) fn and(self, other: &Self) -> Option<Self> {
        let area = match (self.area, &other.area) {
            (Some(one), Some(two)) => Some(one.intersection(two).copied().collect()),
            (one, two) => one.or_else(|| two.clone()),
        };
        let lookup = match (self.lookup, &other.lookup) {
            (Some(one), Some(two)) if one.director == two.director => Some(IndexLookup {
                keys: one.keys.intersection(&two.keys).cloned().collect(),
                ..one
            }),
            (Some(_), Some(_)) => return None,
            (one, two) => one.or_else(|| two.clone()),
        };
        Some(Self {
            area,
            lookup,
            keys: None,
        })
    }

    /// The selection with what the director index gave for its keys.
    #[must_use]
    pub fn narrowed_to(&self, found: KeysByChunk) -> Self {
        let chunks = found.keys();
        Self {
            area: Some(match &self.area {
                Some(area) => chunks
                    .filter(|chunk| area.contains(chunk))
                    .copied()
                    .collect(),
                None => chunks.copied().collect(),
            }),
            lookup: None,
            keys: self.looked_up(|_| Place::In(found)),
        }
    }

    /// The selection for when the index cannot be read: keys prune nothing.
    #[must_use]
    pub fn without_lookup(&self) -> Self {
        Self {
            area: self.area.clone(),
            lookup: None,
            keys: self.looked_up(|lookup| Place::Anywhere(lookup.keys.clone())),
        }
    }

    fn looked_up(&self, place: impl FnOnce(&IndexLookup) -> Place) -> Option<OwnKeys> {
        self.lookup.as_ref().map(|lookup| OwnKeys {
            integer: lookup.integer,
            place: place(lookup),
        })
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
