use std::collections::BTreeSet;

use super::*;
use crate::placement::{Wanted, plan};

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Workers on nodes of their own, in so many zones by turns.
fn places(workers: u32, zones: u32) -> Vec<Place> {
    (1..=workers)
        .map(|worker| Place {
            worker,
            pool: "p".into(),
            node: format!("n{worker}"),
            zone: format!("z{}", worker % zones),
            bytes: 0,
            room: u64::MAX,
            open: true,
        })
        .collect()
}

/// Chunks of between 1 and 2 MB as the planner places them on these workers.
fn placed(dice: &mut Dice, chunks: u32, places: &[Place], replicas: u32) -> Vec<Chunk<'static>> {
    let wanted: Vec<Wanted> = (0..chunks)
        .map(|chunk| Wanted {
            chunk,
            bytes: 1_000_000 + dice.roll(1_000_000),
            has: Vec::new(),
        })
        .collect();
    let planned = plan(&wanted, places, replicas);
    let chunk = |wanted: &Wanted| Chunk {
        family: "f",
        chunk: wanted.chunk,
        bytes: wanted.bytes,
        on: planned[&wanted.chunk].clone(),
    };
    wanted.iter().map(chunk).collect()
}

fn applied<'a>(chunks: &[Chunk<'a>], swaps: &[Swap<'a>]) -> Vec<Chunk<'a>> {
    let mut chunks = chunks.to_vec();
    for swap in swaps {
        let chunk = chunks.iter_mut().find(|chunk| chunk.chunk == swap.chunk);
        let chunk = chunk.unwrap();
        assert!(!chunk.on.contains(&swap.to), "{swap:?}: it is there");
        let from = chunk.on.iter_mut().find(|worker| **worker == swap.from);
        *from.unwrap() = swap.to;
    }
    chunks
}

fn loads(places: &[Place], chunks: &[Chunk<'_>]) -> BTreeMap<WorkerId, u64> {
    let mut loads: BTreeMap<WorkerId, u64> = places.iter().map(|place| (place.worker, 0)).collect();
    for chunk in chunks {
        for worker in &chunk.on {
            *loads.get_mut(worker).unwrap() += chunk.bytes;
        }
    }
    loads
}

/// How many distinct nodes and zones a chunk's copies stand on.
fn spread(places: &[Place], chunk: &Chunk<'_>) -> (usize, usize) {
    let of = |name: fn(&Place) -> &String| -> usize {
        let places = places.iter();
        let own = places.filter(|place| chunk.on.contains(&place.worker));
        own.map(name).collect::<BTreeSet<_>>().len()
    };
    (of(|place| &place.node), of(|place| &place.zone))
}

/// Every open worker is within 5 % of the mean of its zone.
fn check_even(places: &[Place], chunks: &[Chunk<'_>], what: &str) {
    let loads = loads(places, chunks);
    let zones: BTreeSet<&String> = places.iter().map(|place| &place.zone).collect();
    for zone in zones {
        let own = places.iter();
        let own: Vec<u64> = own
            .filter(|place| place.zone == *zone && place.open)
            .map(|place| loads[&place.worker])
            .collect();
        let mean = own.iter().sum::<u64>() / own.len() as u64;
        let even = own.iter().all(|bytes| bytes.abs_diff(mean) * 20 <= mean);
        assert!(even, "{what}: {zone}: {own:?}");
    }
}

#[test]
fn what_is_even_stays() {
    let places = places(6, 3);
    let chunks = placed(&mut Dice(1), 600, &places, 3);
    let balanced = balance(&places, &chunks);
    assert_eq!(balanced.swaps, []);
    assert!(balanced.uneven_percent <= 5, "{balanced:?}");
}

/// Pools of all shapes grow: bytes are even within 5 % of their zone's mean, no chunk stands worse,
/// no worker that gets also gives, and hardly more moves than must.
#[test]
fn a_pool_that_grew_is_even_again_by_least_movement() {
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let zones = 1 + dice.roll(3) as u32;
        let before = (3 + dice.roll(4) as u32) * zones;
        let after = before + (1 + dice.roll(3) as u32) * zones;
        let replicas = 1 + dice.roll(3) as u32;
        let chunks = placed(&mut dice, 900, &places(before, zones), replicas);
        let places = places(after, zones);
        let Balance { swaps, .. } = balance(&places, &chunks);
        let moved = applied(&chunks, &swaps);
        let what = format!("seed {seed}: {before} → {after} in {zones} zones, {replicas} copies");
        check_even(&places, &moved, &what);
        for (old, new) in chunks.iter().zip(&moved) {
            assert!(
                spread(&places, new) >= spread(&places, old),
                "{what}: {new:?}"
            );
        }
        let givers: BTreeSet<WorkerId> = swaps.iter().map(|swap| swap.from).collect();
        let takers: BTreeSet<WorkerId> = swaps.iter().map(|swap| swap.to).collect();
        assert!(takers.is_disjoint(&givers), "{what}");
        let bytes: u64 = swaps.iter().map(|swap| swap.bytes).sum();
        let all: u64 = loads(&places, &chunks).values().sum();
        let fair = all / u64::from(after) * u64::from(after - before);
        assert!(bytes <= fair + fair / 20, "{what}: {bytes} of {fair}");
        assert_eq!(balance(&places, &moved).swaps, [], "{what}: at rest");
    }
}

/// Whatever uneven placement there is, it ends even, and at rest.
#[test]
fn chunks_on_any_workers_end_even() {
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let places = places(4 + dice.roll(8) as u32, 1);
        let workers = places.len() as u64;
        let chunks: Vec<Chunk<'_>> = (0..800)
            .map(|chunk| {
                // Low numbers are much likelier.
                let first = dice.roll(workers).min(dice.roll(workers)) as u32;
                let second = (first + 1 + dice.roll(workers - 1) as u32) % workers as u32;
                Chunk {
                    family: "f",
                    chunk,
                    bytes: 1_000_000 + dice.roll(1_000_000),
                    on: vec![first + 1, second + 1],
                }
            })
            .collect();
        let balanced = balance(&places, &chunks);
        let moved = applied(&chunks, &balanced.swaps);
        check_even(&places, &moved, &format!("seed {seed}"));
        assert_eq!(balance(&places, &moved).swaps, [], "seed {seed}: at rest");
    }
}

#[test]
fn copies_that_share_a_node_or_zone_are_parted_when_there_is_another() {
    let mut places = places(4, 4);
    places[1].node = "n1".into();
    places[1].zone = "z1".into();
    let together = Chunk {
        family: "f",
        chunk: 1,
        bytes: 1000,
        on: vec![1, 2],
    };
    let apart = applied(
        std::slice::from_ref(&together),
        &balance(&places, std::slice::from_ref(&together)).swaps,
    );
    assert_eq!(spread(&places, &apart[0]), (2, 2));
    for place in places.iter_mut().skip(2) {
        place.open = false;
    }
    assert_eq!(balance(&places, &[together]).swaps, [], "there is none");
}

#[test]
fn nothing_comes_from_or_goes_to_a_worker_that_is_not_open_or_has_no_room() {
    let mut places = places(4, 1);
    let chunks: Vec<Chunk<'_>> = (0..100)
        .map(|chunk| Chunk {
            family: "f",
            chunk,
            bytes: 1000,
            on: vec![1 + chunk % 2],
        })
        .collect();
    places[1].open = false;
    places[3].room = 5_500;
    let swaps = balance(&places, &chunks).swaps;
    assert!(swaps.iter().all(|swap| swap.from == 1), "{swaps:?}");
    let to = |worker| swaps.iter().filter(|swap| swap.to == worker).count();
    assert_eq!((to(2), to(4)), (0, 5));
    assert!(to(3) >= 20, "{swaps:?}");
}

#[test]
fn one_large_chunk_is_not_moved_to_and_fro() {
    let chunks = [(1, 1_000_000), (2, 10)].map(|(chunk, bytes)| Chunk {
        family: "f",
        chunk,
        bytes,
        on: vec![1],
    });
    let places = places(2, 1);
    let swaps = balance(&places, &chunks).swaps;
    let moved = applied(&chunks, &swaps);
    assert_eq!(loads(&places, &moved).values().min(), Some(&10));
    assert_eq!(balance(&places, &moved).swaps, []);
}
