//! How many workers of a pool may be away at once, so that every chunk stays readable. Pure.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::names::{ChunkId, WorkerId};

use super::identity::Trust;
use super::observe::Observed;
use super::sight::{pod_ready, serves};

/// Complete copies of a pool's chunks with rows on some of its workers.
pub struct Copies<'a> {
    chunks: Vec<(&'a str, ChunkId, Vec<WorkerId>)>,
    floor: usize,
}

impl<'a> Copies<'a> {
    /// Those on `workers`.
    pub fn on(observed: &'a Observed, workers: &BTreeSet<WorkerId>) -> Self {
        let families = observed.catalog.families.iter();
        let own = families.filter(|(_, family)| family.pool == observed.name);
        let chunks = own.flat_map(|(name, family)| {
            let filled = observed.catalog.filled_chunks(name);
            filled.map(move |(chunk, _)| {
                let complete = family.complete_holders(chunk);
                let held = complete.filter(|id| workers.contains(id)).collect();
                (name.as_str(), chunk, held)
            })
        });
        Self {
            chunks: chunks.collect(),
            floor: observed.pool.spec.repair.disruption_floor as usize,
        }
    }

    /// A chunk with fewer copies than `disruptionFloor` without `worker`, in words.
    pub fn missed(&self, worker: WorkerId) -> Option<String> {
        let mut chunks = self.chunks.iter();
        chunks.find_map(|(family, chunk, held)| {
            let others = held.iter().filter(|id| **id != worker).count();
            (held.contains(&worker) && others < self.floor).then(|| {
                format!(
                    "chunk {chunk} of family {family} would have {others} copies, and repair.disruptionFloor is {}",
                    self.floor
                )
            })
        })
    }

    /// The chunk with the fewest copies.
    fn fewest(&self) -> Option<(&'a str, ChunkId, usize)> {
        let chunks = self.chunks.iter();
        chunks
            .map(|(family, chunk, held)| (*family, *chunk, held.len()))
            .min_by_key(|(_, _, copies)| *copies)
    }
}

/// How many pods of a pool may be away at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disruptions {
    /// `maxUnavailable` of the pool's budget.
    pub most: usize,
    /// Why none may, in words.
    pub held: Option<String>,
}

/// So many that whichever they are, each chunk keeps as many complete copies as `disruptionFloor`
/// says. That does not depend on which of them are away now: while workers come back and others
/// leave, a number that did could let too many go for a moment.
pub fn disruptions(observed: &Observed, trust: &BTreeMap<WorkerId, Trust>) -> Disruptions {
    // The budget takes a pod that is Ready for one that serves.
    let counts = |id: &&WorkerId| {
        let pod_is_ready = observed.pods.get(*id).is_some_and(pod_ready);
        serves(observed, trust, **id) || !pod_is_ready
    };
    let counted: BTreeSet<WorkerId> = observed.workers.keys().filter(counts).copied().collect();
    let copies = Copies::on(observed, &counted);
    let Some((family, chunk, fewest)) = copies.fewest() else {
        return Disruptions {
            most: 1,
            held: None,
        };
    };
    // Without a pod a worker is no part of the budget.
    let ids = observed.workers.keys();
    let missing = ids.filter(|id| !observed.pods.contains_key(id)).count();
    let most = fewest.saturating_sub(copies.floor + missing);
    let held = (most == 0).then(|| {
        format!(
            "chunk {chunk} of family {family} has {fewest} complete copies, {missing} workers have no pod, and repair.disruptionFloor is {}",
            copies.floor
        )
    });
    Disruptions { most, held }
}
