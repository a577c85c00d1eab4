//! The placement planner (docs/design/placement.md#the-planner): pure, from what is wanted and what
//! there is to who gets what.
//!
//! Rules, in order: a chunk's replicas stand on distinct workers; never two on one node while
//! another node has room; zones differ where they can; bytes are even among workers. What a chunk
//! already has is never taken away here, so movement is least.

use std::collections::{BTreeMap, HashMap};

use orrery_archive::catalog::{Family, FamilyGrid};
use orrery_archive::names::{ChunkId, WorkerId};
use orrery_crds::kinds::{Worker, WorkerPhase};

/// A worker as a place for chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Worker.
    pub worker: WorkerId,
    /// Node it runs on.
    pub node: String,
    /// Failure domain of the node; empty when unknown.
    pub zone: String,
    /// Bytes it holds.
    pub bytes: u64,
    /// Whether new chunks may land there: it serves, is not offline, and its disk is not nearly
    /// full.
    pub open: bool,
}

/// Workers as places for new chunks.
pub fn places(workers: &[Worker]) -> Vec<Place> {
    let place = |worker: &Worker| {
        let status = worker.status.clone().unwrap_or_default();
        Place {
            worker: worker.spec.id,
            node: status.node.unwrap_or_default(),
            zone: status.zone.unwrap_or_default(),
            bytes: status.size_bytes,
            open: status.phase == WorkerPhase::Ready && worker.spec.offline != Some(true),
        }
    };
    workers.iter().map(place).collect()
}

/// A chunk that needs replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Chunk.
    pub chunk: ChunkId,
    /// Bytes it takes, for balance.
    pub bytes: u64,
    /// Workers that have it.
    pub has: Vec<WorkerId>,
}

/// Workers to add per chunk. A chunk for which no open worker is left gets fewer than wanted.
pub fn plan(
    wanted: &[Wanted],
    places: &[Place],
    replicas: u32,
) -> BTreeMap<ChunkId, Vec<WorkerId>> {
    let by_id: HashMap<WorkerId, usize> = places
        .iter()
        .enumerate()
        .map(|(i, place)| (place.worker, i))
        .collect();
    let mut loads: Vec<u64> = places.iter().map(|place| place.bytes).collect();
    let mut order: Vec<&Wanted> = wanted.iter().collect();
    // Large chunks first, so that small ones even out what is left.
    order.sort_by_key(|chunk| (std::cmp::Reverse(chunk.bytes), chunk.chunk));
    let mut added = BTreeMap::new();
    for chunk in order {
        let mut held: Vec<usize> = chunk
            .has
            .iter()
            .filter_map(|worker| by_id.get(worker).copied())
            .collect();
        let missing = (replicas as usize).saturating_sub(chunk.has.len());
        let mut new = Vec::with_capacity(missing);
        for _ in 0..missing {
            let Some(best) = best(chunk, places, &loads, &held) else {
                break;
            };
            loads[best] += chunk.bytes.max(1);
            held.push(best);
            new.push(places[best].worker);
        }
        if !new.is_empty() {
            new.sort_unstable();
            added.insert(chunk.chunk, new);
        }
    }
    added
}

/// The place with the fewest replicas of the chunk on its node, then in its zone, then the fewest
/// bytes; ties by a hash, so that equal workers share evenly.
fn best(chunk: &Wanted, places: &[Place], loads: &[u64], held: &[usize]) -> Option<usize> {
    let candidates = places
        .iter()
        .enumerate()
        .filter(|(i, place)| place.open && !held.contains(i) && !chunk.has.contains(&place.worker));
    candidates
        .min_by_key(|(i, place)| {
            let same = |matches: &dyn Fn(&Place) -> bool| {
                held.iter()
                    .filter(|other| matches(&places[**other]))
                    .count()
            };
            let node = same(&|other| other.node == place.node);
            let zone = same(&|other| other.zone == place.zone);
            (node, zone, loads[*i], tie(chunk.chunk, place.worker))
        })
        .map(|(i, _)| i)
}

fn tie(chunk: ChunkId, worker: WorkerId) -> u64 {
    let mixed = (u64::from(chunk) << 32 | u64::from(worker)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

/// Chunks of a family that have fewer than the desired replicas, as the planner wants them.
pub fn missing(family: &Family, bytes: impl Fn(ChunkId) -> u64) -> Vec<Wanted> {
    let short = family
        .placement
        .iter()
        .filter(|(_, workers)| workers.len() < family.replicas.desired as usize);
    short
        .map(|(chunk, workers)| Wanted {
            chunk: *chunk,
            bytes: bytes(*chunk),
            has: workers.clone(),
        })
        .collect()
}

/// Every chunk of a hash family; they are placed all at once, because every ingest touches most of
/// them.
pub fn hash_chunks(family: &Family) -> Vec<Wanted> {
    let FamilyGrid::Hash { chunks } = family.grid else {
        return Vec::new();
    };
    (0..chunks)
        .filter(|chunk| !family.placement.contains_key(chunk))
        .map(|chunk| Wanted {
            chunk,
            bytes: 1,
            has: Vec::new(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn places(workers: u32, nodes: u32, zones: u32) -> Vec<Place> {
        (0..workers)
            .map(|i| Place {
                worker: i + 1,
                node: format!("n{}", i % nodes),
                zone: format!("z{}", i % nodes % zones),
                bytes: 0,
                open: true,
            })
            .collect()
    }

    fn wanted(chunks: u32) -> Vec<Wanted> {
        (0..chunks)
            .map(|chunk| Wanted {
                chunk,
                bytes: 1000 + u64::from(chunk * 7919 % 500),
                has: Vec::new(),
            })
            .collect()
    }

    #[test]
    fn replicas_stand_on_distinct_nodes_and_zones_and_bytes_are_even() {
        let places = places(6, 6, 3);
        let wanted = wanted(600);
        let planned = plan(&wanted, &places, 3);
        let mut loads = BTreeMap::new();
        for chunk in &wanted {
            let workers = &planned[&chunk.chunk];
            let of = |f: fn(&Place) -> &String| {
                workers
                    .iter()
                    .map(|worker| f(&places[*worker as usize - 1]))
                    .collect::<BTreeSet<_>>()
                    .len()
            };
            assert_eq!((of(|place| &place.node), of(|place| &place.zone)), (3, 3));
            workers
                .iter()
                .for_each(|worker| *loads.entry(*worker).or_insert(0) += chunk.bytes);
        }
        let (least, most) = (loads.values().min().unwrap(), loads.values().max().unwrap());
        assert!(most - least <= most / 20, "{loads:?}");
    }

    #[test]
    fn two_replicas_share_a_node_only_when_no_other_has_room() {
        let two_nodes = plan(&wanted(10), &places(4, 2, 1), 3);
        assert!(two_nodes.values().all(|workers| workers.len() == 3));
        let mut one_open = places(4, 4, 2);
        one_open
            .iter_mut()
            .skip(1)
            .for_each(|place| place.open = false);
        assert!(
            plan(&wanted(5), &one_open, 3)
                .values()
                .all(|workers| workers == &[1])
        );
    }

    #[test]
    fn what_is_there_stays_and_only_what_is_missing_is_added() {
        let chunk = Wanted {
            chunk: 5,
            bytes: 1,
            has: vec![1, 2],
        };
        let planned = plan(&[chunk], &places(4, 4, 2), 3);
        assert_eq!(planned[&5].len(), 1);
        assert!(planned[&5][0] > 2);
        let complete = Wanted {
            chunk: 5,
            bytes: 1,
            has: vec![1, 2, 3],
        };
        assert!(plan(&[complete], &places(4, 4, 2), 3).is_empty());
    }

    #[test]
    fn planning_is_deterministic() {
        assert_eq!(
            plan(&wanted(300), &places(9, 9, 3), 3),
            plan(&wanted(300), &places(9, 9, 3), 3)
        );
    }
}
