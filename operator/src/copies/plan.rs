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
        .flat_map(|(name, family)| late(catalog, name, family, parties))
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

fn late<'a>(
    catalog: &Catalog,
    name: &'a str,
    family: &'a Family,
    parties: &Parties,
) -> Vec<Late<'a>> {
    if family.intended.is_empty() && family.behind.is_empty() {
        return Vec::new();
    }
    // No agent is asked to copy nothing.
    let empty = catalog.empty_chunks(name);
    let intended = family.intended.iter();
    let intended = intended.flat_map(|(chunk, workers)| workers.iter().map(|one| (*chunk, *one)));
    let behind = family.behind.iter();
    let behind = behind.flat_map(|late| late.chunks.iter().map(|chunk| (*chunk, late.worker)));
    intended
        .chain(behind)
        .filter(|(chunk, target)| parties.targets.contains(target) && !empty.contains(chunk))
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
mod tests;
