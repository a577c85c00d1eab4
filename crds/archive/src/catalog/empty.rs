//! Which placed chunks hold rows.
//!
//! A chunk keeps its workers when the tables that had rows in it are gone. It is *empty* when the
//! catalog proves that there is nothing to lose: no table of the family has a segment in it, be it
//! published, taken back or of a deleted table that may come back.

use super::model::{Catalog, ChunkSet, Segment};
use crate::names::{ChunkId, WorkerId};

impl Catalog {
    /// The placed chunks of a family that hold no rows.
    pub fn empty_chunks(&self, family: &str) -> ChunkSet {
        let placed = self.families.get(family).into_iter();
        let placed = placed.flat_map(|family| family.placement.keys());
        let mut empty: ChunkSet = placed.copied().collect();
        for segment in self.segments_in(family) {
            for held in [&segment.home, &segment.overlap] {
                // Most often the first segments cover everything.
                if empty.is_empty() {
                    return empty;
                }
                take(&mut empty, held);
            }
        }
        empty
    }

    /// The placed chunks of a family that hold rows, with the workers that are listed for them.
    pub fn filled_chunks<'a>(
        &'a self,
        family: &str,
    ) -> impl Iterator<Item = (ChunkId, &'a [WorkerId])> + use<'a> {
        let empty = self.empty_chunks(family);
        let placed = self.families.get(family).into_iter();
        placed
            .flat_map(|family| &family.placement)
            .map(|(chunk, workers)| (*chunk, workers.as_slice()))
            .filter(move |(chunk, _)| !empty.contains(chunk))
    }

    /// Every segment that has rows in chunks of a family.
    fn segments_in<'a>(&'a self, family: &'a str) -> impl Iterator<Item = &'a Segment> {
        self.kept().flat_map(move |(_, table)| {
            let own = (table.kind.family() == Some(family)).then_some(table);
            let own = own.map(|table| [&table.segments, &table.revoked]);
            let index = table.kind.index().filter(|index| index.family == family);
            let index = index.map(|index| [&index.segments, &index.revoked]);
            own.into_iter().chain(index).flatten().flatten()
        })
    }
}

/// Takes `held` out of `empty`, at the cost of the smaller of the two.
fn take(empty: &mut ChunkSet, held: &ChunkSet) {
    if held.len() < empty.len() {
        for chunk in held {
            empty.remove(chunk);
        }
    } else {
        empty.retain(|chunk| !held.contains(chunk));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::catalog::{Retired, Table, TableKey};
    use crate::testing::{self, child, director, family, segment};

    const PLACED: [ChunkId; 4] = [1, 2, 3, 4];

    /// The empty chunks of both families while these tables are there.
    fn empty(edit: impl Fn(&mut Catalog)) -> [Vec<ChunkId>; 2] {
        let placement = || PLACED.map(|chunk| (chunk, vec![1, 2]));
        let mut catalog = testing::catalog(family(2, placement()), []);
        let index = family(2, placement());
        catalog.families.insert("f-index".into(), index);
        edit(&mut catalog);
        let chunks = |family: &str| catalog.empty_chunks(family).into_iter().collect();
        for family in ["f", "f-index"] {
            let filled = catalog.filled_chunks(family).map(|(chunk, _)| chunk);
            let mut all: Vec<ChunkId> = filled.chain(catalog.empty_chunks(family)).collect();
            all.sort_unstable();
            assert_eq!(all, PLACED, "each chunk is one or the other");
        }
        ["f", "f-index"].map(chunks)
    }

    fn key() -> TableKey {
        TableKey::new("sky", "Object")
    }

    #[test]
    fn a_chunk_is_empty_only_when_no_row_of_any_kind_is_in_it() {
        type Make = fn() -> Table;
        let all = PLACED.to_vec();
        let cases: [(&str, Make, [Vec<ChunkId>; 2]); 5] = [
            ("no rows", || director(1, []), [all.clone(), all.clone()]),
            (
                "home rows of a child",
                || child(1, [segment(1, [1]), segment(2, [3, 9])]),
                [vec![2, 4], all.clone()],
            ),
            (
                "overlap rows",
                || {
                    let mut overlap = segment(1, [1]);
                    overlap.overlap = [2].into();
                    child(1, [overlap])
                },
                [vec![3, 4], all.clone()],
            ),
            (
                "rows that were taken back",
                || {
                    let mut table = director(1, []);
                    table.revoked = vec![segment(1, [1, 2, 3])];
                    table
                },
                [vec![4], all.clone()],
            ),
            (
                "entries of an index, one of them taken back",
                || {
                    let mut table = director(1, [segment(1, PLACED)]);
                    let index = table.kind.index_mut().unwrap();
                    index.segments = vec![segment(1, [1])];
                    index.revoked = vec![segment(2, [2])];
                    table
                },
                [vec![], vec![3, 4]],
            ),
        ];
        for (what, make, expected) in cases {
            let declared = empty(|catalog| {
                catalog.tables.insert(key(), make());
            });
            assert_eq!(declared, expected, "{what}");
            let deleted = empty(|catalog| {
                let retired = Retired {
                    key: key(),
                    table: make(),
                    since: 1,
                    until: Some(1),
                    director: None,
                };
                catalog.retired = BTreeMap::from([(1, retired)]);
            });
            assert_eq!(deleted, expected, "{what}, deleted and may come back");
        }
    }

    #[test]
    fn rows_of_another_family_fill_nothing() {
        let [own, index] = empty(|catalog| {
            let mut table = child(1, [segment(1, PLACED)]);
            if let crate::catalog::TableKind::Child(accepted, _) = &mut table.kind {
                accepted.family = "g".into();
            }
            catalog.tables.insert(key(), table);
        });
        assert_eq!((own, index), (PLACED.to_vec(), PLACED.to_vec()));
    }
}
