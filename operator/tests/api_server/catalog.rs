//! The catalog's objects in a real API server: what goes and comes back, and who may write.

use std::sync::Arc;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use orrery_archive::catalog::{Catalog, FORMAT, FamilyGrid};
use orrery_archive::names::ROOT;
use orrery_archive::replicas::FamilyReplicas;
use orrery_crds::kinds::{ChunkMap, WorkerPool};
use orrery_operator::catalog::declared::FamilyDeclaration;
use orrery_operator::catalog::edit;
use orrery_operator::catalog::error::WriterError;
use orrery_operator::catalog::store::Store;
use orrery_operator::catalog::writer::Writer;
use orrery_operator::leader::{Candidate, LEASE};
use serde_json::json;

use crate::support::{Archive, pool};

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
async fn accept(writer: &Writer, namespace: &str, desired: u32) -> Result<(), WriterError> {
    let family = family(desired);
    let change = |catalog: &Catalog| edit::accept_family(catalog, &family);
    writer.change(namespace, change).await.map(drop)
}

#[tokio::test]
async fn an_archive_has_a_catalog_before_anything_is_declared() {
    let archive = Archive::new("empty").await;
    let written = archive.until::<ChunkMap>(ROOT, "written", |_| true);
    archive.operated(written).await;
}

#[tokio::test]
async fn an_operator_writes_nothing_over_the_catalog_of_a_newer_one() {
    let archive = Archive::new("newer").await;
    let root = json!({"holds": "root", "root": {
        "format": FORMAT + 1, "minReader": 1, "archiveUid": "u", "lineage": 1, "term": 1,
        "dataEpoch": 1, "placementEpoch": 1, "counters": {}, "pages": [],
    }});
    let written = archive.create::<ChunkMap>(ROOT, root).await.unwrap();
    archive.create::<WorkerPool>("main", pool(1)).await.unwrap();
    let refused = archive.until::<WorkerPool>("main", "NewerVersion", |pool| {
        let status = pool.status.as_ref();
        let mut conditions = status.into_iter().flat_map(|status| &status.conditions);
        conditions.any(|condition| condition.reason == "NewerVersion")
    });
    archive.operated(refused).await;
    let now = archive.api::<ChunkMap>().get(ROOT).await.unwrap();
    assert_eq!(now.resource_version(), written.resource_version());
}

#[tokio::test]
async fn objects_that_were_dropped_or_are_about_to_be_are_there_when_a_root_needs_them_again() {
    let archive = Archive::new("objects").await;
    let (writer, namespace) = (&*archive.context.writer, archive.namespace.as_str());
    let store = Store::new(&archive.context.client, namespace);
    accept(writer, namespace, 3).await.unwrap();
    let first = writer.needed(namespace).await.unwrap();
    for dropped_before in [true, false] {
        accept(writer, namespace, 2).await.unwrap();
        let needed = writer.needed(namespace).await.unwrap();
        let there = store.names().await.unwrap();
        let garbage: Vec<_> = first.names.difference(&needed.names).collect();
        assert!(garbage.len() >= 2, "spec and page of the family");
        if !dropped_before {
            accept(writer, namespace, 3).await.unwrap();
        }
        for name in garbage {
            store.delete(name, &there[name]).await.unwrap();
        }
        accept(writer, namespace, 3).await.unwrap();
        let read = store.read().await.unwrap();
        assert_eq!(read.names, first.names);
        assert_eq!(read.catalog.families["f"].replicas.desired, 3);
    }
}

#[tokio::test]
async fn a_leader_whose_lease_was_taken_while_it_stood_still_writes_nothing() {
    let archive = Archive::new("former").await;
    let (client, namespace) = (archive.context.client.clone(), archive.namespace.as_str());
    let old = Candidate::new(client.clone(), namespace, "old")
        .win(|| {})
        .await;
    let writer = Writer::new(client.clone(), Arc::default(), old.mandate());
    accept(&writer, namespace, 3).await.unwrap();
    let leases: Api<Lease> = Api::namespaced(archive.admin.clone(), namespace);
    let released = Patch::Merge(json!({"spec": {"holderIdentity": ""}}));
    leases
        .patch(LEASE, &PatchParams::default(), &released)
        .await
        .unwrap();
    let new = Candidate::new(client.clone(), namespace, "new")
        .win(|| {})
        .await;
    let successor = Writer::new(client.clone(), Arc::default(), new.mandate());
    accept(&successor, namespace, 2).await.unwrap();
    for _ in 0..2 {
        let error = accept(&writer, namespace, 1).await.unwrap_err();
        assert!(matches!(error, WriterError::NotLeading(_)), "{error}");
    }
    let read = Store::new(&client, namespace).read().await.unwrap();
    assert_eq!(read.catalog.families["f"].replicas.desired, 2);
}
