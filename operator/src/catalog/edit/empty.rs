//! Chunks without rows leave the catalog: an edit moves nothing that a chunk could lose.

use orrery_archive::catalog::{Catalog, ChunkSet};

/// The chunks of a family that need no worker: this very catalog has no rows in them
/// ([`Catalog::empty_chunks`]), and no open attempt is about to write to theirs.
pub fn idle_chunks(catalog: &Catalog, family: &str) -> ChunkSet {
    let mut idle = catalog.empty_chunks(family);
    if let Some(family) = catalog.families.get(family) {
        for open in family.attempts.values() {
            idle.retain(|chunk| !open.chunks.contains(chunk));
        }
    }
    idle
}

/// Takes those of `chunks` off the list that need no worker; the others stay as they are. The next
/// ingest with rows for one gives it workers as it does a new chunk.
pub(super) fn forget(next: &mut Catalog, name: &str, chunks: &ChunkSet) {
    let mut gone = idle_chunks(next, name);
    gone.retain(|chunk| chunks.contains(chunk));
    let Some(family) = next.families.get_mut(name) else {
        return;
    };
    let stays = |chunk: &u32| !gone.contains(chunk);
    family.placement.retain(|chunk, _| stays(chunk));
    family.intended.retain(|chunk, _| stays(chunk));
    family.leaving.retain(|chunk, _| stays(chunk));
    for behind in &mut family.behind {
        behind.chunks.retain(stays);
    }
    family.behind.retain(|behind| !behind.chunks.is_empty());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use orrery_archive::catalog::{Behind, OpenAttempt, Retired, Segment, TableKey};
    use orrery_archive::names::ChunkId;
    use orrery_archive::testing;
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::edit::{Moves, moves};

    fn forgotten(catalog: &Catalog, chunks: &ChunkSet) -> Option<Catalog> {
        let all = Moves {
            forget: BTreeMap::from([("f".to_owned(), chunks.clone())]),
            ..Moves::default()
        };
        moves(catalog, &all).unwrap()
    }

    fn placed(segments: impl IntoIterator<Item = Segment>) -> Catalog {
        let family = testing::family(2, (1..=4).map(|chunk| (chunk, vec![1, 2])));
        testing::catalog(family, [("Source", testing::child(7, segments))])
    }

    #[test]
    fn a_chunk_without_rows_leaves_with_all_that_was_planned_for_it() {
        let mut before = placed([testing::segment(1, [1])]);
        let family = before.families.get_mut("f").unwrap();
        let workers = BTreeMap::from([(1, [3].into()), (2, [3].into())]);
        (family.intended, family.leaving) = (workers.clone(), workers);
        // Of a table that is gone.
        family.behind = [[1, 2].into(), [2].into()]
            .map(|chunks| Behind {
                worker: 2,
                segment: 9,
                chunks,
            })
            .to_vec();
        let next = forgotten(&before, &[1, 2, 3].into()).unwrap();
        let family = &next.families["f"];
        assert!(family.placement.keys().eq(&[1, 4]), "1 has rows");
        assert!(family.intended.keys().eq(&[1]) && family.leaving.keys().eq(&[1]));
        let behind: Vec<&ChunkSet> = family.behind.iter().map(|one| &one.chunks).collect();
        assert_eq!(behind, [&ChunkSet::from([1])]);
        assert_eq!(next.epochs.placement, before.epochs.placement + 1);
        assert_eq!(forgotten(&next, &[1, 2, 3].into()), None);
    }

    #[test]
    fn an_open_attempt_keeps_its_chunks_until_it_ends() {
        let mut before = placed([]);
        let open = OpenAttempt {
            ingest: "uid".into(),
            chunks: [2, 3].into(),
        };
        let family = before.families.get_mut("f").unwrap();
        family.attempts.insert(12, open);
        let next = forgotten(&before, &[1, 2, 3, 4].into()).unwrap();
        assert!(next.families["f"].placement.keys().eq(&[2, 3]));
        let mut over = next;
        crate::catalog::edit::close_attempt(&mut over, 12);
        let next = forgotten(&over, &[2, 3].into()).unwrap();
        assert!(next.families["f"].placement.is_empty());
    }

    const CHUNKS: ChunkId = 12;

    /// Segments of a table that is there, of the same taken back, and of a deleted one; what an
    /// attempt is about to write; what an edit is asked to forget.
    type Archive = ([Vec<ChunkSet>; 3], ChunkSet, ChunkSet);

    fn archive() -> impl Strategy<Value = Archive> {
        let set = || prop::collection::btree_set(1..=CHUNKS, 0..6);
        let sets = || prop::collection::vec(set(), 0..3);
        (
            [sets(), sets(), sets()],
            set(),
            prop::collection::btree_set(1..=CHUNKS, 0..12),
        )
    }

    proptest! {
        #[test]
        fn no_chunk_with_any_row_is_ever_moved_by_an_edit_alone(
            ([there, revoked, deleted], open, asked) in archive()
        ) {
            let mut number = 0;
            let mut segments = |sets: &[ChunkSet]| -> Vec<Segment> {
                let one = |set: &ChunkSet| {
                    number += 1;
                    // Every second one has nothing but overlap rows.
                    let mut segment = testing::segment(number, set.clone());
                    if number % 2 == 0 {
                        segment.overlap = std::mem::take(&mut segment.home);
                    }
                    segment
                };
                sets.iter().map(one).collect()
            };
            let mut table = testing::child(7, segments(&there));
            table.revoked = segments(&revoked);
            let gone = testing::child(8, segments(&deleted));
            let family = testing::family(2, (1..=CHUNKS).map(|chunk| (chunk, vec![1, 2])));
            let mut catalog = testing::catalog(family, [("Source", table)]);
            let retired = Retired {
                key: TableKey::new("sky", "Gone"),
                table: gone,
                since: 1,
                until: Some(0),
                director: None,
            };
            catalog.retired.insert(8, retired);
            let attempt = OpenAttempt { ingest: "uid".into(), chunks: open.clone() };
            catalog.families.get_mut("f").unwrap().attempts.insert(1, attempt);
            let next = forgotten(&catalog, &asked).unwrap_or_else(|| catalog.clone());
            let needed: ChunkSet = [there, revoked, deleted].iter().flatten().flatten().copied()
                .chain(open).collect();
            for chunk in 1..=CHUNKS {
                let stays = next.families["f"].placement.get(&chunk);
                let goes = asked.contains(&chunk) && !needed.contains(&chunk);
                let before = catalog.families["f"].placement.get(&chunk);
                prop_assert_eq!(stays, before.filter(|_| !goes), "chunk {}", chunk);
            }
        }
    }
}
