use std::collections::BTreeMap;

use orrery_archive::catalog::{Catalog, FamilyGrid, Table, TableKey, TableKind};
use orrery_archive::replicas::FamilyReplicas;
use orrery_archive::testing::{self, segment};
use orrery_crds::kinds::{ChunkedTable, ChunkedTableStatus, ReferenceTable};
use serde_json::{Value, json};

use super::{Declared, UserTable, Verdict, judge};
use crate::catalog::declared::{FamilyDeclaration, Schema};

const OLD: &str = "2026-01-01T00:00:00Z";
const NEW: &str = "2026-01-02T00:00:00Z";

fn families() -> BTreeMap<String, FamilyDeclaration> {
    let sphere = FamilyGrid::Sphere {
        stripes: 85,
        sub_stripes: 12,
        overlap: 0.01,
        index_chunks: 16,
    };
    [("sky", sphere), ("keys", FamilyGrid::Hash { chunks: 8 })]
        .into_iter()
        .map(|(name, grid)| {
            let family = FamilyDeclaration {
                name: name.into(),
                pool: "main".into(),
                replicas: FamilyReplicas::default(),
                grid,
            };
            (name.to_owned(), family)
        })
        .collect()
}

fn object<K: serde::de::DeserializeOwned>(
    kind: &str,
    name: &str,
    created: &str,
    spec: &Value,
) -> K {
    serde_json::from_value(json!({
        "apiVersion": "orrery.dev/v1alpha1", "kind": kind,
        "metadata": {"name": name, "uid": name, "creationTimestamp": created}, "spec": spec,
    }))
    .unwrap()
}

fn director(name: &str, created: &str, changes: &Value) -> ChunkedTable {
    let mut spec = json!({"database": "sky", "table": "Object", "family": "sky", "role": "director", "key": "id",
        "position": {"longitude": "ra", "latitude": "decl"},
        "columns": [{"name": "id", "type": "BIGINT", "nullable": false},
            {"name": "ra", "type": "DOUBLE"}, {"name": "decl", "type": "DOUBLE"}]});
    merge(&mut spec, changes);
    object("ChunkedTable", name, created, &spec)
}

fn child(name: &str, changes: &Value) -> ChunkedTable {
    let mut spec = json!({"database": "sky", "table": "Source", "family": "sky", "role": "child", "key": "objectId",
        "director": "Object", "columns": [{"name": "objectId", "type": "BIGINT"}]});
    merge(&mut spec, changes);
    object("ChunkedTable", name, NEW, &spec)
}

fn reference(name: &str, created: &str, table: &str) -> ReferenceTable {
    let spec =
        json!({"database": "sky", "table": table, "columns": [{"name": "id", "type": "INT"}]});
    object("ReferenceTable", name, created, &spec)
}

fn merge(spec: &mut Value, changes: &Value) {
    for (key, value) in changes.as_object().unwrap() {
        spec[key] = value.clone();
    }
}

fn judged(
    chunked: &[ChunkedTable],
    references: &[ReferenceTable],
    catalog: &Catalog,
) -> Vec<Verdict> {
    let verdicts = judge(&Declared {
        chunked,
        references,
        families: &families(),
        catalog,
    });
    verdicts
        .chunked
        .into_iter()
        .chain(verdicts.references)
        .collect()
}

fn reasons(chunked: &[ChunkedTable], references: &[ReferenceTable]) -> Vec<&'static str> {
    let verdicts = judged(chunked, references, &Catalog::default());
    verdicts
        .into_iter()
        .map(|verdict| verdict.finding.reason)
        .collect()
}

#[test]
fn a_director_its_child_and_a_reference_table_are_accepted() {
    let chunked = [
        child("source", &json!({})),
        director("object", OLD, &json!({})),
    ];
    let verdicts = judged(
        &chunked,
        &[reference("filter", OLD, "Filter")],
        &Catalog::default(),
    );
    assert!(
        matches!(&verdicts[0].schema, Some(Schema::Child(_, director)) if director == "Object")
    );
    assert!(matches!(verdicts[1].schema, Some(Schema::Director(_))));
    assert!(matches!(verdicts[2].schema, Some(Schema::Reference(_))));
}

#[test]
fn of_two_tables_with_one_name_the_older_wins_whatever_their_kinds() {
    let younger = director("younger", NEW, &json!({}));
    assert_eq!(
        reasons(&[younger.clone(), director("older", OLD, &json!({}))], &[]),
        ["NameTaken", "Accepted"]
    );
    let verdicts = judged(
        &[younger],
        &[reference("filter", OLD, "Object")],
        &Catalog::default(),
    );
    assert_eq!(
        verdicts[0].finding.message,
        "spec.table: sky.Object belongs to ReferenceTable filter, which is older"
    );
}

#[test]
fn an_accepted_table_keeps_its_name_although_another_was_made_in_the_same_second() {
    let (mut there, newcomer) = (
        director("there", OLD, &json!({})),
        director("newcomer", OLD, &json!({})),
    );
    // None is older by the second, and "newcomer" comes first by its UID.
    assert_eq!(
        reasons(&[there.clone(), newcomer.clone()], &[]),
        ["NameTaken", "Accepted"]
    );
    there.status = Some(ChunkedTableStatus {
        incarnation: Some(7),
        ..ChunkedTableStatus::default()
    });
    assert_eq!(reasons(&[there, newcomer], &[]), ["Accepted", "NameTaken"]);
}

#[test]
fn a_table_refused_for_its_columns_keeps_its_name_all_the_same() {
    let older = director(
        "older",
        OLD,
        &json!({"columns": [{"name": "id", "type": "WIBBLE"}]}),
    );
    assert_eq!(
        reasons(&[older, director("younger", NEW, &json!({}))], &[]),
        ["BadSchema", "NameTaken"]
    );
}

#[test]
fn what_a_table_needs_must_be_there_and_fit() {
    let sound = director("object", OLD, &json!({}));
    assert_eq!(
        reasons(&[director("a", OLD, &json!({"family": "else"}))], &[]),
        ["FamilyNotAccepted"]
    );
    assert_eq!(
        reasons(&[director("a", OLD, &json!({"database": "mysql"}))], &[]),
        ["DatabaseReserved"]
    );
    assert_eq!(
        reasons(&[director("a", OLD, &json!({"database": "orrery_x"}))], &[]),
        ["DatabaseReserved"]
    );
    assert_eq!(
        reasons(&[director("a", OLD, &json!({"position": null}))], &[]),
        ["PositionMissing"]
    );
    assert_eq!(
        reasons(
            &[director(
                "a",
                OLD,
                &json!({"position": null, "family": "keys"})
            )],
            &[]
        ),
        ["Accepted"]
    );
    assert_eq!(reasons(&[child("a", &json!({}))], &[]), ["DirectorMissing"]);
    assert_eq!(
        reasons(
            &[sound.clone(), child("a", &json!({"family": "keys"}))],
            &[]
        ),
        ["Accepted", "FamilyDiffers"]
    );
    let text_key = json!({"columns": [{"name": "objectId", "type": "VARCHAR(20)", "charset": "ascii", "collation": "ascii_nopad_bin"}]});
    assert_eq!(
        reasons(&[sound, child("a", &text_key)], &[]),
        ["Accepted", "KeyTypeDiffers"]
    );
    let refused = director("object", OLD, &json!({"family": "else"}));
    assert_eq!(
        reasons(&[refused, child("a", &json!({}))], &[]),
        ["FamilyNotAccepted", "DirectorNotAccepted"]
    );
}

#[test]
fn the_schema_of_published_rows_stays_but_a_scan_rating_may_change() {
    let declared = |changes: &Value| {
        let mut table = director("object", OLD, changes);
        table.status = Some(serde_json::from_value(json!({"incarnation": 7})).unwrap());
        table
    };
    let Some(Schema::Director(schema)) = judged(&[declared(&json!({}))], &[], &Catalog::default())
        .remove(0)
        .schema
    else {
        panic!("not accepted");
    };
    let mut table = testing::director(7, [segment(1, [1])]);
    if let TableKind::Director(held, _) = &mut table.kind {
        *held = schema;
    }
    let mut catalog = Catalog::default();
    catalog.tables.insert(TableKey::new("sky", "Object"), table);
    let reason = |changes: &Value| {
        judged(&[declared(changes)], &[], &catalog)
            .remove(0)
            .finding
            .reason
    };
    assert_eq!(reason(&json!({"scanRating": 3})), "Accepted");
    assert_eq!(
        reason(&json!({"indexes": [{"name": "k", "columns": ["ra"]}]})),
        "SchemaDiffers"
    );
    // Rows that are taken back may come back.
    for table in catalog.tables.values_mut() {
        table.revoked = std::mem::take(&mut table.segments);
    }
    let verdicts = judged(&[declared(&json!({"qservCompat": true}))], &[], &catalog);
    assert_eq!(verdicts[0].finding.reason, "SchemaDiffers");
    // Another incarnation is another table.
    catalog
        .tables
        .values_mut()
        .for_each(|table| table.incarnation = 6);
    let verdicts = judged(&[declared(&json!({"qservCompat": true}))], &[], &catalog);
    assert_eq!(verdicts[0].finding.reason, "Accepted");
}

/// Index ⊇ data at every dataEpoch (docs/design/ingest.md#director-index), also when a director is
/// deleted and made again under its published children.
#[test]
fn a_director_is_not_made_anew_under_children_with_rows() {
    let with = |mut table: ChunkedTable, incarnation: u64| {
        table.status = Some(serde_json::from_value(json!({"incarnation": incarnation})).unwrap());
        table
    };
    let old = [
        with(director("object", OLD, &json!({})), 7),
        with(child("source", &json!({})), 9),
    ];
    let mut verdicts = judged(&old, &[], &Catalog::default());
    let Some(Schema::Child(schema, of)) = verdicts.remove(1).schema else {
        panic!("not accepted");
    };
    let mut catalog = Catalog::default();
    let held = Table {
        kind: TableKind::Child(schema, of),
        ..testing::child(9, [segment(1, [1])])
    };
    catalog.tables.insert(old[1].key(), held);
    let verdicts = |tables: &[ChunkedTable]| {
        let judged = judged(tables, &[], &catalog);
        judged
            .into_iter()
            .map(|verdict| verdict.finding)
            .collect::<Vec<_>>()
    };
    let again = director("object", OLD, &json!({}));
    let findings = verdicts(&[again.clone(), old[1].clone()]);
    assert_eq!(findings[0].reason, "ChildrenHaveRows");
    assert!(
        findings[0].message.contains("sky.Source"),
        "{}",
        findings[0].message
    );
    // The child was deleted too, and perhaps made again: its old rows go with it.
    assert_eq!(verdicts(std::slice::from_ref(&again))[0].reason, "Accepted");
    let findings = verdicts(&[again, child("source", &json!({}))]);
    assert_eq!(
        (findings[0].reason, findings[1].reason),
        ("Accepted", "Accepted")
    );
}
