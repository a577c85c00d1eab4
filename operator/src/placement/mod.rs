//! The placement planner (docs/design/placement.md#the-planner): pure, from what is wanted and what
//! there is to who gets what.
//!
//! Rules, in order: a chunk's replicas stand on distinct workers of its pool that have room for it;
//! never two on one node while another node has room; zones differ where they can; bytes are even
//! among workers, but no worker gets much more than its part of what is placed at once. What a chunk
//! already has is never taken away here, so movement is least.

pub mod balance;
mod shares;
pub mod sizes;

use std::collections::{BTreeMap, HashMap};

use orrery_archive::catalog::Catalog;
use orrery_archive::names::{ChunkId, WorkerId};
use orrery_crds::kinds::{DesiredState, Worker, WorkerPhase};

/// One part in so many of a volume stays free: InnoDB's logs and sorts, and what loads bring
/// meanwhile.
const RESERVE: u64 = 20;

/// A worker as a place for chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Worker.
    pub worker: WorkerId,
    /// Pool that it belongs to.
    pub pool: String,
    /// Node it runs on.
    pub node: String,
    /// Failure domain of the node; empty when unknown.
    pub zone: String,
    /// Bytes it holds.
    pub bytes: u64,
    /// Bytes that may still come.
    pub room: u64,
    /// Whether new chunks may land there: it serves, and is not to be drained.
    pub open: bool,
}

/// Workers as places for new chunks.
pub fn places(workers: &[Worker]) -> Vec<Place> {
    workers.iter().map(place).collect()
}

/// A worker as a place. One that no status speaks of is closed.
pub fn place(worker: &Worker) -> Place {
    let status = worker.status.clone().unwrap_or_default();
    let reserve = status.size_bytes.saturating_add(status.free_bytes) / RESERVE;
    Place {
        worker: worker.spec.id,
        pool: worker.spec.pool.clone(),
        node: status.node.unwrap_or_default(),
        zone: status.zone.unwrap_or_default(),
        bytes: status.size_bytes,
        room: status.free_bytes.saturating_sub(reserve),
        open: status.phase == WorkerPhase::Ready && worker.spec.desired == DesiredState::Online,
    }
}

/// Chunk replicas on each worker, by the catalog.
pub fn replicas(catalog: &Catalog) -> BTreeMap<WorkerId, u64> {
    let mut replicas = BTreeMap::new();
    let placed = catalog
        .families
        .values()
        .flat_map(|family| family.placement.values().flatten());
    for worker in placed {
        *replicas.entry(*worker).or_default() += 1;
    }
    replicas
}

/// The places of one pool.
pub fn of_pool(places: &[Place], pool: &str) -> Vec<Place> {
    let of_pool = places.iter().filter(|place| place.pool == pool);
    of_pool.cloned().collect()
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
    let mut planner = Planner::new(places.iter().cloned());
    planner.share(wanted.iter().map(|chunk| {
        let missing = (replicas as usize).saturating_sub(chunk.has.len());
        chunk.bytes.max(1).saturating_mul(missing as u64)
    }));
    let mut order: Vec<&Wanted> = wanted.iter().collect();
    // Large chunks first, so that small ones even out what is left.
    order.sort_by_key(|chunk| (std::cmp::Reverse(chunk.bytes), chunk.chunk));
    let mut added = BTreeMap::new();
    for Wanted { chunk, bytes, has } in order {
        let mut held = has.clone();
        let mut new = Vec::new();
        while held.len() < replicas as usize
            && let Some(worker) = planner.choose(*chunk, *bytes, &held, &[])
        {
            held.push(worker);
            new.push(worker);
        }
        if !new.is_empty() {
            new.sort_unstable();
            added.insert(*chunk, new);
        }
    }
    added
}

/// Chooses places one after the other and remembers what they got.
#[derive(Debug)]
pub struct Planner {
    seats: Vec<Seat>,
    by_id: HashMap<WorkerId, usize>,
}

/// A place, with node and zone as small numbers: they are compared often.
#[derive(Debug)]
struct Seat {
    worker: WorkerId,
    node: usize,
    zone: usize,
    bytes: u64,
    room: u64,
    open: bool,
    /// Bytes of what is placed at once that it should get; `None` when that is not known.
    share: Option<u64>,
    /// Bytes that it got here.
    got: u64,
}

impl Seat {
    /// Who has less of this gets the next chunk: of its share, or else of bytes.
    fn fullness(&self) -> u128 {
        match self.share {
            Some(share) => (u128::from(self.got) << 32) / u128::from(share.max(1)),
            None => u128::from(self.bytes),
        }
    }
}

impl Planner {
    /// A planner over these places.
    pub fn new(places: impl IntoIterator<Item = Place>) -> Self {
        let (mut nodes, mut zones) = (HashMap::new(), HashMap::new());
        let number = |names: &mut HashMap<String, usize>, name: String| {
            let next = names.len();
            *names.entry(name).or_insert(next)
        };
        let seats: Vec<Seat> = places
            .into_iter()
            .map(|place| Seat {
                worker: place.worker,
                node: number(&mut nodes, place.node),
                zone: number(&mut zones, place.zone),
                bytes: place.bytes,
                room: place.room,
                open: place.open,
                share: None,
                got: 0,
            })
            .collect();
        Self {
            by_id: (0..)
                .zip(&seats)
                .map(|(i, seat)| (seat.worker, i))
                .collect(),
            seats,
        }
    }

    /// Says what is placed at once, the bytes of each chunk with all its new copies, so that every
    /// open worker gets a part of it ([`shares::shares`]).
    fn share(&mut self, chunks: impl Iterator<Item = u64>) {
        let bytes = chunks.fold(0, u64::saturating_add);
        let open = self.seats.iter_mut().filter(|seat| seat.open);
        let mut open: Vec<&mut Seat> = open.collect();
        let held: Vec<u64> = open.iter().map(|seat| seat.bytes).collect();
        for (seat, share) in open.iter_mut().zip(shares::shares(&held, bytes)) {
            seat.share = Some(share);
        }
    }

    /// The place for a chunk with the fewest of the `held` replicas on its node, then in its zone,
    /// then the least of its share, or the fewest bytes where shares are not known; ties by a hash,
    /// so that equal workers share evenly. None of `held` and `never`.
    pub fn choose(
        &mut self,
        chunk: ChunkId,
        bytes: u64,
        held: &[WorkerId],
        never: &[WorkerId],
    ) -> Option<WorkerId> {
        let near: Vec<(usize, usize)> = held
            .iter()
            .filter_map(|worker| self.by_id.get(worker))
            .map(|i| (self.seats[*i].node, self.seats[*i].zone))
            .collect();
        let fits = |seat: &&mut Seat| {
            seat.open
                && seat.room >= bytes.max(1)
                && !held.contains(&seat.worker)
                && !never.contains(&seat.worker)
        };
        let best = self.seats.iter_mut().filter(fits).min_by_key(|seat| {
            let node = near.iter().filter(|(node, _)| *node == seat.node).count();
            let zone = near.iter().filter(|(_, zone)| *zone == seat.zone).count();
            (node, zone, seat.fullness(), tie(chunk, seat.worker))
        })?;
        best.bytes = best.bytes.saturating_add(bytes.max(1));
        best.got = best.got.saturating_add(bytes.max(1));
        best.room = best.room.saturating_sub(bytes);
        Some(best.worker)
    }
}

impl Planner {
    /// Those of `held` that are more than `wanted`: the ones with most others near, then the
    /// fullest.
    pub fn spare(&self, held: &[WorkerId], wanted: usize) -> Vec<WorkerId> {
        let known = held.iter().filter_map(|worker| self.by_id.get(worker));
        let mut kept: Vec<&Seat> = known.map(|i| &self.seats[*i]).collect();
        let mut spare = Vec::new();
        while kept.len() > wanted {
            let others = |seat: &Seat, near: fn(&Seat, &Seat) -> bool| {
                kept.iter().filter(|other| near(other, seat)).count()
            };
            let worst = kept.iter().enumerate().max_by_key(|(_, seat)| {
                let node = others(seat, |a, b| a.node == b.node);
                let zone = others(seat, |a, b| a.zone == b.zone);
                (node, zone, seat.bytes, seat.worker)
            });
            let Some((i, _)) = worst else { break };
            spare.push(kept.swap_remove(i).worker);
        }
        spare
    }
}

fn tie(chunk: ChunkId, worker: WorkerId) -> u64 {
    let mixed = (u64::from(chunk) << 32 | u64::from(worker)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use orrery_crds::kinds::WorkerStatus;

    use super::*;

    fn places(workers: u32, nodes: u32, zones: u32) -> Vec<Place> {
        (0..workers)
            .map(|i| Place {
                worker: i + 1,
                pool: "p".into(),
                node: format!("n{}", i % nodes),
                zone: format!("z{}", i % nodes % zones),
                bytes: 0,
                room: u64::MAX,
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

    /// Chunks that each worker gets of 120 with one copy each, beside what it holds.
    fn counts(held: &[u64]) -> Vec<usize> {
        let mut places = places(held.len() as u32, held.len() as u32, 1);
        for (place, held) in places.iter_mut().zip(held) {
            place.bytes = *held;
        }
        let planned = plan(&wanted(120), &places, 1);
        let gets = |worker: WorkerId| planned.values().filter(|got| **got == [worker]).count();
        places.iter().map(|place| gets(place.worker)).collect()
    }

    #[test]
    fn few_new_chunks_beside_full_workers_do_not_all_land_on_the_emptiest() {
        let nearly_even = counts(&[470_000_000, 430_000_000, 468_000_000, 467_000_000]);
        assert!(
            nearly_even.iter().all(|count| *count >= 12),
            "{nearly_even:?}"
        );
        let one_new = counts(&[470_000_000, 0, 468_000_000, 467_000_000]);
        assert!(
            one_new.iter().all(|count| (12..=78).contains(count)),
            "{one_new:?}"
        );
    }

    #[test]
    fn many_new_chunks_make_workers_even() {
        let (less, more) = (20_000, 50_000);
        let counts = counts(&[less, more, less, more]);
        assert!(counts[0] > counts[1] && counts[2] > counts[3], "{counts:?}");
        let bytes = |count: usize, held: u64| count as u64 * 1250 + held;
        let totals = [bytes(counts[0], less), bytes(counts[1], more)];
        assert!(
            totals[0].abs_diff(totals[1]) <= totals[0] / 20,
            "{counts:?}"
        );
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
    fn a_worker_gets_no_more_than_fits() {
        let mut places = places(2, 2, 1);
        places[0].room = 2500;
        let planned = plan(&wanted(10), &places, 2);
        let on_first = planned.values().filter(|workers| workers.contains(&1));
        assert_eq!(on_first.count(), 2);
        assert!(planned.values().all(|workers| workers.contains(&2)));
    }

    #[test]
    fn part_of_a_volume_stays_free() {
        let worker: Worker = serde_json::from_value(serde_json::json!({
            "apiVersion": "orrery.dev/v1alpha1", "kind": "Worker", "metadata": {"name": "main-w1"},
            "spec": {"id": 1, "pool": "main"},
            "status": {"phase": "Ready", "sizeBytes": 900, "freeBytes": 100},
        }))
        .unwrap();
        assert_eq!(place(&worker).room, 50);
        let full = Worker {
            status: worker.status.clone().map(|status| WorkerStatus {
                free_bytes: 40,
                ..status
            }),
            ..worker
        };
        assert_eq!(place(&full).room, 0);
    }

    #[test]
    fn planning_is_deterministic() {
        assert_eq!(
            plan(&wanted(300), &places(9, 9, 3), 3),
            plan(&wanted(300), &places(9, 9, 3), 3)
        );
    }
}
