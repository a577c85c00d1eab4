//! Rules of publishing, revoking and bringing back (docs/design/ingest.md#revoking,
//! docs/design/placement.md#copies).

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::catalog::{
    Behind, Catalog, Counters, FamilyGrid, Segment, TableKey, TableKind,
};
use orrery_archive::names::WorkerId;
use orrery_archive::replicas::FamilyReplicas;
use orrery_archive::table::OnDeletion;
use orrery_archive::testing::{self, accepted};

use super::*;
use crate::catalog::declared::{FamilyDeclaration, Schema, TableDeclaration};
use crate::catalog::segments::{self, MANY, MOST};

const DIRECTOR: &str = "Object";
const CHILD: &str = "Source";
/// Seconds since 1970.
const NOW: u64 = 1_000;

fn key(table: &str) -> TableKey {
    TableKey::new("sky", table)
}

fn declaration(table: &str, incarnation: u64, schema: Schema) -> TableDeclaration {
    TableDeclaration {
        key: key(table),
        object: "table".into(),
        incarnation,
        schema,
        on_deletion: OnDeletion::Retain,
    }
}

/// A family with chunk 1 on workers 1 and 2 (its index likewise), a director and a child.
fn catalog() -> Catalog {
    let family = FamilyDeclaration {
        name: "f".into(),
        pool: "p".into(),
        replicas: FamilyReplicas {
            desired: 2,
            minimum: 1,
        },
        grid: FamilyGrid::Hash { chunks: 4 },
    };
    let mut catalog = accept_family(&Catalog::default(), &family)
        .unwrap()
        .unwrap();
    for family in catalog.families.values_mut() {
        family.placement.insert(1, vec![1, 2]);
    }
    let director = declaration(DIRECTOR, 10, Schema::Director(accepted()));
    let child = declaration(CHILD, 11, Schema::Child(accepted(), DIRECTOR.into()));
    let catalog = accept_table(&catalog, &director, NOW).unwrap();
    accept_table(&catalog, &child, NOW).unwrap()
}

fn holders(workers: &[WorkerId]) -> Holders {
    Holders::from([(1, workers.iter().copied().collect::<BTreeSet<_>>())])
}

fn publication(catalog: &Catalog, table: &str, id: u64, workers: &[WorkerId]) -> Publication {
    let segment = Segment {
        ingest: format!("ingest-{id}"),
        published: 0,
        ..testing::segment(id, [1])
    };
    let index = (table == DIRECTOR).then(|| (key(DIRECTOR), segment.clone(), holders(workers)));
    Publication {
        table: key(table),
        incarnation: catalog.tables[&key(table)].incarnation,
        segment,
        holders: holders(workers),
        index,
    }
}

/// Publishes the next segment of `table`; its number.
fn ingest(catalog: &mut Catalog, table: &str) -> u64 {
    catalog.counters.segment += 1;
    let id = catalog.counters.segment;
    *catalog = publish(catalog, &publication(catalog, table, id, &[1, 2]))
        .unwrap()
        .unwrap();
    id
}

fn set(catalog: &mut Catalog, table: &str, segment: u64, revoked: bool) -> Result<(), EditError> {
    *catalog = set_revoked(catalog, &key(table), segment, revoked)?.unwrap();
    Ok(())
}

/// What a listed worker holds is compared under the root that is written over
/// (docs/design/placement.md#copies).
#[test]
fn a_late_copy_that_was_listed_meanwhile_is_behind_for_a_published_segment() {
    let mut catalog = catalog();
    let publication = publication(&catalog, DIRECTOR, 1, &[1, 2]);
    // The rows were counted on workers 1 and 2; then a copy of the older segments made worker 3 a
    // replica.
    for family in ["f", "f-index"] {
        catalog = arrive(&catalog, family, 1, 3).unwrap().unwrap();
    }
    let catalog = publish(&catalog, &publication).unwrap().unwrap();
    let behind = vec![Behind {
        worker: 3,
        segment: 1,
        chunks: [1].into(),
    }];
    assert_eq!(catalog.families["f"].behind, behind);
    assert_eq!(catalog.families["f-index"].behind, behind);
}

#[test]
fn a_segment_that_no_listed_worker_holds_is_not_published() {
    let catalog = catalog();
    let publication = publication(&catalog, CHILD, 1, &[7]);
    let refused = EditError::NoHolder {
        table: key(CHILD),
        chunk: 1,
    };
    assert_eq!(publish(&catalog, &publication), Err(refused));
}

#[test]
fn a_segment_is_published_once_even_when_it_was_taken_back_since() {
    let mut catalog = catalog();
    let id = ingest(&mut catalog, DIRECTOR);
    let again = publication(&catalog, DIRECTOR, id, &[1, 2]);
    assert_eq!(publish(&catalog, &again), Ok(None));
    set(&mut catalog, DIRECTOR, id, true).unwrap();
    assert_eq!(publish(&catalog, &again), Ok(None));
    assert!(was_published(&catalog, &key(DIRECTOR), 10, id));
    assert!(!was_published(&catalog, &key(DIRECTOR), 11, id));
}

/// A revocation is reversible, of a director and its children too, again and again
/// (docs/design/ingest.md#revoking).
#[test]
fn director_and_child_go_and_come_back_in_order() {
    let mut catalog = catalog();
    let (director, child) = (ingest(&mut catalog, DIRECTOR), ingest(&mut catalog, CHILD));
    let before = catalog.tables.clone();
    for _ in 0..3 {
        let error = set(&mut catalog, DIRECTOR, director, true).unwrap_err();
        assert_eq!(
            error,
            EditError::KeysInUse("sky.Source (ingest ingest-2)".into())
        );
        set(&mut catalog, CHILD, child, true).unwrap();
        set(&mut catalog, DIRECTOR, director, true).unwrap();
        let error = set(&mut catalog, CHILD, child, false).unwrap_err();
        assert_eq!(
            error,
            EditError::NeedsDirector("sky.Object (ingest ingest-1)".into())
        );
        set(&mut catalog, DIRECTOR, director, false).unwrap();
        set(&mut catalog, CHILD, child, false).unwrap();
        assert_eq!(catalog.tables, before);
    }
}

/// One row per key (docs/design/ingest.md#unique-keys). A second ingest of the same keys was
/// accepted because the first was away.
#[test]
fn director_rows_do_not_come_back_beside_rows_that_were_loaded_meanwhile() {
    for later in [DIRECTOR, CHILD] {
        let mut catalog = catalog();
        let first = ingest(&mut catalog, DIRECTOR);
        set(&mut catalog, DIRECTOR, first, true).unwrap();
        let second = ingest(&mut catalog, later);
        let refused = EditError::LoadedSince(format!("sky.{later} (ingest ingest-2)"));
        assert_eq!(
            set(&mut catalog, DIRECTOR, first, false),
            Err(refused.clone())
        );
        // Neither when those are away for the moment: they would come back next to the first.
        set(&mut catalog, later, second, true).unwrap();
        assert_eq!(set(&mut catalog, DIRECTOR, first, false), Err(refused));
        set(&mut catalog, later, second, false).unwrap();
    }
}

/// Orphans are indexed where they lie; a director row with their key may have come elsewhere since.
#[test]
fn child_rows_do_not_come_back_after_director_rows_that_were_loaded_meanwhile() {
    let mut catalog = catalog();
    let child = ingest(&mut catalog, CHILD);
    set(&mut catalog, CHILD, child, true).unwrap();
    ingest(&mut catalog, CHILD);
    set(&mut catalog, CHILD, child, false).expect("other children do not matter");
    set(&mut catalog, CHILD, child, true).unwrap();
    ingest(&mut catalog, DIRECTOR);
    assert_eq!(
        set(&mut catalog, CHILD, child, false),
        Err(EditError::LoadedSince(
            "sky.Object (ingest ingest-3)".into()
        ))
    );
}

#[test]
fn a_child_that_came_after_a_director_went_needs_it_not() {
    let mut catalog = catalog();
    let director = ingest(&mut catalog, DIRECTOR);
    set(&mut catalog, DIRECTOR, director, true).unwrap();
    let child = ingest(&mut catalog, CHILD);
    set(&mut catalog, CHILD, child, true).unwrap();
    set(&mut catalog, CHILD, child, false).unwrap();
}

/// What reaches an agent late is refused by its placementEpoch, so each state of a segment has its
/// own (docs/design/catalog.md#manifests).
#[test]
fn each_state_of_a_segment_has_a_placement_epoch_of_its_own() {
    let mut catalog = catalog();
    let id = ingest(&mut catalog, DIRECTOR);
    let mut epochs = BTreeSet::from([catalog.epochs.placement]);
    for revoked in [true, false, true] {
        set(&mut catalog, DIRECTOR, id, revoked).unwrap();
        epochs.insert(catalog.epochs.placement);
    }
    assert_eq!(epochs.len(), 4);
}

/// Warn at 16, refuse at 64 segments per chunk and table
/// (docs/design/ingest.md#number-of-segments).
#[test]
fn many_segments_are_told_and_too_many_refused_with_table_chunk_and_remedy() {
    let mut catalog = catalog();
    let all = |_| true;
    for count in 1..=MOST {
        check_segments(&catalog, &key(CHILD), all).unwrap();
        ingest(&mut catalog, CHILD);
        let warning = segments::warning(&key(CHILD), &catalog.tables[&key(CHILD)], all);
        assert_eq!(warning.is_some(), count >= MANY, "{count}");
    }
    assert_eq!((MANY, MOST), (16, 64));
    let error = check_segments(&catalog, &key(CHILD), all)
        .unwrap_err()
        .to_string();
    for part in ["sky.Source", "64 segments", "chunk 1", "one Ingest"] {
        assert!(error.contains(part), "{error}");
    }
    check_segments(&catalog, &key(CHILD), |chunk| chunk == 2).expect("chunk 2 has none");
    check_segments(&catalog, &key(DIRECTOR), all).expect("another table");
    // What is taken back makes room, and comes back only while there is some.
    set(&mut catalog, CHILD, 5, true).unwrap();
    check_segments(&catalog, &key(CHILD), all).unwrap();
    ingest(&mut catalog, CHILD);
    let refused = set(&mut catalog, CHILD, 5, false).unwrap_err();
    assert!(
        matches!(refused, EditError::TooManySegments { .. }),
        "{refused}"
    );
}

/// Numbers are used once in the archive's life: nothing that leaves the catalog takes a counter
/// back.
#[test]
fn counters_never_go_back() {
    let mut catalog = catalog();
    for table in catalog.tables.values_mut() {
        table.on_deletion = OnDeletion::Delete { grace_seconds: 0 };
    }
    ingest(&mut catalog, DIRECTOR);
    let before = catalog.counters;
    let mut after: Vec<Counters> = Vec::new();
    catalog = retire_table(&catalog, &key(CHILD), NOW).unwrap();
    after.push(catalog.counters);
    catalog = accept_table(
        &catalog,
        &deletable(DIRECTOR, 20, Schema::Director(accepted())),
        NOW,
    )
    .unwrap();
    after.push(catalog.counters);
    assert!(catalog.tables[&key(DIRECTOR)].segments.is_empty());
    let TableKind::Director(_, index) = &catalog.tables[&key(DIRECTOR)].kind else {
        panic!("no director");
    };
    assert!(
        index.incarnation > before.incarnation && index.segments.is_empty(),
        "another index"
    );
    catalog = retire_table(&catalog, &key(DIRECTOR), NOW).unwrap();
    catalog = retire_family(&catalog, "f").unwrap().unwrap();
    after.push(catalog.counters);
    assert_eq!(catalog.families, BTreeMap::new());
    for counters in after {
        assert!(counters.incarnation >= before.incarnation);
        assert_eq!(
            (counters.attempt, counters.segment),
            (before.attempt, before.segment)
        );
    }
}

fn deletable(table: &str, incarnation: u64, schema: Schema) -> TableDeclaration {
    TableDeclaration {
        on_deletion: OnDeletion::Delete { grace_seconds: 0 },
        ..declaration(table, incarnation, schema)
    }
}

#[test]
fn rows_of_a_deleted_table_stay_unless_its_policy_says_delete() {
    let mut catalog = catalog();
    ingest(&mut catalog, DIRECTOR);
    let child = deletable(CHILD, 11, Schema::Child(accepted(), DIRECTOR.into()));
    let before = catalog.epochs;
    catalog = accept_table(&catalog, &child, NOW).unwrap();
    assert_eq!(catalog.epochs, before, "readers ask for nothing else");
    assert_eq!(catalog.tables[&key(CHILD)].schema_version, 1);
    assert_eq!(accept_table(&catalog, &child, NOW), None);

    catalog = retire_table(&catalog, &key(CHILD), NOW).unwrap();
    catalog = retire_table(&catalog, &key(DIRECTOR), NOW).unwrap();
    let first_without = before.data + 1;
    assert_eq!(
        catalog.dropping,
        [("sky__11".to_owned(), first_without)].into()
    );

    let gone = ["sky__11".to_owned()];
    let catalog = dropped(&catalog, &gone).unwrap();
    assert!(catalog.dropping.is_empty());
    assert_eq!(dropped(&catalog, &gone), None);
}

#[test]
fn a_table_made_anew_leaves_the_rows_and_the_index_of_the_former_one_to_be_dropped() {
    let director = |incarnation| deletable(DIRECTOR, incarnation, Schema::Director(accepted()));
    let mut catalog = retire_table(&catalog(), &key(DIRECTOR), NOW).unwrap();
    catalog = accept_table(&catalog, &director(20), NOW).unwrap();
    let TableKind::Director(_, index) = catalog.tables[&key(DIRECTOR)].kind.clone() else {
        panic!("no director");
    };
    catalog = accept_table(&catalog, &director(30), NOW).unwrap();
    let since = catalog.epochs.data;
    let index = format!("orrery_index__{}", index.incarnation);
    assert_eq!(
        catalog.dropping,
        [(index, since), ("sky__20".to_owned(), since)].into()
    );
    assert_eq!(catalog.tables[&key(DIRECTOR)].incarnation, 30);
}
