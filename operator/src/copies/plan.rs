//! Which copies are made now, and from whom they are taken. Pure.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::catalog::{Catalog, Family};
use orrery_archive::names::{ChunkId, WorkerId};

use super::tables::{Physical, chunk_tables};
use crate::placement::sizes::Sizes;

/// Tables one worker takes from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Chunks that are complete on the target once the transfer is, by family.
    pub chunks: BTreeSet<(String, ChunkId)>,
    /// Tables to copy.
    pub tables: BTreeSet<Physical>,
}

/// Transfers by target and source.
pub type Transfers = BTreeMap<(WorkerId, WorkerId), Transfer>;

/// What may be under way at a time from one worker and to one worker: bounds the load that copies
/// put on each, also when many chunks of the archive move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Chunks.
    pub chunks: usize,
    /// Bytes; one chunk may have more.
    pub bytes: u64,
}

/// The throttles of both kinds of copies. What [`Throttles::moves`] admits counts for
/// [`Throttles::all`] too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttles {
    /// Of all copies.
    pub all: Throttle,
    /// Of those that only even out what has all its copies.
    pub moves: Throttle,
}

impl Throttles {
    /// Those of a pool that lets so many chunks be copied from and to a worker.
    pub fn of(copies_per_worker: u32) -> Self {
        let chunks = copies_per_worker as usize;
        Self {
            all: Throttle {
                chunks,
                bytes: 4 << 30,
            },
            moves: Throttle {
                chunks: chunks.div_ceil(4),
                bytes: 1 << 30,
            },
        }
    }
}

/// Who takes part in copies.
#[derive(Clone, Debug, Default)]
pub struct Parties {
    /// Workers that serve: copies are taken from them.
    pub sources: BTreeSet<WorkerId>,
    /// Workers that copies go to.
    pub targets: BTreeSet<WorkerId>,
    /// What may be under way from and to each of them.
    pub throttles: BTreeMap<WorkerId, Throttles>,
}

/// A chunk that a worker is to get, or to catch up with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Late<'a> {
    /// Whether the chunk has all its copies and only moves: such chunks come last.
    moves: bool,
    /// Copies that can be read; the fewest come first.
    readable: usize,
    family: &'a str,
    chunk: ChunkId,
    target: WorkerId,
}

/// Transfers that make the intended copies and bring every listed worker up to date, as far as
/// the throttles let them. The last copies come first, chunks that only move come last and wait for
/// no other: they share no transfer with them. One of `running` continues as it is while all of it
/// is wanted: another list of tables would be another copy.
pub fn transfers(catalog: &Catalog, parties: &Parties, running: &Transfers) -> Transfers {
    let mut late: Vec<Late<'_>> = catalog
        .families
        .iter()
        .flat_map(|(name, family)| late(name, family, parties))
        .collect();
    late.sort();
    late.dedup();
    let sizes = Sizes::of(catalog, late.iter().map(|late| late.family));
    let mut moved: BTreeSet<(WorkerId, WorkerId)> = BTreeSet::new();
    let mut transfers = continued(catalog, parties, &late, running);
    let mut traffic = Traffic::of(parties, &transfers, &late, &sizes);
    let begun = transfers.clone();
    for Late {
        moves,
        family,
        chunk,
        target,
        ..
    } in late
    {
        // Chunks without a source must not take the places of others: a worker that is away may
        // have held many.
        let Some(source) = source(catalog, family, chunk, target, &parties.sources) else {
            continue;
        };
        let bytes = sizes.bytes(family, chunk);
        let pair = (target, source);
        let shared = transfers.contains_key(&pair) && !moved.contains(&pair);
        if begun.contains_key(&pair)
            || moves && shared
            || !traffic.admits(moves, source, target, bytes)
        {
            continue;
        }
        traffic.count(moves, source, target, bytes);
        if moves {
            moved.insert(pair);
        }
        let transfer = transfers.entry((target, source)).or_default();
        transfer.tables.extend(chunk_tables(catalog, family, chunk));
        transfer.chunks.insert((family.to_owned(), chunk));
    }
    transfers
}

/// Those of `running` of which everything is still wanted and there is a complete source.
fn continued(
    catalog: &Catalog,
    parties: &Parties,
    late: &[Late<'_>],
    running: &Transfers,
) -> Transfers {
    let wanted: BTreeSet<(&str, ChunkId, WorkerId)> = late
        .iter()
        .map(|late| (late.family, late.chunk, late.target))
        .collect();
    let holds = |source: WorkerId, family: &String, chunk: ChunkId| {
        let family = catalog.families.get(family);
        family.is_some_and(|family| family.complete_holders(chunk).any(|held| held == source))
    };
    let continued = running.iter().filter(|((target, source), transfer)| {
        let mut chunks = transfer.chunks.iter();
        parties.sources.contains(source)
            && chunks.all(|(family, chunk)| {
                wanted.contains(&(family.as_str(), *chunk, *target))
                    && holds(*source, family, *chunk)
            })
    });
    let with_tables = continued.map(|(pair, transfer)| {
        let chunks = transfer.chunks.clone();
        let tables = chunks
            .iter()
            .flat_map(|(family, chunk)| chunk_tables(catalog, family, *chunk))
            .collect();
        (*pair, Transfer { chunks, tables })
    });
    with_tables.collect()
}

fn late<'a>(name: &'a str, family: &'a Family, parties: &Parties) -> Vec<Late<'a>> {
    let intended = family.intended.iter();
    let intended = intended.flat_map(|(chunk, workers)| workers.iter().map(|one| (*chunk, *one)));
    let behind = family.behind.iter();
    let behind = behind.flat_map(|late| late.chunks.iter().map(|chunk| (*chunk, late.worker)));
    intended
        .chain(behind)
        .filter(|(_, target)| parties.targets.contains(target))
        .map(|(chunk, target)| Late {
            moves: only_moves(family, chunk, target),
            readable: family
                .complete_holders(chunk)
                .filter(|worker| parties.sources.contains(worker))
                .count(),
            family: name,
            chunk,
            target,
        })
        .collect()
}

/// Whether a chunk goes to `target` in place of a worker that it leaves although it has all its
/// copies.
fn only_moves(family: &Family, chunk: ChunkId, target: WorkerId) -> bool {
    let complete = family.complete_holders(chunk).count();
    let listed = family.placement.get(&chunk);
    family.leaving.contains_key(&chunk)
        && complete >= family.replicas.desired as usize
        && listed.is_some_and(|listed| !listed.contains(&target))
}

/// What workers send and receive: all of it, and that of chunks that only move.
struct Traffic {
    all: Busy,
    moves: Busy,
}

impl Traffic {
    /// That of transfers which run already.
    fn of(parties: &Parties, running: &Transfers, late: &[Late<'_>], sizes: &Sizes) -> Self {
        let only_moves: BTreeSet<(&str, ChunkId, WorkerId)> = late
            .iter()
            .filter(|late| late.moves)
            .map(|late| (late.family, late.chunk, late.target))
            .collect();
        let throttles = parties.throttles.iter();
        let mut traffic = Self {
            all: Busy::new(throttles.clone().map(|(worker, of)| (*worker, of.all))),
            moves: Busy::new(throttles.map(|(worker, of)| (*worker, of.moves))),
        };
        for ((target, source), transfer) in running {
            for (family, chunk) in &transfer.chunks {
                let moves = only_moves.contains(&(family.as_str(), *chunk, *target));
                traffic.count(moves, *source, *target, sizes.bytes(family, *chunk));
            }
        }
        traffic
    }

    /// Whether a chunk of so many bytes may go from `source` to `target` now.
    fn admits(&self, moves: bool, source: WorkerId, target: WorkerId, bytes: u64) -> bool {
        self.all.admits(source, target, bytes)
            && (!moves || self.moves.admits(source, target, bytes))
    }

    fn count(&mut self, moves: bool, source: WorkerId, target: WorkerId, bytes: u64) {
        self.all.count(source, target, bytes);
        if moves {
            self.moves.count(source, target, bytes);
        }
    }
}

/// What is under way by worker.
struct Busy {
    throttles: BTreeMap<WorkerId, Throttle>,
    from: BTreeMap<WorkerId, (usize, u64)>,
    to: BTreeMap<WorkerId, (usize, u64)>,
}

impl Busy {
    fn new(throttles: impl Iterator<Item = (WorkerId, Throttle)>) -> Self {
        Self {
            throttles: throttles.collect(),
            from: BTreeMap::new(),
            to: BTreeMap::new(),
        }
    }

    fn admits(&self, source: WorkerId, target: WorkerId, bytes: u64) -> bool {
        let free = |worker, held: Option<&(usize, u64)>| {
            self.throttles.get(&worker).is_some_and(|most| {
                held.is_none_or(|(count, sum)| {
                    *count < most.chunks && sum.saturating_add(bytes) <= most.bytes
                })
            })
        };
        free(source, self.from.get(&source)) && free(target, self.to.get(&target))
    }

    fn count(&mut self, source: WorkerId, target: WorkerId, bytes: u64) {
        for entry in [
            self.from.entry(source).or_default(),
            self.to.entry(target).or_default(),
        ] {
            entry.0 += 1;
            entry.1 = entry.1.saturating_add(bytes);
        }
    }
}

/// A serving worker that holds the chunk completely; they take turns by chunk.
fn source(
    catalog: &Catalog,
    family: &str,
    chunk: ChunkId,
    target: WorkerId,
    sources: &BTreeSet<WorkerId>,
) -> Option<WorkerId> {
    let family = catalog.families.get(family)?;
    let complete: Vec<WorkerId> = family
        .complete_holders(chunk)
        .filter(|worker| *worker != target && sources.contains(worker))
        .collect();
    complete
        .get(chunk as usize % complete.len().max(1))
        .copied()
}

#[cfg(test)]
mod tests {
    use orrery_archive::catalog::Behind;
    use orrery_archive::testing;

    use super::*;

    const THROTTLE: Throttles = throttles(10);

    const fn throttles(chunks: usize) -> Throttles {
        let all = Throttle {
            chunks,
            bytes: u64::MAX,
        };
        Throttles { all, moves: all }
    }

    fn serving(workers: &[WorkerId], throttles: Throttles) -> Parties {
        let ids: BTreeSet<WorkerId> = workers.iter().copied().collect();
        Parties {
            throttles: ids.iter().map(|worker| (*worker, throttles)).collect(),
            sources: ids.clone(),
            targets: ids,
        }
    }

    fn planned(catalog: &Catalog) -> Transfers {
        transfers(catalog, &serving(&[1, 2], THROTTLE), &Transfers::new())
    }

    /// The catalog with these copies intended.
    fn intending(mut catalog: Catalog, copies: &[(ChunkId, WorkerId)]) -> Catalog {
        let intended = &mut catalog.families.get_mut("f").unwrap().intended;
        for (chunk, worker) in copies {
            intended.entry(*chunk).or_default().insert(*worker);
        }
        catalog
    }

    fn catalog(placement: &[(ChunkId, &[WorkerId])], behind: Vec<Behind>) -> Catalog {
        let placement = placement.iter();
        let placement = placement.map(|(chunk, workers)| (*chunk, workers.to_vec()));
        let family = Family {
            behind,
            ..testing::family(2, placement)
        };
        testing::catalog(family, [])
    }

    #[test]
    fn an_intended_copy_is_made_from_a_holder() {
        let catalog = catalog(&[(1, &[1]), (2, &[1, 2])], Vec::new());
        let transfers = planned(&intending(catalog, &[(1, 2)]));
        assert_eq!(transfers.keys().collect::<Vec<_>>(), [&(2, 1)]);
        assert_eq!(
            transfers[&(2, 1)].chunks,
            BTreeSet::from([("f".to_owned(), 1)])
        );
    }

    #[test]
    fn a_worker_that_is_behind_catches_up_from_one_that_is_not() {
        let behind = vec![Behind {
            worker: 2,
            segment: 7,
            chunks: [1].into(),
        }];
        let transfers = planned(&catalog(&[(1, &[1, 2])], behind));
        assert_eq!(transfers.keys().collect::<Vec<_>>(), [&(2, 1)]);
    }

    #[test]
    fn chunks_without_a_source_do_not_hold_up_the_others() {
        let placement: Vec<(ChunkId, &[WorkerId])> =
            vec![(1, &[9]), (2, &[9]), (3, &[9]), (4, &[1])];
        let catalog = catalog(&placement, Vec::new());
        let catalog = intending(catalog, &[(1, 2), (2, 2), (3, 2), (4, 2)]);
        let transfers = transfers(&catalog, &serving(&[1, 2], throttles(1)), &Transfers::new());
        assert_eq!(
            transfers[&(2, 1)].chunks,
            BTreeSet::from([("f".to_owned(), 4)])
        );
    }

    #[test]
    fn the_last_copies_come_first_and_no_worker_gives_or_takes_more_than_it_may() {
        let placement: Vec<(ChunkId, &[WorkerId])> =
            vec![(1, &[1, 2]), (2, &[1, 2]), (3, &[1]), (4, &[2])];
        let catalog = catalog(&placement, Vec::new());
        let copies = [(1, 3), (2, 4), (3, 3), (4, 3)];
        let catalog = intending(catalog, &copies);
        let parties = serving(&[1, 2, 3, 4], throttles(2));
        let transfers = transfers(&catalog, &parties, &Transfers::new());
        let chunks = |target: WorkerId| -> Vec<ChunkId> {
            let own = transfers.iter().filter(|((to, _), _)| *to == target);
            own.flat_map(|(_, transfer)| transfer.chunks.iter().map(|(_, chunk)| *chunk))
                .collect()
        };
        assert_eq!(chunks(3), [3, 4], "the last copies");
        assert_eq!(chunks(4), [2], "3 has enough to do, 4 has not");
    }

    #[test]
    fn a_copy_under_way_continues_as_it_is_while_it_is_wanted() {
        let placement: Vec<(ChunkId, &[WorkerId])> = vec![(1, &[1]), (2, &[1]), (3, &[1])];
        let begun = intending(catalog(&placement, Vec::new()), &[(2, 2)]);
        let running = planned(&begun);
        let more = intending(begun, &[(1, 2), (3, 2)]);
        let parties = serving(&[1, 2], THROTTLE);
        let next = transfers(&more, &parties, &running);
        assert_eq!(next, running, "another list would be another copy");
        let arrived = {
            let mut catalog = more;
            let family = catalog.families.get_mut("f").unwrap();
            family.intended.remove(&2);
            family.placement.insert(2, vec![1, 2]);
            catalog
        };
        let next = transfers(&arrived, &parties, &running);
        assert_eq!(next[&(2, 1)].chunks.len(), 2, "the others follow");
    }

    #[test]
    fn a_worker_gives_and_takes_as_many_chunks_as_its_pool_says() {
        let placement: Vec<(ChunkId, &[WorkerId])> =
            (1..=9).map(|chunk| (chunk, &[1][..])).collect();
        let copies: Vec<(ChunkId, WorkerId)> = (1..=9).map(|chunk| (chunk, 2)).collect();
        let catalog = intending(catalog(&placement, Vec::new()), &copies);
        let begun = |from, to| {
            let mut parties = serving(&[1, 2], Throttles::of(from));
            parties.throttles.insert(2, Throttles::of(to));
            let begun = transfers(&catalog, &parties, &Transfers::new());
            begun
                .get(&(2, 1))
                .map_or(0, |transfer| transfer.chunks.len())
        };
        assert_eq!([begun(16, 16), begun(5, 16), begun(16, 2)], [9, 5, 2]);
        assert_eq!(Throttles::of(1).moves.chunks, 1);
    }

    #[test]
    fn bytes_are_bounded_and_one_large_chunk_passes() {
        let throttle = Throttle {
            chunks: 10,
            bytes: 100,
        };
        let mut busy = Busy::new((1..=4).map(|worker| (worker, throttle)));
        let mut admit = |source, target, bytes| {
            let admitted = busy.admits(source, target, bytes);
            if admitted {
                busy.count(source, target, bytes);
            }
            admitted
        };
        assert!(admit(1, 2, 1000), "alone");
        assert!(!admit(3, 2, 1), "the target is busy");
        assert!(!admit(1, 4, 1), "the source is busy");
        assert!(admit(3, 4, 60));
        assert!(admit(3, 4, 40));
        assert!(!admit(3, 4, 1));
    }

    #[test]
    fn chunks_that_only_move_come_last_few_at_a_time_and_hold_up_no_other() {
        let placement: Vec<(ChunkId, &[WorkerId])> = vec![
            (1, &[1, 2]),
            (2, &[1, 2]),
            (3, &[1, 2]),
            (4, &[2]),
            (6, &[1, 2]),
        ];
        let moving = catalog(&placement, Vec::new());
        let mut moving = intending(moving, &[(1, 3), (2, 3), (3, 3), (4, 3), (6, 3)]);
        let family = moving.families.get_mut("f").unwrap();
        family.leaving = [1, 2, 3, 6].map(|chunk| (chunk, [1].into())).into();
        let one = Throttles {
            moves: Throttle {
                chunks: 1,
                bytes: u64::MAX,
            },
            ..THROTTLE
        };
        let parties = serving(&[1, 2, 3], one);
        let begun = transfers(&moving, &parties, &Transfers::new());
        let chunks = |transfers: &Transfers, source: WorkerId| -> Vec<ChunkId> {
            let transfer = transfers.get(&(3, source)).into_iter();
            transfer
                .flat_map(|transfer| transfer.chunks.iter().map(|(_, chunk)| *chunk))
                .collect()
        };
        assert_eq!(
            chunks(&begun, 2),
            [4],
            "alone, though 1 and 3 come from 2 too"
        );
        assert_eq!(chunks(&begun, 1), [2], "one at a time to each worker");
        assert_eq!(transfers(&moving, &parties, &begun), begun);
    }

    #[test]
    fn without_a_complete_source_nothing_is_copied() {
        let behind = vec![Behind {
            worker: 1,
            segment: 7,
            chunks: [1].into(),
        }];
        let catalog = intending(catalog(&[(1, &[1])], behind), &[(1, 2)]);
        assert!(planned(&catalog).is_empty());
    }
}
