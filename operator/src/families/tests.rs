use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;
use orrery_archive::catalog::{Behind, Catalog, Family, TableKey, TableKind};
use orrery_archive::replicas::FamilyReplicas;
use orrery_archive::testing;
use orrery_crds::kinds::{ChunkFamily, FamilyChunks, WorkerPool};
use serde_json::json;

use super::{grid, judge, status};
use crate::controller::conditions;

fn pools(workers: u32) -> BTreeMap<String, WorkerPool> {
    let pool = json!({
        "apiVersion": "orrery.dev/v1alpha1", "kind": "WorkerPool", "metadata": {"name": "main"},
        "spec": {"workers": workers, "storage": "1Gi"},
    });
    BTreeMap::from([("main".to_owned(), serde_json::from_value(pool).unwrap())])
}

fn family(name: &str, pool: &str, desired: u32) -> ChunkFamily {
    serde_json::from_value(json!({
        "apiVersion": "orrery.dev/v1alpha1", "kind": "ChunkFamily", "metadata": {"name": name},
        "spec": {"pool": pool, "replicas": {"desired": desired, "minimum": 1},
            "scheme": {"kind": "sphere", "stripes": 85, "subStripes": 12, "overlap": 0.01}},
    }))
    .unwrap()
}

fn refusal(family: &ChunkFamily, pools: &BTreeMap<String, WorkerPool>) -> (&'static str, String) {
    let verdict = judge(family, pools, &Catalog::default());
    assert!(verdict.declaration.is_none() && !verdict.finding.holds());
    (verdict.finding.reason, verdict.finding.message)
}

#[test]
fn a_family_of_a_large_enough_pool_is_accepted() {
    let verdict = judge(&family("sky", "main", 3), &pools(3), &Catalog::default());
    assert!(verdict.finding.holds());
    assert_eq!(verdict.declaration.unwrap().pool, "main");
}

#[test]
fn replicas_above_the_pools_size_are_refused() {
    assert_eq!(
        refusal(&family("sky", "main", 3), &pools(2)),
        (
            "TooManyReplicas",
            "spec.replicas.desired: 3 copies need 3 workers, but WorkerPool `main` has 2"
                .to_owned()
        )
    );
}

#[test]
fn a_missing_pool_and_a_reserved_name_are_refused() {
    assert_eq!(
        refusal(&family("sky", "else", 1), &pools(2)).0,
        "PoolMissing"
    );
    assert_eq!(
        refusal(&family("sky-index", "main", 1), &pools(2)).0,
        "NameReserved"
    );
}

/// A director in family `sky` with rows in these chunks, and entries in these of its index.
fn holding(rows: impl IntoIterator<Item = u32>, entries: impl IntoIterator<Item = u32>) -> Catalog {
    let mut table = testing::director(1, [testing::segment(5, rows)]);
    if let TableKind::Director(accepted, index) = &mut table.kind {
        accepted.family = "sky".into();
        index.family = "sky-index".into();
        index.segments = vec![testing::segment(5, entries)];
    }
    Catalog {
        tables: BTreeMap::from([(TableKey::new("sky", "Object"), table)]),
        ..Catalog::default()
    }
}

/// A chunk without rows lacks nothing, wherever it was.
#[test]
fn chunks_without_rows_do_not_count() {
    let declared = family("sky", "main", 3);
    let mut catalog = holding([10], [0]);
    let placed = |chunks: [u32; 2]| Family {
        placement: chunks.map(|chunk| (chunk, vec![chunk % 2 + 1])).into(),
        ..Family::new(
            1,
            "main",
            FamilyReplicas {
                desired: 1,
                minimum: 1,
            },
            grid(&declared.spec.scheme, 16).unwrap(),
        )
    };
    catalog.families.insert("sky".into(), placed([10, 11]));
    catalog.families.insert("sky-index".into(), placed([0, 1]));
    let accepted = judge(&declared, &pools(3), &catalog).finding;
    let live = BTreeSet::from([1]);
    let status = status(&declared, &accepted, &catalog, &live, Timestamp::now());
    let whole = FamilyChunks {
        total: 1,
        ready: 1,
        under_replicated: 0,
        unreadable: 0,
    };
    assert_eq!((status.chunks, status.index_chunks), (whole, whole));
    assert_eq!(status.min_copies, 1);
    assert!(!conditions::holds(&status.conditions, "Degraded"));
}

#[test]
fn copies_on_down_workers_and_behind_ones_do_not_count() {
    let declared = family("sky", "main", 3);
    let known = Family {
        placement: BTreeMap::from([(10, vec![1, 2]), (11, vec![2, 3]), (12, vec![1, 3])]),
        behind: vec![Behind {
            worker: 2,
            segment: 5,
            chunks: BTreeSet::from([11]),
        }],
        ..Family::new(
            1,
            "main",
            FamilyReplicas {
                desired: 2,
                minimum: 1,
            },
            grid(&declared.spec.scheme, 16).unwrap(),
        )
    };
    let mut catalog = holding([10, 11, 12], []);
    catalog.families.insert("sky".into(), known);
    let accepted = judge(&declared, &pools(3), &catalog).finding;
    let seen = |live: &[u32]| {
        status(
            &declared,
            &accepted,
            &catalog,
            &live.iter().copied().collect(),
            Timestamp::now(),
        )
    };
    let all = seen(&[1, 2, 3]);
    assert_eq!(
        (all.chunks, all.min_copies),
        (
            FamilyChunks {
                total: 3,
                ready: 2,
                under_replicated: 1,
                unreadable: 0,
            },
            1
        )
    );
    let without_3 = seen(&[1, 2]);
    assert_eq!(without_3.min_copies, 0);
    assert_eq!(without_3.chunks.under_replicated, 2);
    assert_eq!(without_3.chunks.unreadable, 1);
    assert!(conditions::holds(&without_3.conditions, "Degraded"));
    let available = without_3
        .conditions
        .iter()
        .find(|c| c.type_ == "Available")
        .unwrap();
    assert_eq!(available.status, "False");
    assert!(available.message.contains("the first is 11"));
}

/// Without its index a director's keys are looked up everywhere, and rows are refused.
#[test]
fn copies_of_the_index_count_as_well() {
    let declared = family("sky", "main", 2);
    let one = |placement: &[(u32, Vec<u32>)]| Family {
        placement: placement.iter().cloned().collect(),
        ..Family::new(
            1,
            "main",
            FamilyReplicas {
                desired: 2,
                minimum: 1,
            },
            grid(&declared.spec.scheme, 16).unwrap(),
        )
    };
    let mut catalog = holding([10], [0, 1]);
    let rows = one(&[(10, vec![1, 2])]);
    catalog.families.insert("sky".into(), rows);
    let index = one(&[(0, vec![1, 3]), (1, vec![1, 2])]);
    catalog.families.insert("sky-index".into(), index);
    let accepted = judge(&declared, &pools(3), &catalog).finding;
    let live = BTreeSet::from([1, 2]);
    let status = status(&declared, &accepted, &catalog, &live, Timestamp::now());
    assert_eq!(status.chunks.under_replicated, 0);
    assert_eq!(status.index_chunks.under_replicated, 1);
    assert_eq!((status.index_chunks.total, status.min_copies), (2, 1));
    assert!(conditions::holds(&status.conditions, "Degraded"));
}
