//! The edits over the catalogs they may meet.

use std::collections::BTreeMap;

use orrery_archive::catalog::{OpenAttempt, Segment, TableKind};
use orrery_archive::testing::segment;

use super::*;
use crate::catalog::segments::MOST;
use crate::fleet::testing::worker;
use crate::ingest::testing::{CHUNK, INDEX_CHUNK, Scene};

fn placing(scene: &Scene) -> CatalogEdit {
    CatalogEdit::Place(Placing {
        uid: "u".into(),
        incarnation: scene.incarnation(),
        target: scene.target(),
        basis: scene.basis(),
        surveyed: scene.surveyed(),
        places: placement::places(&scene.archive.workers),
    })
}

fn key() -> TableKey {
    TableKey::new("sky", "Object")
}

fn segments(scene: &mut Scene) -> &mut Vec<Segment> {
    &mut scene.catalog.tables.get_mut(&key()).unwrap().segments
}

fn publishing(scene: &Scene) -> CatalogEdit {
    let holders = BTreeMap::from([(CHUNK, [1, 2].into())]);
    let publication = Publication {
        table: key(),
        incarnation: 10,
        segment: segment(5, [CHUNK]),
        holders,
        index: None,
    };
    CatalogEdit::Publish(Box::new(Publishing {
        target: scene.target(),
        attempt: scene.attempt(),
        publication,
    }))
}

fn giving_up(scene: &Scene) -> CatalogEdit {
    CatalogEdit::GiveUp(GivingUp {
        key: key(),
        attempt: scene.attempt(),
        then: Then::Place,
        why: "why".into(),
    })
}

fn kept(edit: Edit<Written>) -> Written {
    match edit {
        Edit::Keep(written) => written,
        Edit::Write(_, written) => panic!("it would write {written:?}"),
    }
}

fn wrote(edit: Edit<Written>) -> (Catalog, Written) {
    match edit {
        Edit::Write(catalog, written) => (*catalog, written),
        Edit::Keep(written) => panic!("it would write nothing: {written:?}"),
    }
}

#[test]
fn a_placement_takes_numbers_that_were_never_given_out_and_gives_new_chunks_workers() {
    let mut scene = Scene::into("Object");
    scene
        .catalog
        .families
        .get_mut("f")
        .unwrap()
        .placement
        .clear();
    (
        scene.catalog.counters.attempt,
        scene.catalog.counters.segment,
    ) = (20, 30);
    let (next, written) = wrote(placing(&scene).apply(&scene.catalog));
    let Written::Placed(attempt) = written else {
        panic!("not placed: {written:?}");
    };
    assert_eq!(
        (attempt.number, attempt.index, attempt.segment),
        (21, Some(22), 31)
    );
    assert_eq!((attempt.incarnation, attempt.basis), (10, scene.basis()));
    assert_eq!((next.counters.attempt, next.counters.segment), (22, 31));
    assert_eq!(next.families["f"].placement[&CHUNK], [1, 2, 3]);
    let index = &next.families[&edit::index_family("f")];
    assert_eq!(
        index.placement,
        BTreeMap::from([(INDEX_CHUNK, vec![1, 2, 3])]),
        "what is placed stays, and a hash chunk without entries needs no worker"
    );
}

/// The chunks that an attempt writes, by family.
fn open(catalog: &Catalog) -> Vec<(u64, &str, ChunkId)> {
    let families = ["f", "f-index"].map(|name| (name, &catalog.families[name]));
    let open = families.into_iter().flat_map(|(name, family)| {
        let attempts = family.attempts.iter();
        attempts.flat_map(move |(number, open)| {
            let chunks = open.chunks.iter();
            chunks.map(move |chunk| (*number, name, *chunk))
        })
    });
    open.collect()
}

/// Chunks that an attempt is about to write keep their workers.
#[test]
fn an_attempt_is_open_in_the_catalog_until_it_is_published_or_given_up() {
    let scene = Scene::into("Object");
    let of_attempt = |number| vec![(number, "f", CHUNK), (number, "f-index", INDEX_CHUNK)];
    let (mut placed, _) = wrote(placing(&scene).apply(&scene.catalog));
    assert_eq!(open(&placed), of_attempt(1));
    // The status never got the number: the same Ingest is placed again.
    (placed, _) = wrote(placing(&scene).apply(&placed));
    let second = placed.counters.attempt - 1;
    assert_eq!(open(&placed), of_attempt(second));
    let attempt = Attempt {
        number: second,
        ..scene.attempt()
    };
    let over = GivingUp {
        key: key(),
        attempt: attempt.clone(),
        then: Then::Fail,
        why: "why".into(),
    };
    let (given_up, _) = wrote(CatalogEdit::GiveUp(over).apply(&placed));
    assert_eq!(open(&given_up), []);
    let CatalogEdit::Publish(mut publishing) = publishing(&scene) else {
        panic!("no publish");
    };
    publishing.publication.segment.attempt = second;
    publishing.attempt = attempt;
    let (published, _) = wrote(CatalogEdit::Publish(publishing).apply(&placed));
    assert_eq!(open(&published), []);
}

/// What holds no rows is not worth waiting for workers that are lost or to be drained.
#[test]
fn a_chunk_without_rows_gets_others_when_its_workers_do_not_serve() {
    let placed = |change: &dyn Fn(&mut Scene)| {
        let mut scene = Scene::into("Object");
        let workers = [1, 2, 3, 4, 5].map(|id| worker(id, if id < 3 { "Down" } else { "Ready" }));
        scene.set_workers(workers.to_vec());
        change(&mut scene);
        let (next, _) = wrote(placing(&scene).apply(&scene.catalog));
        let of = |family: &str, chunk| next.families[family].placement[&chunk].clone();
        (of("f", CHUNK), of("f-index", INDEX_CHUNK))
    };
    let others = || (vec![3, 4, 5], vec![3, 4, 5]);
    let stays = || vec![1, 2, 3];
    assert_eq!(placed(&|_| {}), others());
    let with_rows = placed(&|scene| segments(scene).push(segment(4, [CHUNK])));
    assert_eq!(with_rows.0, stays(), "repair copies it");
    let open = placed(&|scene| {
        let open = OpenAttempt {
            ingest: "another".into(),
            chunks: [CHUNK].into(),
        };
        let family = scene.catalog.families.get_mut("f").unwrap();
        family.attempts.insert(3, open);
    });
    assert_eq!(open.0, stays(), "another ingest writes to them");
    let serving = placed(&|scene| {
        let workers = [1, 2, 3].map(|id| worker(id, if id < 2 { "Down" } else { "Ready" }));
        scene.set_workers(workers.to_vec());
    });
    assert_eq!(serving, (stays(), stays()), "two are enough for a publish");
}

/// An attempt that begins without workers would never load, nor end.
#[test]
fn chunks_are_placed_only_when_enough_workers_have_room_for_them() {
    let mut scene = Scene::into("Object");
    let family = scene.catalog.families.get_mut("f").unwrap();
    family.placement.clear();
    family.replicas.minimum = 2;
    scene.set_workers(vec![worker(1, "Ready"), worker(2, "Pending")]);
    let written = kept(placing(&scene).apply(&scene.catalog));
    let Written::NotPlaced(10, Unplaced::NoWorkers(why)) = written else {
        panic!("{written:?}");
    };
    assert!(why.contains("2 Ready workers of pool `main`"), "{why}");
    scene.set_workers(vec![worker(1, "Ready"), worker(2, "Ready")]);
    wrote(placing(&scene).apply(&scene.catalog));
}

/// With two pools, chunks of one landed on workers of the other.
#[test]
fn new_chunks_get_workers_of_their_familys_pool_alone() {
    let mut scene = Scene::into("Object");
    for family in scene.catalog.families.values_mut() {
        family.placement.clear();
    }
    let of = |id, pool: &str| {
        let mut worker = worker(id, "Ready");
        worker.spec.pool = pool.into();
        worker
    };
    let workers = [(1, "fast"), (2, "main"), (3, "fast"), (4, "main")];
    scene.set_workers(workers.map(|(id, pool)| of(id, pool)).to_vec());
    let (next, _) = wrote(placing(&scene).apply(&scene.catalog));
    let placed = next.families.values().map(|family| &family.placement);
    let placed: Vec<(&ChunkId, &Vec<WorkerId>)> = placed.flatten().collect();
    assert_eq!(placed, [(&CHUNK, &vec![2, 4]), (&INDEX_CHUNK, &vec![2, 4])]);
}

#[test]
fn a_reference_table_has_no_index_attempt() {
    let scene = Scene::into("Filter");
    let (_, written) = wrote(placing(&scene).apply(&scene.catalog));
    assert!(matches!(written, Written::Placed(attempt) if attempt.index.is_none()));
}

/// What was surveyed is placed and published only on the basis that it was surveyed on
/// (docs/design/ingest.md#director-index).
#[test]
fn nothing_is_written_when_the_directors_index_changed_since_the_survey() {
    let mut scene = Scene::into("Object");
    let (place, publish) = (placing(&scene), publishing(&scene));
    let director = scene.catalog.tables.get_mut(&key()).unwrap();
    if let TableKind::Director(_, index) = &mut director.kind {
        index.segments.push(segment(4, [INDEX_CHUNK]));
    }
    let outdated = Written::NotPlaced(10, Unplaced::Obstacle(Obstacle::Outdated));
    assert_eq!(kept(place.apply(&scene.catalog)), outdated);
    assert!(matches!(
        kept(publish.apply(&scene.catalog)),
        Written::NotPublished(_, Obstacle::Outdated)
    ));
}

#[test]
fn a_chunk_with_as_many_segments_as_it_may_have_gets_no_more() {
    let mut scene = Scene::into("Object");
    let full = (100..).map(|id| segment(id, [CHUNK])).take(MOST);
    segments(&mut scene).extend(full);
    let written = kept(placing(&scene).apply(&scene.catalog));
    let Written::NotPlaced(10, Unplaced::Obstacle(Obstacle::Refused(why))) = written else {
        panic!("placed: {written:?}");
    };
    assert!(
        why.contains("sky.Object has 64 segments in chunk 1"),
        "{why}"
    );
}

#[test]
fn a_segment_is_published_once() {
    let scene = Scene::into("Object");
    let (next, written) = wrote(publishing(&scene).apply(&scene.catalog));
    assert_eq!(written, Written::Published(scene.attempt()));
    assert_eq!(next.epochs.data, scene.catalog.epochs.data + 1);
    assert_eq!(kept(publishing(&scene).apply(&next)), written);
}

/// The last look, under the root that is written.
#[test]
fn rows_of_a_name_that_is_visible_are_never_published_a_second_time() {
    let mut scene = Scene::into("Object");
    segments(&mut scene).push(segment(4, [CHUNK]));
    let written = kept(publishing(&scene).apply(&scene.catalog));
    let Written::NotPublished(_, Obstacle::Refused(why)) = written else {
        panic!("{written:?}");
    };
    assert!(why.contains("segment 4 of sky.Object"), "{why}");
    let table = scene.catalog.tables.get_mut(&key()).unwrap();
    table.revoked = std::mem::take(&mut table.segments);
    wrote(publishing(&scene).apply(&scene.catalog));
}

#[test]
fn rows_that_no_listed_worker_holds_are_not_published() {
    let mut scene = Scene::into("Object");
    let family = scene.catalog.families.get_mut("f").unwrap();
    family.placement.insert(CHUNK, vec![3]);
    let written = kept(publishing(&scene).apply(&scene.catalog));
    assert!(
        matches!(&written, Written::NotPublished(_, Obstacle::Refused(why)) if why.contains("chunk 1")),
        "{written:?}"
    );
}

/// An attempt is given up only under a root that does not list its segment, revoked or not.
#[test]
fn an_attempt_that_was_published_is_never_given_up() {
    let mut scene = Scene::into("Object");
    let (next, written) = wrote(giving_up(&scene).apply(&scene.catalog));
    assert!(matches!(written, Written::GivenUp(_)));
    assert_ne!(next.counters, scene.catalog.counters, "the root is written");
    segments(&mut scene).push(segment(5, [CHUNK]));
    let published = Written::Published(scene.attempt());
    assert_eq!(kept(giving_up(&scene).apply(&scene.catalog)), published);
    let table = scene.catalog.tables.get_mut(&key()).unwrap();
    table.revoked = std::mem::take(&mut table.segments);
    assert_eq!(kept(giving_up(&scene).apply(&scene.catalog)), published);
}

#[test]
fn a_segment_is_taken_back_once_and_one_that_is_not_there_not_at_all() {
    let mut scene = Scene::into("Object");
    segments(&mut scene).push(segment(5, [CHUNK]));
    let revoking = |segment| Revoking {
        key: key(),
        segment,
        revoked: true,
    };
    let edit = CatalogEdit::Revoke(revoking(5));
    let (next, written) = wrote(edit.apply(&scene.catalog));
    assert_eq!(written, Written::Revoked(revoking(5)));
    assert_eq!(kept(edit.apply(&next)), written);
    let other = kept(CatalogEdit::Revoke(revoking(6)).apply(&scene.catalog));
    assert!(matches!(other, Written::NotRevoked(..)));
}
