//! What planning costs: as a ratio in every run, as times of the sizes that the design names when
//! asked for (`cargo test --release -p orrery-operator --lib speed -- --ignored --nocapture`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use orrery_archive::catalog::{Family, FamilyGrid, Segment};
use orrery_archive::names::WorkerId;
use orrery_archive::replicas::FamilyReplicas;
use orrery_archive::testing;

use super::plan::{Plan, Situation, plan};
use super::site::{Site, Standing};
use crate::placement::balance::{self, Balance, Chunk};
use crate::placement::{self, Place, Wanted};

/// Segments of each chunk.
const SEGMENTS: u64 = 16;

fn places(workers: u32) -> Vec<Place> {
    (1..=workers)
        .map(|worker| Place {
            worker,
            pool: "p".into(),
            node: format!("n{worker}"),
            zone: format!("z{}", worker % 3),
            bytes: 0,
            room: u64::MAX,
            open: true,
        })
        .collect()
}

/// Every chunk placed three times from nothing, and how long that took.
fn from_scratch(workers: u32, chunks: u32) -> (BTreeMap<u32, Vec<WorkerId>>, Duration) {
    let (places, wanted) = (places(workers), wanted(chunks));
    let begun = Instant::now();
    let planned = placement::plan(&wanted, &places, 3);
    (planned, begun.elapsed())
}

fn wanted(chunks: u32) -> Vec<Wanted> {
    (0..chunks)
        .map(|chunk| Wanted {
            chunk,
            bytes: 1000 + u64::from(chunk.wrapping_mul(7919) % 500),
            has: Vec::new(),
        })
        .collect()
}

/// The plan after worker 1 was lost, and how long it took.
fn one_lost(workers: u32, placement: BTreeMap<u32, Vec<WorkerId>>) -> (Plan, Duration) {
    let replicas = FamilyReplicas {
        desired: 3,
        minimum: 1,
    };
    let grid = FamilyGrid::Hash { chunks: 1_000_000 };
    let mut family = Family::new(1, "p", replicas, grid);
    family.placement = placement;
    let chunks = || family.placement.keys().copied();
    let segments: Vec<Segment> = (1..=SEGMENTS)
        .map(|id| testing::segment(id, chunks()))
        .collect();
    let catalog = testing::catalog(family, [("Source", testing::child(7, segments))]);
    let sites = places(workers).into_iter().map(|place| Site {
        standing: if place.worker == 1 {
            Standing::Lost
        } else {
            Standing::Serving
        },
        place,
    });
    let (sites, held): (Vec<Site>, BTreeSet<String>) = (sites.collect(), BTreeSet::new());
    let begun = Instant::now();
    let planned = plan(&Situation {
        catalog: &catalog,
        sites: &sites,
        held: &held,
    });
    (planned, begun.elapsed())
}

/// The plan after a tenth more workers came, and how long it took.
fn grown(workers: u32, placed: &BTreeMap<u32, Vec<WorkerId>>, chunks: u32) -> (u64, Duration) {
    let places = places(workers + workers / 10);
    let chunks: Vec<Chunk<'_>> = wanted(chunks)
        .into_iter()
        .map(|wanted| Chunk {
            family: "f",
            chunk: wanted.chunk,
            bytes: wanted.bytes,
            on: placed[&wanted.chunk].clone(),
        })
        .collect();
    let begun = Instant::now();
    let Balance {
        swaps, compared, ..
    } = balance::balance(&places, &chunks);
    let took = begun.elapsed();
    assert!(!swaps.is_empty());
    (compared, took)
}

#[test]
fn repair_costs_a_small_part_of_placing_all_and_rebalancing_no_more_than_that() {
    let (workers, chunks) = (100, 4000);
    let (placed, all) = from_scratch(workers, chunks);
    let (compared, _) = grown(workers, &placed, chunks);
    let most = u64::from(chunks) * 3 * u64::from(workers + workers / 10);
    assert!(compared <= most, "{compared} of {most} comparisons");
    // The least of some runs: the machine has other things to do.
    let runs = (0..5).map(|_| one_lost(workers, placed.clone()).1);
    let one = runs.min().unwrap_or_default();
    assert!(
        one * 3 < all,
        "one worker lost: {one:?}, all placed: {all:?}"
    );
}

#[test]
#[ignore = "times mean something only in a release build"]
fn planning_is_as_fast_as_the_design_says() {
    for (workers, chunks, scratch, lost) in [(300, 20_000, 1000, 50), (1000, 200_000, 10_000, 500)]
    {
        let (placed, all) = from_scratch(workers, chunks);
        let (_, level) = grown(workers, &placed, chunks);
        let (planned, one) = one_lost(workers, placed);
        println!(
            "{workers} workers, {chunks} chunks, 3 copies: all placed {all:?}, one lost {one:?} ({} copies), a tenth more workers {level:?}",
            planned.moves.intend.len()
        );
        assert!(all < Duration::from_millis(scratch) && one < Duration::from_millis(lost));
    }
}
