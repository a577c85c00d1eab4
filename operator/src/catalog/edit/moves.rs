//! Chunks move between workers: a copy is intended, arrives, and what is not needed leaves.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::catalog::{Catalog, ChunkSet, Family};
use orrery_archive::names::{ChunkId, WorkerId};

use super::empty::forget;
use super::error::EditError;

/// A chunk of a family and one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Family.
    pub family: String,
    /// Chunk.
    pub chunk: ChunkId,
    /// Worker that gets it, or that it leaves.
    pub worker: WorkerId,
}

impl Move {
    /// `chunk` of `family` and `worker`.
    pub fn of(family: &str, chunk: ChunkId, worker: WorkerId) -> Self {
        Self {
            family: family.to_owned(),
            chunk,
            worker,
        }
    }
}

/// Moves decided together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// Copies to be made.
    pub intend: Vec<Move>,
    /// Intended copies that are not wanted any more.
    pub cancel: Vec<Move>,
    /// Copies that are not listed any more; their rows become surplus.
    pub delist: Vec<Move>,
    /// Copies that serve and are to go once their chunk has as many as wanted without them.
    pub leave: Vec<Move>,
    /// Copies that are to stay after all.
    pub stay: Vec<Move>,
    /// Chunks without rows that need no worker, by family.
    pub forget: BTreeMap<String, ChunkSet>,
}

impl Moves {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        let all = [
            &self.intend,
            &self.cancel,
            &self.delist,
            &self.leave,
            &self.stay,
        ];
        self.forget.is_empty() && all.iter().all(|list| list.is_empty())
    }
}

/// Enters moves; `None` when the catalog says all of it already. Refused as a whole when a chunk
/// would lose its last complete copy.
pub fn moves(catalog: &Catalog, moves: &Moves) -> Result<Option<Catalog>, EditError> {
    let mut next = catalog.clone();
    for one in &moves.cancel {
        let family = family(&mut next, &one.family)?;
        take(&mut family.intended, one.chunk, one.worker);
    }
    for one in &moves.stay {
        let family = family(&mut next, &one.family)?;
        take(&mut family.leaving, one.chunk, one.worker);
    }
    for one in &moves.leave {
        let family = family(&mut next, &one.family)?;
        let listed = family.placement.get(&one.chunk);
        if listed.is_some_and(|listed| listed.contains(&one.worker)) {
            let leaving = family.leaving.entry(one.chunk).or_default();
            leaving.insert(one.worker);
        }
    }
    for one in &moves.intend {
        let family = family(&mut next, &one.family)?;
        let listed = family.placement.get(&one.chunk);
        if listed.is_some_and(|listed| !listed.contains(&one.worker)) {
            let intended = family.intended.entry(one.chunk).or_default();
            intended.insert(one.worker);
        }
    }
    for one in &moves.delist {
        delist(family(&mut next, &one.family)?, one)?;
    }
    for (family, chunks) in &moves.forget {
        forget(&mut next, family, chunks);
    }
    Ok(changed(catalog, next))
}

/// Lists a worker for a chunk that it holds completely; `None` when it is so already, or when the
/// chunk lost its last rows meanwhile and needs no worker any more.
pub fn arrive(
    catalog: &Catalog,
    family_name: &str,
    chunk: ChunkId,
    worker: WorkerId,
) -> Result<Option<Catalog>, EditError> {
    let mut next = catalog.clone();
    let family = family(&mut next, family_name)?;
    let Some(workers) = family.placement.get_mut(&chunk) else {
        return Ok(None);
    };
    if let Err(place) = workers.binary_search(&worker) {
        workers.insert(place, worker);
    }
    caught_up(family, chunk, worker);
    take(&mut family.intended, chunk, worker);
    Ok(changed(catalog, next))
}

fn delist(family: &mut Family, gone: &Move) -> Result<(), EditError> {
    let Move { chunk, worker, .. } = gone;
    if family.complete_holders(*chunk).all(|held| held == *worker) {
        return Err(EditError::LastCopy {
            family: gone.family.clone(),
            chunk: *chunk,
            worker: *worker,
        });
    }
    if let Some(workers) = family.placement.get_mut(chunk) {
        workers.retain(|held| held != worker);
    }
    caught_up(family, *chunk, *worker);
    take(&mut family.leaving, *chunk, *worker);
    Ok(())
}

/// A worker is not behind for a chunk: it has all of it, or is not listed for it.
fn caught_up(family: &mut Family, chunk: ChunkId, worker: WorkerId) {
    let own = family.behind.iter_mut();
    for behind in own.filter(|behind| behind.worker == worker) {
        behind.chunks.remove(&chunk);
    }
    family.behind.retain(|behind| !behind.chunks.is_empty());
}

/// Takes a worker out of a chunk's entry, which is never empty.
fn take(chunks: &mut BTreeMap<ChunkId, BTreeSet<WorkerId>>, chunk: ChunkId, worker: WorkerId) {
    if let Entry::Occupied(mut workers) = chunks.entry(chunk) {
        workers.get_mut().remove(&worker);
        if workers.get().is_empty() {
            workers.remove();
        }
    }
}

fn family<'a>(next: &'a mut Catalog, name: &str) -> Result<&'a mut Family, EditError> {
    let family = next.families.get_mut(name);
    family.ok_or_else(|| EditError::NoFamily(name.to_owned()))
}

fn changed(before: &Catalog, mut next: Catalog) -> Option<Catalog> {
    if next == *before {
        return None;
    }
    next.epochs.placement += 1;
    Some(next)
}

#[cfg(test)]
mod tests {
    use orrery_archive::catalog::Behind;
    use orrery_archive::testing;

    use super::*;

    fn catalog(listed: &[WorkerId], behind: Option<WorkerId>) -> Catalog {
        let mut family = testing::family(3, [(1, listed.to_vec())]);
        family.behind.extend(behind.map(|worker| Behind {
            worker,
            segment: 7,
            chunks: [1].into(),
        }));
        testing::catalog(family, [])
    }

    fn delisted(catalog: &Catalog, worker: WorkerId) -> Result<Option<Catalog>, EditError> {
        let delist = vec![Move::of("f", 1, worker)];
        let all = Moves {
            delist,
            ..Moves::default()
        };
        moves(catalog, &all)
    }

    #[test]
    fn the_last_complete_copy_is_never_taken_off_the_list() {
        let refused = delisted(&catalog(&[1], None), 1).unwrap_err();
        assert!(matches!(refused, EditError::LastCopy { .. }), "{refused}");
        let other_is_behind = delisted(&catalog(&[1, 2], Some(2)), 1);
        assert!(other_is_behind.is_err(), "2 lacks a segment");
        let gone = delisted(&catalog(&[1, 2], Some(2)), 2).unwrap().unwrap();
        assert_eq!(gone.families["f"].placement[&1], [1]);
        assert!(gone.families["f"].behind.is_empty());
    }

    #[test]
    fn a_copy_that_is_to_leave_is_listed_until_it_is_delisted_or_stays_after_all() {
        let before = catalog(&[1, 2], None);
        let marks = Moves {
            leave: vec![Move::of("f", 1, 1), Move::of("f", 1, 3)],
            ..Moves::default()
        };
        let marked = moves(&before, &marks).unwrap().unwrap();
        let family = &marked.families["f"];
        assert_eq!(family.leaving, BTreeMap::from([(1, BTreeSet::from([1]))]));
        assert_eq!(family.placement[&1], [1, 2], "3 never had it");
        let gone = delisted(&marked, 1).unwrap().unwrap();
        assert!(gone.families["f"].leaving.is_empty());
        let stay = Moves {
            stay: marks.leave,
            ..Moves::default()
        };
        let stayed = moves(&marked, &stay).unwrap().unwrap();
        assert_eq!(stayed.families, before.families);
    }

    #[test]
    fn an_intended_copy_is_one_until_it_arrives() {
        let before = catalog(&[2], None);
        let all = Moves {
            intend: vec![
                Move::of("f", 1, 1),
                Move::of("f", 1, 2),
                Move::of("f", 3, 1),
            ],
            ..Moves::default()
        };
        let intended = moves(&before, &all).unwrap().unwrap();
        let kept = BTreeMap::from([(1, BTreeSet::from([1]))]);
        assert_eq!(
            intended.families["f"].intended, kept,
            "2 has it, 3 is nowhere"
        );
        assert_eq!(intended.epochs.placement, 1);
        assert_eq!(moves(&intended, &all).unwrap(), None);
        let there = arrive(&intended, "f", 1, 1).unwrap().unwrap();
        assert_eq!(there.families["f"].placement[&1], [1, 2]);
        assert!(there.families["f"].intended.is_empty());
        assert_eq!(arrive(&there, "f", 1, 1).unwrap(), None);
        let gone = arrive(&there, "f", 3, 1).unwrap();
        assert_eq!(gone, None, "3 needs no worker");
    }
}
