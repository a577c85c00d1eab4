//! Whether a pool is uneven, what makes it even, and what becomes of a rebalance. Pure.

use std::collections::BTreeMap;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use orrery_archive::catalog::{Catalog, Family};
use orrery_archive::names::{ChunkId, WorkerId};
use orrery_crds::kinds::{RebalancePhase, RebalanceSpec, RebalanceStatus, Worker, WorkerPhase};
use sha2::{Digest, Sha256};

use super::measure::ChunkBytes;
use super::observe::Observed;
use crate::catalog::edit::Move;
use crate::placement::balance::{self, Balance, Chunk, Swap};
use crate::placement::sizes::Sizes;
use crate::placement::{self, Place};

/// How long a worker that was just made is waited for: others may be about to come too.
const STARTS: SignedDuration = SignedDuration::from_secs(300);
/// Bytes per second that reach a worker, for the estimate of the time.
const SPEED: u64 = 50 << 20;
/// Seconds that each copy takes in addition, for the same.
const SECONDS_PER_MOVE: u64 = 1;

/// How a pool is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outlook<'a> {
    /// Nothing may be changed in the pool.
    Paused,
    /// Something else comes first.
    Unsettled(String),
    /// Nothing is to move.
    Even {
        /// Percentage by which a worker differs most from its zone's mean.
        uneven_percent: u64,
    },
    /// Something is to move.
    Uneven(Proposal<'a>),
}

/// What makes a pool even.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal<'a> {
    /// Pool.
    pub pool: String,
    /// Percentage by which a worker differs most from its zone's mean.
    pub uneven_percent: u64,
    /// What moves.
    pub swaps: Vec<Swap<'a>>,
}

impl Proposal<'_> {
    /// Name of the plan: a hash over its moves.
    pub fn name(&self) -> String {
        let mut digest = Sha256::new();
        for swap in &self.swaps {
            let Swap {
                family,
                chunk,
                from,
                to,
                ..
            } = swap;
            digest.update(format!("{family} {chunk} {from} {to}\n"));
        }
        hex::encode(&digest.finalize()[..6])
    }

    /// Bytes that move.
    pub fn bytes(&self) -> u64 {
        self.swaps.iter().map(|swap| swap.bytes).sum()
    }

    /// Estimated seconds: those of the worker that gets most.
    pub fn seconds(&self) -> u64 {
        let mut to: BTreeMap<WorkerId, u64> = BTreeMap::new();
        for swap in &self.swaps {
            *to.entry(swap.to).or_default() += swap.bytes.div_ceil(SPEED) + SECONDS_PER_MOVE;
        }
        to.into_values().max().unwrap_or(0)
    }
}

/// What is done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Rest,
    /// The proposal is entered into the catalog.
    Begin,
    /// What the catalog says is to move stays.
    Stop,
}

/// What becomes of a rebalance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Where it stands.
    pub phase: RebalancePhase,
    /// What is done now.
    pub step: Step,
    /// Copies yet to leave a worker.
    pub left: u64,
}

/// Decides. `leaving` counts the copies that the catalog says are to leave.
///
/// A plan is entered only when its name is in the status as the one that moves: so what is in the
/// catalog without a rebalance that moves is of one that was deleted, and is undone.
pub fn decide(
    spec: &RebalanceSpec,
    before: &RebalanceStatus,
    leaving: u64,
    outlook: &Outlook<'_>,
) -> Decision {
    let decision = |phase, step| Decision {
        phase,
        step,
        left: leaving,
    };
    let moves = before.phase == RebalancePhase::Moving;
    let undo = if leaving > 0 { Step::Stop } else { Step::Rest };
    if spec.stopped {
        return decision(RebalancePhase::Stopped, undo);
    }
    if leaving > 0 && moves && *outlook != Outlook::Paused {
        return decision(RebalancePhase::Moving, Step::Rest);
    }
    if leaving > 0 {
        return decision(RebalancePhase::Waiting, Step::Stop);
    }
    match outlook {
        Outlook::Paused | Outlook::Unsettled(_) => decision(RebalancePhase::Waiting, Step::Rest),
        Outlook::Even { .. } => decision(RebalancePhase::Balanced, Step::Rest),
        Outlook::Uneven(proposal) => {
            let name = proposal.name();
            if !spec.auto_approve && spec.approve.as_ref() != Some(&name) {
                return decision(RebalancePhase::Proposed, Step::Rest);
            }
            let written = moves && before.plan.as_ref() == Some(&name);
            Decision {
                phase: RebalancePhase::Moving,
                step: if written { Step::Begin } else { Step::Rest },
                left: proposal.swaps.len() as u64,
            }
        }
    }
}

/// What comes before evening out: no copy moves for the sake of evenness while a worker with chunks
/// does not serve, or chunks lack copies.
pub fn unsettled(observed: &Observed, pool: &str, now: Timestamp) -> Option<Outlook<'static>> {
    let Some(own) = observed.pools.get(pool) else {
        return Some(Outlook::Unsettled(format!("there is no pool {pool}")));
    };
    if own.spec.paused {
        return Some(Outlook::Paused);
    }
    let workers = observed.workers.iter();
    let mut workers = workers.filter(|worker| worker.spec.pool == pool);
    if let Some(starting) = workers.find(|worker| starts(worker, now)) {
        let starting = starting.name_any();
        return Some(Outlook::Unsettled(format!("{starting} starts")));
    }
    let open: Vec<WorkerId> = places(observed, pool)
        .into_iter()
        .filter(|place| place.open)
        .map(|place| place.worker)
        .collect();
    let catalog = &observed.catalog;
    let short = families(catalog, pool).map(|(name, family)| short(catalog, name, family, &open));
    let short: usize = short.sum();
    (short > 0).then(|| {
        Outlook::Unsettled(format!(
            "{short} chunks lack copies, or are on workers that do not serve or are to be drained"
        ))
    })
}

/// Whether a worker was made just now and does not serve yet.
fn starts(worker: &Worker, now: Timestamp) -> bool {
    let phase = worker.status.as_ref().map(|status| status.phase);
    let made = worker.metadata.creation_timestamp.as_ref();
    let young = made.is_some_and(|made| now.duration_since(made.0) < STARTS);
    matches!(phase, None | Some(WorkerPhase::Pending)) && young
}

/// Chunks with rows that have fewer complete copies on open workers than wanted, or on others, or
/// yet to come.
fn short(catalog: &Catalog, name: &str, family: &Family, open: &[WorkerId]) -> usize {
    let settled = |(chunk, listed): &(ChunkId, &[WorkerId])| {
        let complete = family.complete_holders(*chunk);
        complete.filter(|worker| open.contains(worker)).count() >= family.replicas.desired as usize
            && listed.iter().all(|worker| open.contains(worker))
            && !family.intended.contains_key(chunk)
    };
    let filled = catalog.filled_chunks(name);
    filled.filter(|chunk| !settled(chunk)).count()
}

fn families<'a>(catalog: &'a Catalog, pool: &str) -> impl Iterator<Item = (&'a str, &'a Family)> {
    let families = catalog.families.iter();
    families
        .filter(move |(_, family)| family.pool == pool)
        .map(|(name, family)| (name.as_str(), family))
}

fn places(observed: &Observed, pool: &str) -> Vec<Place> {
    let workers = observed.workers.iter();
    let own = workers.filter(|worker| worker.spec.pool == pool);
    own.map(placement::place).collect()
}

/// Every copy of the pool that is to leave a worker although it serves.
pub fn leaving(catalog: &Catalog, pool: &str) -> Vec<Move> {
    let moves = families(catalog, pool).flat_map(|(name, family)| {
        let chunks = family.leaving.iter();
        chunks.flat_map(move |(chunk, workers)| {
            let workers = workers.iter();
            workers.map(move |worker| Move::of(name, *chunk, *worker))
        })
    });
    moves.collect()
}

/// How even the pool is. What no worker says of a chunk's size is estimated.
pub fn outlook<'a>(observed: &'a Observed, pool: &str, bytes: &ChunkBytes) -> Outlook<'a> {
    let catalog: &Catalog = &observed.catalog;
    let estimates = Sizes::of(catalog, families(catalog, pool).map(|(name, _)| name));
    let size = |family: &str, chunk| {
        let known = bytes.get(&(family.to_owned(), chunk)).copied();
        known
            .unwrap_or_else(|| estimates.bytes(family, chunk))
            .max(1)
    };
    // One without rows makes nothing even, and is given up or about to be written where it is.
    let chunks: Vec<Chunk<'_>> = families(catalog, pool)
        .flat_map(|(name, _)| {
            let filled = catalog.filled_chunks(name);
            filled.map(move |(chunk, on)| (name, chunk, on))
        })
        .map(|(family, chunk, on)| Chunk {
            family,
            chunk,
            bytes: size(family, chunk),
            on: on.to_vec(),
        })
        .collect();
    let Balance {
        uneven_percent,
        swaps,
        ..
    } = balance::balance(&places(observed, pool), &chunks);
    if swaps.is_empty() {
        return Outlook::Even { uneven_percent };
    }
    Outlook::Uneven(Proposal {
        pool: pool.to_owned(),
        uneven_percent,
        swaps,
    })
}
