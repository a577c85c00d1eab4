//! Deleted tables (docs/design/catalog.md#deleted-tables): an archive with a director and a child,
//! each with rows, whose policy is `Delete` with a grace period.

use std::collections::BTreeMap;

use orrery_archive::catalog::{Catalog, Claim as Held, Claims, HeldTable, TableKind};
use orrery_archive::names::WorkerId;
use orrery_archive::testing::{self, accepted, segment};

use super::*;
use crate::catalog::edit::{accept_table, retire_family, retire_table, set_revoked, was_published};

const DIRECTOR: &str = "Object";
const CHILD: &str = "Source";
const NOW: u64 = 1_000;
const GRACE: u64 = 60;

fn key(table: &str) -> TableKey {
    TableKey::new("sky", table)
}

/// Segment 1 of the director and segment 2 of the child, of chunk 1 on worker 1.
fn catalog() -> Catalog {
    let deleted = |mut table: Table| {
        table.on_deletion = OnDeletion::Delete {
            grace_seconds: GRACE,
        };
        table
    };
    let mut director = deleted(testing::director(10, [segment(1, [1])]));
    if let Some(index) = director.kind.index_mut() {
        index.segments = vec![segment(1, [3]), segment(2, [3])];
    }
    let child = deleted(testing::child(20, [segment(2, [1])]));
    let family = testing::family(1, [(1, vec![1])]);
    let mut catalog = testing::catalog(family, [(DIRECTOR, director), (CHILD, child)]);
    catalog.epochs.data = 5;
    catalog.counters.incarnation = 30;
    catalog.counters.segment = 2;
    catalog
}

fn schema(table: &str) -> Schema {
    if table == DIRECTOR {
        Schema::Director(accepted())
    } else {
        Schema::Child(accepted(), DIRECTOR.into())
    }
}

fn made_again(table: &str) -> Claim {
    Claim {
        key: key(table),
        schema: schema(table),
        known: None,
        begins_empty: false,
    }
}

fn without(catalog: &Catalog, tables: &[&str]) -> Catalog {
    let retire = |catalog: Catalog, table: &&str| retire_table(&catalog, &key(table), NOW).unwrap();
    tables.iter().fold(catalog.clone(), retire)
}

fn again(catalog: &Catalog, table: &str) -> Result<(Option<Catalog>, Claimed), EditError> {
    claim(catalog, &made_again(table), NOW)
}

/// What the catalog says of the child's rows on worker 1.
fn of_rows(catalog: &Catalog, worker: WorkerId) -> Held<'_> {
    let held = HeldTable {
        database: "sky__20",
        attempt: 2,
        chunk: 1,
    };
    Claims::of(catalog).judge(worker, held)
}

#[test]
fn a_deleted_table_made_again_in_its_grace_period_has_its_rows_under_the_same_incarnation() {
    let before = catalog();
    let gone = without(&before, &[CHILD, DIRECTOR]);
    assert_eq!((gone.tables.len(), gone.retired.len()), (0, 2));
    assert_eq!(gone.retired[&20].until, Some(NOW + GRACE));
    assert_eq!(gone.dropping, BTreeMap::new());
    assert_eq!(expire(&gone, NOW + GRACE - 1), None);
    let (next, claimed) = again(&gone, DIRECTOR).unwrap();
    assert_eq!(claimed, Claimed::Returned(10));
    let (next, claimed) = again(&next.unwrap(), CHILD).unwrap();
    assert_eq!(claimed, Claimed::Returned(20));
    let back = next.unwrap();
    assert_eq!(back.tables, before.tables);
    assert_eq!((back.retired.len(), back.counters), (0, before.counters));
    assert!(
        back.epochs.data > gone.epochs.data,
        "queries see other rows"
    );
}

#[test]
fn rows_are_dropped_when_the_grace_period_is_over_and_never_come_back() {
    let gone = without(&catalog(), &[CHILD]);
    assert_eq!(of_rows(&gone, 1), Held::Given, "agents refuse to drop them");
    let over = expire(&gone, NOW + GRACE).unwrap();
    assert_eq!(of_rows(&over, 1), Held::Unknown);
    assert_eq!(over.dropping, [("sky__20".to_owned(), 6)].into());
    assert!(
        over.epochs.placement > gone.epochs.placement,
        "agents take the catalog that allows it"
    );
    assert_eq!(expire(&over, u64::MAX), None);
    assert_eq!(again(&over, CHILD).unwrap().1, Claimed::New(31));
    let remembers = Claim {
        known: Some(20),
        ..made_again(CHILD)
    };
    let (_, claimed) = claim(&over, &remembers, NOW).unwrap();
    assert_eq!(claimed, Claimed::New(31), "its rows are being dropped");
}

#[test]
fn rows_of_a_table_with_retain_have_no_end_and_keep_their_family() {
    let mut before = catalog();
    before.tables.get_mut(&key(CHILD)).unwrap().on_deletion = OnDeletion::Retain;
    let gone = without(&before, &[CHILD, DIRECTOR]);
    let late = expire(&gone, u64::MAX).unwrap();
    assert_eq!(late.retired.keys().collect::<Vec<_>>(), [&20]);
    let refused = retire_family(&late, "f").unwrap_err();
    assert!(
        matches!(refused, EditError::FamilyInUse { .. }),
        "{refused}"
    );
    let empty = Claim {
        begins_empty: true,
        ..made_again(DIRECTOR)
    };
    assert_eq!(claim(&gone, &empty, NOW).unwrap().1, Claimed::New(31));
}

/// An object restored from a backup has no status.
#[test]
fn an_object_that_lost_its_status_keeps_its_rows() {
    let before = catalog();
    let kept = again(&before, CHILD).unwrap();
    assert_eq!(kept, (None, Claimed::Known(20)));
    let mut other = accepted();
    other.qserv_compat = true;
    let other = Claim {
        schema: Schema::Child(other, DIRECTOR.into()),
        ..made_again(CHILD)
    };
    let (next, claimed) = claim(&before, &other, NOW).unwrap();
    assert_eq!(claimed, Claimed::New(31), "another schema is another table");
    let declared = crate::catalog::declared::TableDeclaration {
        key: key(CHILD),
        object: "source".into(),
        incarnation: 31,
        schema: other.schema,
        on_deletion: OnDeletion::Retain,
    };
    let replaced = accept_table(&next.unwrap(), &declared, NOW).unwrap();
    assert_eq!(replaced.retired[&20].until, Some(NOW + GRACE));
}

/// A catalog that was rebuilt does not have the numbers that another gave to the same objects.
#[test]
fn an_object_with_a_status_of_another_catalog_keeps_its_rows() {
    let before = catalog();
    let remembers = |table, known| {
        let claimed = Claim {
            known: Some(known),
            ..made_again(table)
        };
        claim(&before, &claimed, NOW).unwrap().1
    };
    for known in [2, 10, 11, 31] {
        assert_eq!(remembers(CHILD, known), Claimed::Known(20), "{known}");
    }
    let gone = without(&before, &[CHILD]);
    let knows = Claim {
        known: Some(2),
        ..made_again(CHILD)
    };
    assert_eq!(claim(&gone, &knows, NOW).unwrap().1, Claimed::Returned(20));
    let fresh = |known| Claim {
        key: key("New"),
        known: Some(known),
        ..made_again(CHILD)
    };
    let of_new = |known| claim(&before, &fresh(known), NOW).unwrap().1;
    assert_eq!(of_new(25), Claimed::Known(25), "the catalog gave it out");
    for known in [11, 20, 31] {
        assert_eq!(of_new(known), Claimed::New(31), "{known} is another's");
    }
}

/// An object that is deleted and made again at once is never seen to be gone.
#[test]
fn a_new_object_in_place_of_one_without_a_grace_period_begins_empty() {
    let mut before = catalog();
    let child = before.tables.get_mut(&key(CHILD)).unwrap();
    child.on_deletion = OnDeletion::Delete { grace_seconds: 0 };
    assert_eq!(again(&before, CHILD).unwrap().1, Claimed::New(31));
}

#[test]
fn a_table_without_rows_leaves_nothing_behind() {
    let mut before = catalog();
    for table in before.tables.values_mut() {
        table.segments.clear();
        if let Some(index) = table.kind.index_mut() {
            index.segments.clear();
        }
    }
    let gone = without(&before, &[CHILD, DIRECTOR]);
    assert_eq!(gone.retired, BTreeMap::new());
    assert_eq!(gone.dropping.len(), 3, "both tables and the index");
    assert_eq!(again(&before, CHILD).unwrap().1, Claimed::New(31));
}

#[test]
fn a_child_comes_back_only_with_the_director_that_has_its_keys() {
    let gone = without(&catalog(), &[CHILD, DIRECTOR]);
    let refused = again(&gone, CHILD).unwrap_err();
    assert_eq!(refused, EditError::NeedsItsDirector(key(DIRECTOR)));
    let mut other = gone.clone();
    other
        .tables
        .insert(key(DIRECTOR), testing::director(40, []));
    let refused = again(&other, CHILD).unwrap_err();
    assert_eq!(refused, EditError::NeedsItsDirector(key(DIRECTOR)));
    // The other order of deletions: the child's director is a deleted one.
    let gone = without(&catalog(), &[DIRECTOR, CHILD]);
    assert_eq!(gone.retired[&20].director, Some(10));
}

#[test]
fn a_child_comes_back_only_when_the_rows_whose_keys_it_uses_are_there() {
    let gone = without(&catalog(), &[CHILD]);
    let revoked = set_revoked(&gone, &key(DIRECTOR), 1, true)
        .unwrap()
        .unwrap();
    let refused = again(&revoked, CHILD).unwrap_err();
    assert!(matches!(refused, EditError::NeedsDirector(_)), "{refused}");
    let back = set_revoked(&revoked, &key(DIRECTOR), 1, false);
    let back = back.unwrap().unwrap();
    assert_eq!(again(&back, CHILD).unwrap().1, Claimed::Returned(20));
}

/// Keys of a deleted child are in no place that the director's revoked rows were compared with.
#[test]
fn revoked_rows_of_a_director_do_not_come_back_next_to_a_deleted_child_loaded_since() {
    let mut before = catalog();
    let director = before.tables.get_mut(&key(DIRECTOR)).unwrap();
    let mut away = director.segments.remove(0);
    away.revoked = Some(1);
    director.revoked.push(away);
    let gone = without(&before, &[CHILD]);
    let refused = set_revoked(&gone, &key(DIRECTOR), 1, false).unwrap_err();
    assert!(matches!(refused, EditError::LoadedSince(_)), "{refused}");
}

#[test]
fn a_director_comes_back_only_under_children_that_were_loaded_after_it() {
    let gone = without(&catalog(), &[DIRECTOR]);
    assert_eq!(again(&gone, DIRECTOR).unwrap().1, Claimed::Returned(10));
    let mut loaded = gone.clone();
    let child = loaded.tables.get_mut(&key(CHILD)).unwrap();
    child.segments.push(Segment {
        published: gone.epochs.data,
        ..segment(3, [1])
    });
    let refused = again(&loaded, DIRECTOR).unwrap_err();
    assert!(
        matches!(refused, EditError::LoadedAfterAnother(_)),
        "{refused}"
    );
}

#[test]
fn of_several_deleted_tables_the_last_comes_back_and_the_one_in_its_place_is_kept() {
    let gone = without(&catalog(), &[CHILD]);
    let mut other = gone.clone();
    other
        .tables
        .insert(key(CHILD), testing::child(25, [segment(7, [1])]));
    let gone = without(&other, &[CHILD]);
    let (next, claimed) = again(&gone, CHILD).unwrap();
    assert_eq!(claimed, Claimed::Returned(25));
    let kept = next.unwrap();
    assert_eq!(kept.retired.keys().collect::<Vec<_>>(), [&20]);
    // One of another schema has the name.
    let mut taken = gone.clone();
    let mut instead = testing::child(33, [segment(8, [1])]);
    if let TableKind::Child(schema, _) = &mut instead.kind {
        schema.qserv_compat = true;
    }
    taken.tables.insert(key(CHILD), instead);
    let (next, _) = again(&taken, CHILD).unwrap();
    let kept = next.unwrap();
    assert_eq!(kept.retired.keys().collect::<Vec<_>>(), [&20, &33]);
    assert_eq!(kept.tables[&key(CHILD)].incarnation, 25);
}

/// A lost answer of the publish is no reason to give the rows up.
#[test]
fn what_was_published_counts_as_published_when_its_table_is_deleted() {
    let gone = without(&catalog(), &[CHILD]);
    assert!(was_published(&gone, &key(CHILD), 20, 2));
    assert!(!was_published(&gone, &key(CHILD), 21, 2));
}
