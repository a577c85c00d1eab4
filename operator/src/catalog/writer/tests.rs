//! Rules of the writer (docs/design/catalog.md#conditional-writes): conditional writes, terms,
//! objects that go and come back.

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use orrery_archive::catalog::FamilyGrid;
use orrery_archive::names::ROOT;
use orrery_archive::replicas::FamilyReplicas;
use orrery_worker_api::agent::{Held, Highest, Identity, TlsInUse};
use serde_json::json;

use super::*;
use crate::catalog::declared::FamilyDeclaration;
use crate::catalog::edit;
use crate::leader::LEASE;
use crate::testing::Objects;

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/sky/leases";
const MAPS: &str = "/apis/orrery.dev/v1alpha1/namespaces/sky/chunkmaps";

fn family(desired: u32) -> FamilyDeclaration {
    FamilyDeclaration {
        name: "f".into(),
        pool: "p".into(),
        replicas: FamilyReplicas {
            desired,
            minimum: 1,
        },
        grid: FamilyGrid::Hash { chunks: 4 },
    }
}

/// Makes the catalog's family `f` have so many desired copies.
async fn accept(writer: &Writer, desired: u32) -> Result<(), WriterError> {
    let family = family(desired);
    let change = |catalog: &Catalog| edit::accept_family(catalog, &family);
    writer.change("sky", change).await.map(drop)
}

fn alone(objects: &Objects) -> Writer {
    Writer::new(objects.client(), Arc::default(), Mandate::alone(1))
}

/// A writer by right of the Lease.
fn leading(objects: &Objects, identity: &str, transitions: u64) -> Writer {
    let leases: Api<Lease> = Api::namespaced(objects.client(), "sky");
    let mandate = Mandate::of(leases, identity.into(), transitions);
    Writer::new(objects.client(), Arc::default(), mandate)
}

fn give_lease(objects: &Objects, holder: &str, transitions: u64) {
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": LEASE},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": transitions}});
    objects.put(&format!("{LEASES}/{LEASE}"), lease);
}

fn root_term(objects: &Objects) -> u64 {
    let root = objects.get(&format!("{MAPS}/{ROOT}")).unwrap();
    root["spec"]["root"]["term"].as_u64().unwrap()
}

/// A changed catalog whose content is that of an earlier one refers to objects that may have been
/// dropped since.
#[tokio::test]
async fn an_object_that_was_dropped_is_made_again_when_a_root_needs_it_again() {
    let objects = Objects::default();
    let writer = alone(&objects);
    accept(&writer, 3).await.unwrap();
    let first = writer.needed("sky").await.unwrap();
    accept(&writer, 2).await.unwrap();
    let needed = writer.needed("sky").await.unwrap();
    let store = Store::new(&objects.client(), "sky");
    let there = store.names().await.unwrap();
    for name in first.names.difference(&needed.names) {
        store.delete(name, &there[name]).await.unwrap();
    }
    accept(&writer, 3).await.unwrap();
    let read = store.read().await.unwrap();
    assert_eq!(read.catalog.families["f"].replicas.desired, 3);
    assert_eq!(read.names, first.names);
}

/// The one who drops has looked before the object was needed again.
#[tokio::test]
async fn an_object_that_is_needed_again_survives_a_drop_that_was_decided_before() {
    let objects = Objects::default();
    let writer = alone(&objects);
    accept(&writer, 3).await.unwrap();
    let first = writer.needed("sky").await.unwrap();
    accept(&writer, 2).await.unwrap();
    let needed = writer.needed("sky").await.unwrap();
    let store = Store::new(&objects.client(), "sky");
    let there = store.names().await.unwrap();
    accept(&writer, 3).await.unwrap();
    let decided: Vec<_> = first.names.difference(&needed.names).collect();
    assert!(decided.len() >= 2, "spec and page of the family");
    for name in decided {
        store.delete(name, &there[name]).await.unwrap();
    }
    assert_eq!(store.read().await.unwrap().names, first.names);
}

/// docs/design/catalog.md#terms: an operator stopped before a write, the standby at work, then
/// continued: nothing rolls back.
#[tokio::test]
async fn a_former_leader_that_goes_on_writes_nothing_and_takes_no_term_back() {
    let objects = Objects::default();
    give_lease(&objects, "old", 1);
    let old = leading(&objects, "old", 1);
    accept(&old, 3).await.unwrap();
    give_lease(&objects, "new", 2);
    let new = leading(&objects, "new", 2);
    accept(&new, 2).await.unwrap();
    let term = root_term(&objects);
    for _ in 0..3 {
        let error = accept(&old, 1).await.unwrap_err();
        assert!(matches!(error, WriterError::NotLeading(_)), "{error}");
    }
    assert_eq!(root_term(&objects), term);
    let read = Store::new(&objects.client(), "sky").read().await.unwrap();
    assert_eq!(read.catalog.families["f"].replicas.desired, 2);
    accept(&new, 1).await.unwrap();
}

/// The same process after a restart, or the same name by mistake, is another leader.
#[tokio::test]
async fn a_former_term_of_office_of_the_same_process_is_over() {
    let objects = Objects::default();
    give_lease(&objects, "one", 3);
    let error = leading(&objects, "one", 2)
        .catalog("sky")
        .await
        .unwrap_err();
    assert!(matches!(error, WriterError::NotLeading(_)), "{error}");
    assert!(
        objects.get(&format!("{MAPS}/{ROOT}")).is_none(),
        "no root was written"
    );
}

/// A root that somebody else changed under our term (a person, or our own write whose answer was
/// lost) is read again.
#[tokio::test]
async fn a_leader_goes_on_from_a_root_that_was_changed_by_hand() {
    let objects = Objects::default();
    give_lease(&objects, "one", 1);
    let writer = leading(&objects, "one", 1);
    accept(&writer, 3).await.unwrap();
    let path = format!("{MAPS}/{ROOT}");
    objects.put(&path, objects.get(&path).unwrap());
    accept(&writer, 2).await.unwrap();
    assert_eq!(
        writer.catalog("sky").await.unwrap().families["f"]
            .replicas
            .desired,
        2
    );
}

fn info(archive_uid: &str, attempt: u64, segment: u64) -> Info {
    Info {
        api_versions: vec![1],
        identity: Some(Identity {
            archive_uid: archive_uid.into(),
            worker: 3,
            directory: "d".into(),
        }),
        term: 1,
        mysqld: Some("10.11".into()),
        catalog: None,
        free_bytes: 0,
        held: Some(Held {
            tables: 0,
            bytes: 0,
            highest: Highest { attempt, segment },
        }),
        tls: TlsInUse::default(),
    }
}

/// When a worker holds what the catalog does not know (an old etcd backup), nothing is written,
/// whenever that worker is heard of (docs/design/catalog.md#manifests).
#[tokio::test]
async fn a_catalog_older_than_what_any_probe_says_is_not_written() {
    let objects = Objects::default();
    let writer = alone(&objects);
    let uid = writer.catalog("sky").await.unwrap().archive_uid.clone();
    let set = |catalog: &Catalog| {
        let mut next = catalog.clone();
        (next.counters.attempt, next.counters.segment) = (7, 5);
        Ok(Some(next))
    };
    writer.change("sky", set).await.unwrap();
    let written = objects.get(&format!("{MAPS}/{ROOT}"));
    let another = info("another archive's disk", 9, 9);
    writer.hear("sky", &[info(&uid, 7, 5), another]).await;
    writer.catalog("sky").await.unwrap();
    writer.hear("sky", &[info(&uid, 8, 5)]).await;
    let silent = Info {
        mysqld: None,
        held: None,
        ..info(&uid, 0, 0)
    };
    writer.hear("sky", &[silent]).await;
    for error in [
        accept(&writer, 3).await.unwrap_err(),
        writer.needed("sky").await.unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(
            error.contains("worker 3") && error.contains("behind"),
            "{error}"
        );
    }
    assert_eq!(objects.get(&format!("{MAPS}/{ROOT}")), written);
    writer.hear("sky", &[info(&uid, 7, 5)]).await;
    accept(&writer, 3).await.unwrap();
}

/// A root that was there and is not is no reason to make another one.
#[tokio::test]
async fn a_lost_root_is_not_made_again() {
    let stored = Store::new(&Objects::default().client(), "sky")
        .read()
        .await
        .unwrap();
    check_first(&stored, &[], &[]).unwrap();
    let remains = Stored {
        remains: 1,
        ..stored.clone()
    };
    for refused in [
        check_first(&stored, &[], &[info("a", 0, 0)]),
        check_first(&stored, &[3], &[]),
        check_first(&remains, &[], &[]),
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error, WriterError::Behind(_)), "{error}");
    }
}

fn adopted_worker(objects: &Objects, id: u32, phase: &str) {
    let path = format!("/apis/orrery.dev/v1alpha1/namespaces/sky/workers/main-w{id}");
    let worker = json!({"apiVersion": "orrery.dev/v1alpha1", "kind": "Worker", "metadata": {"name": format!("main-w{id}")},
        "spec": {"id": id, "pool": "main"}, "status": {"phase": phase, "identity": "d"}});
    objects.put(&path, worker);
}

/// A worker whose numbers are not known is not an empty one.
#[tokio::test(start_paused = true)]
async fn a_new_leader_waits_for_the_numbers_of_workers_that_are_not_down() {
    let objects = Objects::default();
    alone(&objects).catalog("sky").await.unwrap();
    adopted_worker(&objects, 1, "Down");
    let writer = alone(&objects);
    writer.catalog("sky").await.unwrap();
    adopted_worker(&objects, 2, "Ready");
    let next = alone(&objects);
    let error = next.catalog("sky").await.unwrap_err();
    assert!(
        matches!(&error, WriterError::Silent(who) if who == "2"),
        "{error}"
    );
    tokio::time::advance(crate::catalog::witnesses::LONGEST_SILENCE).await;
    next.catalog("sky").await.unwrap();
}
