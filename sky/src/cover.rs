//! Sets of chunks and sub-chunks: what a region prunes a query to.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::grid::Cell;

/// Which sub-chunks of one chunk belong to a cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubChunks {
    /// Every sub-chunk.
    All,
    /// These, ascending, at least one.
    Some(Vec<u32>),
}

impl SubChunks {
    /// Whether the set holds this sub-chunk id.
    pub fn contains(&self, sub_chunk: u32) -> bool {
        match self {
            Self::All => true,
            Self::Some(ids) => ids.binary_search(&sub_chunk).is_ok(),
        }
    }

    fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::Some(mut mine), Self::Some(theirs)) => {
                mine.extend(theirs);
                mine.sort_unstable();
                mine.dedup();
                Self::Some(mine)
            }
            _ => Self::All,
        }
    }

    /// The common part; `None` when there is none.
    fn intersection(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::All, some) | (some, Self::All) => Some(some.clone()),
            (Self::Some(mine), theirs) => {
                let common: Vec<u32> = mine
                    .iter()
                    .copied()
                    .filter(|&id| theirs.contains(id))
                    .collect();
                (!common.is_empty()).then_some(Self::Some(common))
            }
        }
    }
}

/// A set of chunks with the sub-chunks of each. Chunks with no sub-chunk are never in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChunkCover {
    chunks: BTreeMap<u32, SubChunks>,
}

impl ChunkCover {
    /// The cover of nothing.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Whether there is no chunk.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// The chunk ids, ascending.
    pub fn chunks(&self) -> impl Iterator<Item = u32> + '_ {
        self.chunks.keys().copied()
    }

    /// The chunks with their sub-chunks, ascending by chunk id.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &SubChunks)> {
        self.chunks
            .iter()
            .map(|(&chunk, sub_chunks)| (chunk, sub_chunks))
    }

    /// The sub-chunks of a chunk, or `None` when the chunk is not in the cover.
    pub fn sub_chunks(&self, chunk: u32) -> Option<&SubChunks> {
        self.chunks.get(&chunk)
    }

    /// Whether the cover holds this cell.
    pub fn contains(&self, cell: Cell) -> bool {
        self.chunks
            .get(&cell.chunk)
            .is_some_and(|sub_chunks| sub_chunks.contains(cell.sub_chunk))
    }

    /// Adds sub-chunks of a chunk to what is there.
    pub fn insert(&mut self, chunk: u32, mut sub_chunks: SubChunks) {
        if let SubChunks::Some(ids) = &mut sub_chunks {
            if ids.is_empty() {
                return;
            }
            ids.sort_unstable();
            ids.dedup();
        }
        match self.chunks.entry(chunk) {
            Entry::Vacant(entry) => {
                entry.insert(sub_chunks);
            }
            Entry::Occupied(mut entry) => {
                let mine = std::mem::replace(entry.get_mut(), SubChunks::All);
                *entry.get_mut() = mine.union(sub_chunks);
            }
        }
    }

    /// Every cell that is in either cover (regions joined by OR).
    #[must_use]
    pub fn union(mut self, other: Self) -> Self {
        for (chunk, sub_chunks) in other.chunks {
            self.insert(chunk, sub_chunks);
        }
        self
    }

    /// Every cell that is in both covers (regions joined by AND).
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let common = self.chunks.iter().filter_map(|(&chunk, mine)| {
            let theirs = other.chunks.get(&chunk)?;
            Some((chunk, mine.intersection(theirs)?))
        });
        Self {
            chunks: common.collect(),
        }
    }
}

impl FromIterator<(u32, SubChunks)> for ChunkCover {
    fn from_iter<I: IntoIterator<Item = (u32, SubChunks)>>(items: I) -> Self {
        let mut cover = Self::empty();
        for (chunk, sub_chunks) in items {
            cover.insert(chunk, sub_chunks);
        }
        cover
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cover(items: &[(u32, &[u32])]) -> ChunkCover {
        items
            .iter()
            .map(|&(chunk, ids)| {
                (
                    chunk,
                    if ids.is_empty() {
                        SubChunks::All
                    } else {
                        SubChunks::Some(ids.to_vec())
                    },
                )
            })
            .collect()
    }

    #[test]
    fn union_holds_the_cells_of_both() {
        let a = cover(&[(1, &[1, 2]), (2, &[]), (3, &[5])]);
        let b = cover(&[(1, &[2, 3]), (2, &[7]), (4, &[1])]);
        assert_eq!(
            a.union(b),
            cover(&[(1, &[1, 2, 3]), (2, &[]), (3, &[5]), (4, &[1])])
        );
    }

    #[test]
    fn intersection_drops_a_chunk_without_common_sub_chunks() {
        let a = cover(&[(1, &[1, 2]), (2, &[]), (3, &[5])]);
        let b = cover(&[(1, &[2, 3]), (2, &[7]), (3, &[6]), (4, &[1])]);
        assert_eq!(a.intersection(&b), cover(&[(1, &[2]), (2, &[7])]));
        assert_eq!(b.intersection(&a), cover(&[(1, &[2]), (2, &[7])]));
    }

    #[test]
    fn a_chunk_without_sub_chunks_is_not_in_a_cover() {
        let mut none = ChunkCover::empty();
        none.insert(5, SubChunks::Some(Vec::new()));
        assert!(none.is_empty());
        assert!(!none.contains(Cell {
            chunk: 5,
            sub_chunk: 0
        }));
    }
}
