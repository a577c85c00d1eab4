//! From where chunks are and how their workers stand to what is to be written in the catalog: which
//! copies are to be made, which are not wanted any more, and whom a chunk can leave. Pure.
//!
//! What was decided once stands in the catalog and is kept, so that another leader continues. A
//! chunk leaves a worker only when as many complete copies as wanted are on workers that serve.
//!
//! A chunk without rows has nothing to copy. It leaves the catalog, many in one edit, and the next
//! ingest gives it workers again. Where an open attempt is about to write it stays as it is until
//! that ends: the ingest does without workers that are lost, and its chunks are repaired then.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::catalog::{Catalog, ChunkSet, Family};
use orrery_archive::names::{ChunkId, WorkerId};

use super::site::{Site, Standing};
use crate::catalog::edit::{self, Move, Moves};
use crate::placement::sizes::Sizes;
use crate::placement::{Place, Planner};

/// What is known of an archive.
pub struct Situation<'a> {
    /// The catalog.
    pub catalog: &'a Catalog,
    /// Its workers.
    pub sites: &'a [Site],
    /// Pools in which no new copy is begun.
    pub held: &'a BTreeSet<String>,
}

/// What is to be written, and what cannot be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Edits of the catalog.
    pub moves: Moves,
    /// Chunks for whose copies no worker is left, by pool.
    pub homeless: BTreeMap<String, u64>,
    /// Chunks that wait because their pool is held, by pool.
    pub waiting: BTreeMap<String, u64>,
    /// Chunks that wait for ingests, by pool.
    pub awaited: BTreeMap<String, Awaited>,
}

/// Chunks without rows that stay on workers which are lost or to be emptied, because open attempts
/// are about to write to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Awaited {
    /// How many.
    pub chunks: u64,
    /// UIDs of the Ingests.
    pub ingests: BTreeSet<String>,
}

/// Plans the whole archive.
pub fn plan(situation: &Situation<'_>) -> Plan {
    let mut plan = Plan::default();
    let pools: BTreeSet<&String> = situation
        .catalog
        .families
        .values()
        .map(|family| &family.pool)
        .collect();
    for pool in pools {
        Pool::new(situation, pool).plan(&mut plan);
    }
    plan
}

/// Whether a chunk is to leave a worker although that serves.
fn is_leaving(family: &Family, chunk: ChunkId, worker: WorkerId) -> bool {
    let leaving = family.leaving.get(&chunk);
    leaving.is_some_and(|workers| workers.contains(&worker))
}

/// The families of one pool, which share its workers' room.
struct Pool<'a> {
    name: &'a str,
    catalog: &'a Catalog,
    standing: BTreeMap<WorkerId, Standing>,
    planner: Planner,
    held: bool,
}

/// A chunk with fewer copies to stay than wanted.
struct Short<'a> {
    family: &'a str,
    chunk: ChunkId,
    /// Complete copies on workers that answer.
    readable: usize,
    /// Copies to add.
    missing: usize,
    /// Workers whose copies or coming copies stay.
    staying: Vec<WorkerId>,
    /// Workers that it leaves, which get nothing of it again.
    leaving: Vec<WorkerId>,
}

impl<'a> Pool<'a> {
    fn new(situation: &Situation<'a>, name: &'a str) -> Self {
        let sites = situation.sites.iter();
        let sites: Vec<&Site> = sites.filter(|site| site.place.pool == name).collect();
        let open = |site: &&Site| site.standing == Standing::Serving;
        Self {
            name,
            catalog: situation.catalog,
            standing: sites
                .iter()
                .map(|site| (site.place.worker, site.standing))
                .collect(),
            planner: Planner::new(sites.iter().map(|site| Place {
                open: site.place.open && open(site),
                ..site.place.clone()
            })),
            held: situation.held.contains(name),
        }
    }

    fn plan(mut self, plan: &mut Plan) {
        let catalog = self.catalog;
        let families = catalog.families.iter();
        let families: Vec<(&String, &Family)> = families
            .filter(|(_, family)| family.pool == self.name)
            .collect();
        let mut short = Vec::new();
        for (name, family) in families {
            self.forget(plan, name, family);
            for (chunk, listed) in catalog.filled_chunks(name) {
                short.extend(self.chunk(plan, name, family, chunk, listed));
            }
        }
        if self.held {
            let waiting = short.len() as u64;
            if waiting > 0 {
                plan.waiting.insert(self.name.to_owned(), waiting);
            }
            return;
        }
        let sizes = Sizes::of(catalog, short.iter().map(|short| short.family));
        let mut short: Vec<(u64, Short<'_>)> = short
            .into_iter()
            .map(|short| (sizes.bytes(short.family, short.chunk), short))
            .collect();
        // The last copies choose first; then large chunks, so that small ones even out what is
        // left.
        short.sort_by_key(|(bytes, short)| {
            (
                short.readable,
                std::cmp::Reverse(*bytes),
                short.family,
                short.chunk,
            )
        });
        let mut homeless = 0;
        for (bytes, short) in short {
            homeless += u64::from(!self.fill(plan, bytes, short));
        }
        if homeless > 0 {
            plan.homeless.insert(self.name.to_owned(), homeless);
        }
    }

    /// Gives up what is planned for chunks without rows, and takes those off the list that need no
    /// worker.
    fn forget(&self, plan: &mut Plan, name: &str, family: &Family) {
        let empty = self.catalog.empty_chunks(name);
        let planned = |workers_of: &BTreeMap<ChunkId, BTreeSet<WorkerId>>| -> Vec<Move> {
            let of_empty = workers_of.iter().filter(|(chunk, _)| empty.contains(chunk));
            let moves = of_empty.flat_map(|(chunk, workers)| {
                let moves = workers.iter();
                moves.map(|worker| Move::of(name, *chunk, *worker))
            });
            moves.collect()
        };
        plan.moves.cancel.extend(planned(&family.intended));
        plan.moves.stay.extend(planned(&family.leaving));
        self.note_awaited(plan, family, &empty);
        let idle = edit::idle_chunks(self.catalog, name);
        if !idle.is_empty() {
            plan.moves.forget.insert(name.to_owned(), idle);
        }
    }

    /// Notes which of these chunks without rows would leave their workers but for an open attempt.
    fn note_awaited(&self, plan: &mut Plan, family: &Family, empty: &ChunkSet) {
        let is_to_go = |worker: &WorkerId| {
            matches!(self.standing(*worker), Standing::Lost | Standing::Leaving)
        };
        let mut awaited = Awaited::default();
        let own = family.placement.iter();
        for (chunk, _) in
            own.filter(|(chunk, listed)| empty.contains(chunk) && listed.iter().any(is_to_go))
        {
            let open = family.attempts.values();
            let mut open = open.filter(|open| open.chunks.contains(chunk)).peekable();
            awaited.chunks += u64::from(open.peek().is_some());
            awaited.ingests.extend(open.map(|open| open.ingest.clone()));
        }
        if awaited.chunks > 0 {
            let of_pool = plan.awaited.entry(self.name.to_owned()).or_default();
            of_pool.chunks += awaited.chunks;
            of_pool.ingests.extend(awaited.ingests);
        }
    }

    /// Judges one chunk with rows: what of its plans is over, whom it can leave, and what it lacks.
    fn chunk(
        &mut self,
        plan: &mut Plan,
        name: &'a str,
        family: &'a Family,
        chunk: ChunkId,
        listed: &[WorkerId],
    ) -> Option<Short<'a>> {
        let wanted = family.replicas.desired as usize;
        let complete: Vec<WorkerId> = family.complete_holders(chunk).collect();
        let readable = |worker: &&WorkerId| {
            matches!(
                self.standing(**worker),
                Standing::Serving | Standing::Leaving
            )
        };
        // Without a copy that can be read there is nothing to copy from.
        let readable = complete.iter().filter(readable).count();
        if readable == 0 {
            return None;
        }
        let (mut goes, mut stays): (Vec<WorkerId>, Vec<WorkerId>) = listed
            .iter()
            .partition(|worker| self.goes(**worker, readable, wanted));
        let mut leaving: Vec<WorkerId> = stays
            .extract_if(.., |worker| is_leaving(family, chunk, *worker))
            .collect();
        let room = wanted.saturating_sub(stays.len());
        let kept = self.intended(plan, name, family, chunk, room);
        // What was to take their place does not come any more: they stay.
        let needed = room.saturating_sub(kept.len()).min(leaving.len());
        for worker in leaving.drain(..needed) {
            plan.moves.stay.push(Move::of(name, chunk, worker));
            stays.push(worker);
        }
        goes.extend(leaving);
        let mut verified = complete;
        verified
            .retain(|worker| self.standing(*worker) == Standing::Serving && !goes.contains(worker));
        if verified.len() >= wanted {
            let spare = self.planner.spare(&verified, wanted);
            let delisted = goes.iter().chain(&spare);
            let delisted = delisted.map(|worker| Move::of(name, chunk, *worker));
            plan.moves.delist.extend(delisted);
        }
        let missing = wanted.saturating_sub(stays.len() + kept.len());
        if missing == 0 {
            return None;
        }
        Some(Short {
            family: name,
            chunk,
            readable,
            missing,
            staying: stays.into_iter().chain(kept).collect(),
            leaving: goes,
        })
    }

    fn standing(&self, worker: WorkerId) -> Standing {
        // One without an object is about to get one again.
        self.standing
            .get(&worker)
            .copied()
            .unwrap_or(Standing::Away)
    }

    /// Whether a listed worker's place is to be taken. When one readable copy is left, a worker
    /// that is down is not waited for.
    fn goes(&self, worker: WorkerId, readable: usize, wanted: usize) -> bool {
        match self.standing(worker) {
            Standing::Lost | Standing::Leaving => true,
            Standing::Down => readable < 2 && wanted > 1,
            Standing::Serving | Standing::Away => false,
        }
    }

    /// The intended copies that are still wanted, at most `room`; the others are given up.
    fn intended(
        &self,
        plan: &mut Plan,
        name: &str,
        family: &Family,
        chunk: ChunkId,
        room: usize,
    ) -> Vec<WorkerId> {
        let fits = |worker: &WorkerId| {
            !matches!(self.standing(*worker), Standing::Leaving | Standing::Lost)
        };
        let mut kept = Vec::new();
        for worker in family.intended.get(&chunk).into_iter().flatten() {
            if kept.len() < room && fits(worker) {
                kept.push(*worker);
            } else {
                plan.moves.cancel.push(Move::of(name, chunk, *worker));
            }
        }
        kept
    }

    /// Gives a chunk what it lacks; false when no worker is left for all of it.
    fn fill(&mut self, plan: &mut Plan, bytes: u64, short: Short<'_>) -> bool {
        let Short {
            family,
            chunk,
            missing,
            mut staying,
            leaving,
            ..
        } = short;
        for _ in 0..missing {
            let Some(worker) = self.planner.choose(chunk, bytes, &staying, &leaving) else {
                return false;
            };
            staying.push(worker);
            plan.moves.intend.push(Move::of(family, chunk, worker));
        }
        true
    }
}
