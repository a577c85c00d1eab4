//! Rules of the planner as tables and as properties over generated archives.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::catalog::{Behind, Catalog, OpenAttempt, Retired, TableKey};
use orrery_archive::names::{ChunkId, WorkerId};
use orrery_archive::testing;

use super::plan::{Awaited, Plan, Situation, plan};
use super::site::Site;
use super::site::Standing::{self, Away, Down, Leaving, Lost, Serving};
use crate::catalog::edit::{self, Move};
use crate::placement::Place;

/// A worker on a node of its own, in one of three zones.
fn site(worker: WorkerId, standing: Standing) -> Site {
    Site {
        place: Place {
            worker,
            pool: "main".into(),
            node: format!("n{worker}"),
            zone: format!("z{}", worker % 3),
            bytes: 0,
            room: u64::MAX,
            open: true,
        },
        standing,
    }
}

fn sites(standings: &[Standing]) -> Vec<Site> {
    (1..)
        .zip(standings)
        .map(|(worker, standing)| site(worker, *standing))
        .collect()
}

fn archive(desired: u32, placement: impl IntoIterator<Item = (ChunkId, Vec<WorkerId>)>) -> Catalog {
    testing::filled(testing::family(desired, placement))
}

fn planned(catalog: &Catalog, sites: &[Site]) -> Plan {
    let held = BTreeSet::new();
    plan(&Situation {
        catalog,
        sites,
        held: &held,
    })
}

fn moves(list: &[Move]) -> Vec<(ChunkId, WorkerId)> {
    list.iter().map(|one| (one.chunk, one.worker)).collect()
}

fn apply(catalog: &Catalog, plan: &Plan) -> Catalog {
    edit::moves(catalog, &plan.moves)
        .unwrap()
        .unwrap_or_else(|| catalog.clone())
}

/// Every intended copy arrives.
fn arrive(catalog: &Catalog) -> Catalog {
    let mut next = catalog.clone();
    for (name, family) in &catalog.families {
        for (chunk, workers) in &family.intended {
            for worker in workers {
                next = edit::arrive(&next, name, *chunk, *worker).unwrap().unwrap();
            }
        }
    }
    next
}

#[test]
fn what_a_chunk_gets_by_how_its_workers_stand() {
    // Standings of workers 1 to 4, of which 1 to 3 hold the chunk; copies to make.
    let cases: [(&str, [Standing; 4], usize); 8] = [
        ("all serve", [Serving, Serving, Serving, Serving], 0),
        ("one is away", [Away, Serving, Serving, Serving], 0),
        (
            "one is down for a while",
            [Down, Serving, Serving, Serving],
            0,
        ),
        ("one is lost", [Lost, Serving, Serving, Serving], 1),
        ("one is to leave", [Leaving, Serving, Serving, Serving], 1),
        (
            "two are lost, one place is left",
            [Lost, Lost, Serving, Serving],
            1,
        ),
        (
            "one copy is left: those down are not waited for",
            [Down, Down, Serving, Serving],
            1,
        ),
        (
            "maintenance is waited for",
            [Away, Away, Serving, Serving],
            0,
        ),
    ];
    for (what, standings, copies) in cases {
        let plan = planned(&archive(3, [(1, vec![1, 2, 3])]), &sites(&standings));
        assert_eq!(plan.moves.intend.len(), copies, "{what}");
        assert!(plan.moves.delist.is_empty(), "{what}: nothing arrived yet");
    }
}

#[test]
fn a_chunk_leaves_a_lost_worker_only_when_the_new_copy_is_listed() {
    let catalog = archive(3, [(1, vec![1, 2, 3])]);
    let sites = sites(&[Lost, Serving, Serving, Serving]);
    let catalog = apply(&catalog, &planned(&catalog, &sites));
    assert_eq!(catalog.families["f"].intended[&1], BTreeSet::from([4]));
    assert_eq!(planned(&catalog, &sites), Plan::default(), "decided once");
    let catalog = arrive(&catalog);
    assert_eq!(catalog.families["f"].placement[&1], [1, 2, 3, 4]);
    let plan = planned(&catalog, &sites);
    assert_eq!(moves(&plan.moves.delist), [(1, 1)]);
    let catalog = apply(&catalog, &plan);
    assert_eq!(catalog.families["f"].placement[&1], [2, 3, 4]);
    assert_eq!(planned(&catalog, &sites), Plan::default());
}

#[test]
fn a_copy_that_lacks_a_segment_counts_for_nothing_that_leaves() {
    let mut catalog = archive(3, [(1, vec![1, 2, 3, 4])]);
    let sites = sites(&[Lost, Serving, Serving, Serving]);
    catalog.families.get_mut("f").unwrap().behind = vec![Behind {
        worker: 4,
        segment: 7,
        chunks: [1].into(),
    }];
    assert!(planned(&catalog, &sites).moves.delist.is_empty());
}

#[test]
fn the_copies_of_a_worker_that_came_back_are_not_made_elsewhere() {
    let catalog = archive(3, [(1, vec![1, 2, 3])]);
    let lost = sites(&[Lost, Serving, Serving, Serving]);
    let catalog = apply(&catalog, &planned(&catalog, &lost));
    let back = sites(&[Serving, Serving, Serving, Serving]);
    let plan = planned(&catalog, &back);
    assert_eq!(moves(&plan.moves.cancel), [(1, 4)]);
    assert!(apply(&catalog, &plan).families["f"].intended.is_empty());
}

#[test]
fn a_target_that_is_lost_gives_its_chunks_to_another() {
    let catalog = archive(2, [(1, vec![1, 2])]);
    let one = sites(&[Lost, Serving, Serving]);
    let catalog = apply(&catalog, &planned(&catalog, &one));
    assert_eq!(catalog.families["f"].intended[&1], BTreeSet::from([3]));
    let two = sites(&[Lost, Serving, Lost, Serving]);
    let catalog = apply(&catalog, &planned(&catalog, &two));
    assert_eq!(catalog.families["f"].intended[&1], BTreeSet::from([4]));
}

#[test]
fn a_drain_is_undone_by_asking_for_the_worker_again() {
    let catalog = archive(2, [(1, vec![1, 2]), (2, vec![2, 3])]);
    let drained = sites(&[Leaving, Serving, Serving]);
    let catalog = apply(&catalog, &planned(&catalog, &drained));
    assert_eq!(catalog.families["f"].intended[&1], BTreeSet::from([3]));
    let online = sites(&[Serving, Serving, Serving]);
    let catalog = apply(&catalog, &planned(&catalog, &online));
    assert_eq!(catalog, {
        let mut before = archive(2, [(1, vec![1, 2]), (2, vec![2, 3])]);
        before.epochs = catalog.epochs;
        before
    });
}

#[test]
fn without_a_worker_to_take_a_copy_the_plan_says_so_and_keeps_what_is_there() {
    let catalog = archive(3, [(1, vec![1, 2, 3])]);
    let plan = planned(&catalog, &sites(&[Leaving, Serving, Serving]));
    assert_eq!(plan.homeless, BTreeMap::from([("main".to_owned(), 1)]));
    assert!(plan.moves.delist.is_empty());
}

#[test]
fn a_worker_without_room_gets_nothing() {
    let catalog = archive(2, [(1, vec![1, 2])]);
    let mut sites = sites(&[Lost, Serving, Serving]);
    sites[2].place.room = 0;
    assert_eq!(planned(&catalog, &sites).homeless.len(), 1);
}

#[test]
fn in_a_held_pool_nothing_is_begun_and_what_waits_is_counted() {
    let catalog = archive(3, [(1, vec![1, 2, 3])]);
    let held = BTreeSet::from(["main".to_owned()]);
    let plan = plan(&Situation {
        catalog: &catalog,
        sites: &sites(&[Lost, Lost, Serving, Serving]),
        held: &held,
    });
    assert_eq!(plan.waiting, BTreeMap::from([("main".to_owned(), 1)]));
    assert_eq!(plan.moves, edit::Moves::default());
}

#[test]
fn chunks_stay_in_their_pool() {
    let catalog = archive(2, [(1, vec![1, 2])]);
    let mut sites = sites(&[Lost, Serving, Serving]);
    sites[2].place.pool = "other".into();
    assert!(planned(&catalog, &sites).moves.intend.is_empty());
}

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

/// Workers come and go at random, copies arrive; what must hold after each step holds.
#[test]
fn whatever_happens_no_chunk_loses_its_last_complete_copy_and_rest_is_reached() {
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let workers = 5 + dice.roll(4) as u32;
        let desired = 1 + dice.roll(3) as u32;
        let place = |dice: &mut Dice| {
            let first = dice.roll(workers.into()) as u32;
            (0..desired).map(|i| (first + i) % workers + 1).collect()
        };
        let placement: Vec<(ChunkId, Vec<WorkerId>)> =
            (0..40).map(|chunk| (chunk, place(&mut dice))).collect();
        let mut catalog = archive(desired, placement);
        let mut now = sites(&vec![Serving; workers as usize]);
        for _ in 0..30 {
            let standing = [Serving, Serving, Leaving, Away, Down, Lost][dice.roll(6) as usize];
            let changed = dice.roll(workers.into()) as usize;
            now[changed].standing = standing;
            let before = catalog.clone();
            catalog = apply(&catalog, &planned(&catalog, &now));
            let again = planned(&catalog, &now).moves;
            assert_eq!(again, edit::Moves::default(), "seed {seed}: decided once");
            check_kept(&before, &catalog, &now, desired);
            if dice.roll(3) > 0 {
                catalog = arrive(&catalog);
            }
            catalog = swapped(&catalog, &mut dice, workers);
        }
        now.iter_mut().for_each(|site| site.standing = Serving);
        for _ in 0..3 {
            catalog = arrive(&apply(&catalog, &planned(&catalog, &now)));
        }
        let family = &catalog.families["f"];
        assert!(
            family
                .placement
                .values()
                .all(|listed| listed.len() == desired as usize)
        );
        assert!(family.intended.is_empty(), "seed {seed}");
        assert!(family.leaving.is_empty(), "seed {seed}");
    }
}

/// Some chunk is to go from some worker to another, as rebalancing has it.
fn swapped(catalog: &Catalog, dice: &mut Dice, workers: u32) -> Catalog {
    let chunk = dice.roll(40) as u32;
    let mut any = || Move::of("f", chunk, dice.roll(workers.into()) as u32 + 1);
    let swap = edit::Moves {
        leave: vec![any()],
        intend: vec![any()],
        ..edit::Moves::default()
    };
    let swapped = edit::moves(catalog, &swap).unwrap();
    swapped.unwrap_or_else(|| catalog.clone())
}

/// A worker was taken off a chunk's list only if as many complete copies as wanted serve.
fn check_kept(before: &Catalog, after: &Catalog, sites: &[Site], desired: u32) {
    for (chunk, listed) in &before.families["f"].placement {
        let kept = &after.families["f"].placement[chunk];
        if kept.len() < listed.len() {
            let serving = kept
                .iter()
                .filter(|worker| sites[**worker as usize - 1].standing == Serving);
            assert!(serving.count() >= desired as usize, "chunk {chunk}");
        }
    }
}

#[test]
fn a_copy_that_is_to_leave_goes_when_another_took_its_place_and_stays_when_none_comes() {
    let marked = |intended: &[WorkerId]| {
        let mut catalog = archive(2, [(1, vec![1, 2])]);
        let family = catalog.families.get_mut("f").unwrap();
        family.leaving = BTreeMap::from([(1, BTreeSet::from([1]))]);
        if !intended.is_empty() {
            family.intended = BTreeMap::from([(1, intended.iter().copied().collect())]);
        }
        catalog
    };
    let all = sites(&[Serving, Serving, Serving]);
    let moving = marked(&[3]);
    assert_eq!(planned(&moving, &all), Plan::default(), "3 has no copy yet");
    let arrived = arrive(&moving);
    let plan = planned(&arrived, &all);
    assert_eq!(moves(&plan.moves.delist), [(1, 1)]);
    let moved = apply(&arrived, &plan);
    assert_eq!(moved.families["f"].placement[&1], [2, 3]);
    assert!(moved.families["f"].leaving.is_empty());
    let lost = sites(&[Serving, Serving, Lost]);
    let plan = planned(&moving, &lost);
    assert_eq!(moves(&plan.moves.cancel), [(1, 3)]);
    assert_eq!(moves(&plan.moves.stay), [(1, 1)]);
    let plan = planned(&marked(&[]), &all);
    assert_eq!(moves(&plan.moves.stay), [(1, 1)]);
    assert!(plan.moves.delist.is_empty() && plan.moves.intend.is_empty());
}

#[test]
fn copies_that_are_more_than_wanted_and_serve_go_from_where_most_is() {
    let catalog = archive(2, [(1, vec![1, 2, 3])]);
    let mut all = sites(&[Serving, Serving, Serving, Serving]);
    all[1].place.bytes = 10;
    let plan = planned(&catalog, &all);
    assert_eq!(moves(&plan.moves.delist), [(1, 2)], "the fullest");
    all[2].place.zone = all[0].place.zone.clone();
    all[2].place.bytes = 5;
    let plan = planned(&catalog, &all);
    assert_eq!(moves(&plan.moves.delist), [(1, 3)], "1 is in its zone");
    for standing in [Away, Down] {
        all[0].standing = standing;
        let plan = planned(&catalog, &all);
        assert!(plan.moves.delist.is_empty(), "two serve: {standing:?}");
    }
}

#[test]
fn a_chunk_that_moves_keeps_its_old_copy_while_another_is_lost() {
    let mut catalog = archive(2, [(1, vec![1, 2])]);
    let family = catalog.families.get_mut("f").unwrap();
    family.leaving = BTreeMap::from([(1, BTreeSet::from([1]))]);
    family.intended = BTreeMap::from([(1, BTreeSet::from([3]))]);
    let sites = sites(&[Serving, Lost, Serving]);
    let catalog = arrive(&apply(&catalog, &planned(&catalog, &sites)));
    let catalog = apply(&catalog, &planned(&catalog, &sites));
    assert_eq!(catalog.families["f"].placement[&1], [1, 3]);
}

/// A lost worker's chunks spread over nodes and zones, bytes stay even, and nothing else moves.
#[test]
fn repair_moves_what_was_lost_and_no_more() {
    let workers = 12;
    let placement = (0..1200).map(|chunk| {
        let first = chunk * 7919 % workers;
        (chunk, (0..3).map(|i| (first + i) % workers + 1).collect())
    });
    let catalog = archive(3, placement);
    let mut all = sites(&vec![Serving; workers as usize]);
    all[0].standing = Lost;
    let plan = planned(&catalog, &all);
    assert_eq!(plan.moves.intend.len(), 300, "what worker 1 held");
    let mut got: BTreeMap<WorkerId, usize> = BTreeMap::new();
    for Move { chunk, worker, .. } in &plan.moves.intend {
        let listed = &catalog.families["f"].placement[chunk];
        let zones: BTreeSet<u32> = listed
            .iter()
            .filter(|listed| **listed != 1)
            .chain([worker])
            .map(|worker| worker % 3)
            .collect();
        assert_eq!(zones.len(), 3, "chunk {chunk} has three zones again");
        *got.entry(*worker).or_default() += 1;
    }
    assert!(got.values().all(|count| *count <= 110), "{got:?}");
}

/// An archive of which only these chunks hold rows.
fn rows_in(rows: impl IntoIterator<Item = ChunkId>, placed: ChunkId) -> Catalog {
    let family = testing::family(3, (1..=placed).map(|chunk| (chunk, vec![1, 2, 3])));
    let table = testing::child(7, [testing::segment(1, rows)]);
    testing::catalog(family, [("Source", table)])
}

/// A family whose tables were deleted kept thousands of chunks: each was copied, one by one.
#[test]
fn chunks_without_rows_leave_by_one_edit_and_no_copy_of_them_is_made() {
    for standing in [Lost, Leaving, Down, Away, Serving] {
        let catalog = rows_in([1, 2], 4000);
        let sites = sites(&[standing, Serving, Serving, Serving]);
        let plan = planned(&catalog, &sites);
        let all = plan.moves.intend.iter().chain(&plan.moves.delist);
        assert!(all.clone().all(|one| one.chunk <= 2), "{standing:?}");
        assert_eq!(plan.moves.forget["f"].len(), 3998, "{standing:?}");
        let next = apply(&catalog, &plan);
        assert!(next.families["f"].placement.keys().eq(&[1, 2]));
        assert_eq!(next.epochs.placement, catalog.epochs.placement + 1);
        let again = planned(&next, &sites).moves;
        assert_eq!(again, edit::Moves::default(), "{standing:?}: decided once");
    }
}

#[test]
fn chunks_without_rows_leave_also_when_no_copy_is_begun() {
    let catalog = rows_in([1], 9);
    let sites = sites(&[Lost, Lost, Lost, Serving]);
    let held = BTreeSet::from(["main".to_owned()]);
    let plan = plan(&Situation {
        catalog: &catalog,
        sites: &sites,
        held: &held,
    });
    assert_eq!(plan.moves.forget["f"], (2..=9).collect());
    assert!(plan.moves.intend.is_empty());
}

/// Its placement must not move under an ingest: it is about to write to these very workers.
#[test]
fn chunks_that_an_open_attempt_is_about_to_write_stay_where_they_are() {
    let mut catalog = rows_in([1], 4);
    let family = catalog.families.get_mut("f").unwrap();
    let open = OpenAttempt {
        ingest: "uid".into(),
        chunks: [1, 2, 3].into(),
    };
    family.attempts.insert(12, open);
    family.intended = BTreeMap::from([(2, BTreeSet::from([4]))]);
    family.leaving = BTreeMap::from([(2, BTreeSet::from([1]))]);
    let sites = sites(&[Lost, Leaving, Serving, Serving, Serving]);
    let plan = planned(&catalog, &sites);
    assert_eq!(plan.moves.forget["f"], BTreeSet::from([4]));
    let moved: BTreeSet<ChunkId> = plan.moves.intend.iter().map(|one| one.chunk).collect();
    assert_eq!(moved, [1].into(), "what holds rows is repaired");
    assert_eq!(moves(&plan.moves.cancel), [(2, 4)], "nothing to copy");
    assert_eq!(moves(&plan.moves.stay), [(2, 1)]);
    let next = apply(&catalog, &plan);
    for chunk in [2, 3] {
        assert_eq!(next.families["f"].placement[&chunk], [1, 2, 3]);
    }
    let again = planned(&next, &sites).moves;
    assert_eq!(again, edit::Moves::default(), "decided once");
}

/// A drain that copied all there is to copy seemed to be stuck.
#[test]
fn chunks_that_stay_for_an_open_attempt_are_counted_with_its_ingest() {
    let mut catalog = rows_in([1], 5);
    let family = catalog.families.get_mut("f").unwrap();
    for (number, ingest, chunks) in [(12, "a", vec![1, 2, 3]), (13, "b", vec![3, 4])] {
        let open = OpenAttempt {
            ingest: ingest.into(),
            chunks: chunks.into_iter().collect(),
        };
        family.attempts.insert(number, open);
    }
    family.placement.insert(4, vec![2, 3, 4]);
    let awaited = |standing: Standing| {
        let sites = sites(&[standing, Serving, Serving, Serving]);
        planned(&catalog, &sites).awaited
    };
    for standing in [Leaving, Lost] {
        // 1 has rows and is copied, 4 is not on the worker, 5 is of no attempt and leaves.
        let two = Awaited {
            chunks: 2,
            ingests: ["a", "b"].map(String::from).into(),
        };
        let expected = BTreeMap::from([("main".to_owned(), two)]);
        assert_eq!(awaited(standing), expected, "{standing:?}");
    }
    for standing in [Serving, Away, Down] {
        assert_eq!(awaited(standing), BTreeMap::new(), "{standing:?}");
    }
}

/// Rows that a person can have back keep their copies (docs/design/catalog.md#deleted-tables).
#[test]
fn chunks_of_a_deleted_table_in_its_grace_period_are_repaired_like_others() {
    let mut catalog = rows_in([1], 2);
    let key = TableKey::new("sky", "Gone");
    let retired = Retired {
        key,
        table: testing::child(9, [testing::segment(5, [2])]),
        since: 1,
        until: Some(u64::MAX),
        director: None,
    };
    catalog.retired.insert(9, retired);
    let plan = planned(&catalog, &sites(&[Lost, Serving, Serving, Serving]));
    assert_eq!(moves(&plan.moves.intend), [(1, 4), (2, 4)]);
    assert!(plan.moves.forget.is_empty());
}
