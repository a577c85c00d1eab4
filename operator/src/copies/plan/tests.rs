use orrery_archive::catalog::{Behind, TableKey};
use orrery_archive::testing;

use super::*;

const THROTTLE: Throttles = throttles(10);

const fn throttles(chunks: usize) -> Throttles {
    let all = Throttle {
        chunks,
        bytes: u64::MAX,
    };
    Throttles { all, moves: all }
}

fn serving(workers: &[WorkerId], throttles: Throttles) -> Parties {
    let ids: BTreeSet<WorkerId> = workers.iter().copied().collect();
    Parties {
        throttles: ids.iter().map(|worker| (*worker, throttles)).collect(),
        sources: ids.clone(),
        targets: ids,
    }
}

fn planned(catalog: &Catalog) -> Transfers {
    transfers(catalog, &serving(&[1, 2], THROTTLE), &Transfers::new())
}

/// The catalog with these copies intended.
fn intending(mut catalog: Catalog, copies: &[(ChunkId, WorkerId)]) -> Catalog {
    let intended = &mut catalog.families.get_mut("f").unwrap().intended;
    for (chunk, worker) in copies {
        intended.entry(*chunk).or_default().insert(*worker);
    }
    catalog
}

fn catalog(placement: &[(ChunkId, &[WorkerId])], behind: Vec<Behind>) -> Catalog {
    let placement = placement.iter();
    let placement = placement.map(|(chunk, workers)| (*chunk, workers.to_vec()));
    let family = Family {
        behind,
        ..testing::family(2, placement)
    };
    testing::filled(family)
}

#[test]
fn an_intended_copy_is_made_from_a_holder() {
    let catalog = catalog(&[(1, &[1]), (2, &[1, 2])], Vec::new());
    let transfers = planned(&intending(catalog, &[(1, 2)]));
    assert_eq!(transfers.keys().collect::<Vec<_>>(), [&(2, 1)]);
    assert_eq!(
        transfers[&(2, 1)].chunks,
        BTreeSet::from([("f".to_owned(), 1)])
    );
}

#[test]
fn a_worker_that_is_behind_catches_up_from_one_that_is_not() {
    let behind = vec![Behind {
        worker: 2,
        segment: 7,
        chunks: [1].into(),
    }];
    let transfers = planned(&catalog(&[(1, &[1, 2])], behind));
    assert_eq!(transfers.keys().collect::<Vec<_>>(), [&(2, 1)]);
}

#[test]
fn chunks_without_a_source_do_not_hold_up_the_others() {
    let placement: Vec<(ChunkId, &[WorkerId])> = vec![(1, &[9]), (2, &[9]), (3, &[9]), (4, &[1])];
    let catalog = catalog(&placement, Vec::new());
    let catalog = intending(catalog, &[(1, 2), (2, 2), (3, 2), (4, 2)]);
    let transfers = transfers(&catalog, &serving(&[1, 2], throttles(1)), &Transfers::new());
    assert_eq!(
        transfers[&(2, 1)].chunks,
        BTreeSet::from([("f".to_owned(), 4)])
    );
}

#[test]
fn the_last_copies_come_first_and_no_worker_gives_or_takes_more_than_it_may() {
    let placement: Vec<(ChunkId, &[WorkerId])> =
        vec![(1, &[1, 2]), (2, &[1, 2]), (3, &[1]), (4, &[2])];
    let catalog = catalog(&placement, Vec::new());
    let copies = [(1, 3), (2, 4), (3, 3), (4, 3)];
    let catalog = intending(catalog, &copies);
    let parties = serving(&[1, 2, 3, 4], throttles(2));
    let transfers = transfers(&catalog, &parties, &Transfers::new());
    let chunks = |target: WorkerId| -> Vec<ChunkId> {
        let own = transfers.iter().filter(|((to, _), _)| *to == target);
        own.flat_map(|(_, transfer)| transfer.chunks.iter().map(|(_, chunk)| *chunk))
            .collect()
    };
    assert_eq!(chunks(3), [3, 4], "the last copies");
    assert_eq!(chunks(4), [2], "3 has enough to do, 4 has not");
}

#[test]
fn a_copy_under_way_continues_as_it_is_while_it_is_wanted() {
    let placement: Vec<(ChunkId, &[WorkerId])> = vec![(1, &[1]), (2, &[1]), (3, &[1])];
    let begun = intending(catalog(&placement, Vec::new()), &[(2, 2)]);
    let running = planned(&begun);
    let more = intending(begun, &[(1, 2), (3, 2)]);
    let parties = serving(&[1, 2], THROTTLE);
    let next = transfers(&more, &parties, &running);
    assert_eq!(next, running, "another list would be another copy");
    let arrived = {
        let mut catalog = more;
        let family = catalog.families.get_mut("f").unwrap();
        family.intended.remove(&2);
        family.placement.insert(2, vec![1, 2]);
        catalog
    };
    let next = transfers(&arrived, &parties, &running);
    assert_eq!(next[&(2, 1)].chunks.len(), 2, "the others follow");
}

#[test]
fn a_worker_gives_and_takes_as_many_chunks_as_its_pool_says() {
    let placement: Vec<(ChunkId, &[WorkerId])> = (1..=9).map(|chunk| (chunk, &[1][..])).collect();
    let copies: Vec<(ChunkId, WorkerId)> = (1..=9).map(|chunk| (chunk, 2)).collect();
    let catalog = intending(catalog(&placement, Vec::new()), &copies);
    let begun = |from, to| {
        let mut parties = serving(&[1, 2], Throttles::of(from));
        parties.throttles.insert(2, Throttles::of(to));
        let begun = transfers(&catalog, &parties, &Transfers::new());
        begun
            .get(&(2, 1))
            .map_or(0, |transfer| transfer.chunks.len())
    };
    assert_eq!([begun(16, 16), begun(5, 16), begun(16, 2)], [9, 5, 2]);
    assert_eq!(Throttles::of(1).moves.chunks, 1);
}

#[test]
fn bytes_are_bounded_and_one_large_chunk_passes() {
    let throttle = Throttle {
        chunks: 10,
        bytes: 100,
    };
    let mut busy = Busy::new((1..=4).map(|worker| (worker, throttle)));
    let mut admit = |source, target, bytes| {
        let admitted = busy.admits(source, target, bytes);
        if admitted {
            busy.count(source, target, bytes);
        }
        admitted
    };
    assert!(admit(1, 2, 1000), "alone");
    assert!(!admit(3, 2, 1), "the target is busy");
    assert!(!admit(1, 4, 1), "the source is busy");
    assert!(admit(3, 4, 60));
    assert!(admit(3, 4, 40));
    assert!(!admit(3, 4, 1));
}

#[test]
fn chunks_that_only_move_come_last_few_at_a_time_and_hold_up_no_other() {
    let placement: Vec<(ChunkId, &[WorkerId])> = vec![
        (1, &[1, 2]),
        (2, &[1, 2]),
        (3, &[1, 2]),
        (4, &[2]),
        (6, &[1, 2]),
    ];
    let moving = catalog(&placement, Vec::new());
    let mut moving = intending(moving, &[(1, 3), (2, 3), (3, 3), (4, 3), (6, 3)]);
    let family = moving.families.get_mut("f").unwrap();
    family.leaving = [1, 2, 3, 6].map(|chunk| (chunk, [1].into())).into();
    let one = Throttles {
        moves: Throttle {
            chunks: 1,
            bytes: u64::MAX,
        },
        ..THROTTLE
    };
    let parties = serving(&[1, 2, 3], one);
    let begun = transfers(&moving, &parties, &Transfers::new());
    let chunks = |transfers: &Transfers, source: WorkerId| -> Vec<ChunkId> {
        let transfer = transfers.get(&(3, source)).into_iter();
        transfer
            .flat_map(|transfer| transfer.chunks.iter().map(|(_, chunk)| *chunk))
            .collect()
    };
    assert_eq!(
        chunks(&begun, 2),
        [4],
        "alone, though 1 and 3 come from 2 too"
    );
    assert_eq!(chunks(&begun, 1), [2], "one at a time to each worker");
    assert_eq!(transfers(&moving, &parties, &begun), begun);
}

#[test]
fn without_a_complete_source_nothing_is_copied() {
    let behind = vec![Behind {
        worker: 1,
        segment: 7,
        chunks: [1].into(),
    }];
    let catalog = intending(catalog(&[(1, &[1])], behind), &[(1, 2)]);
    assert!(planned(&catalog).is_empty());
}

/// A chunk that lost its last rows on the way has nothing to copy: no agent is asked for it.
#[test]
fn no_copy_is_made_of_a_chunk_without_rows() {
    let mut catalog = catalog(&[(1, &[1]), (2, &[1])], Vec::new());
    let source = TableKey::new("sky", "Source");
    let table = catalog.tables.get_mut(&source).unwrap();
    table.segments = vec![testing::segment(1, [2])];
    let planned = planned(&intending(catalog, &[(1, 2), (2, 2)]));
    let chunks: Vec<ChunkId> = planned[&(2, 1)]
        .chunks
        .iter()
        .map(|(_, chunk)| *chunk)
        .collect();
    assert_eq!(chunks, [2]);
}
