//! Repair and drains as the cluster API sees them. Workers have no pods here: their statuses are
//! written by the test.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Patch, PatchParams};
use orrery_archive::catalog::{Catalog, Family, Table, TableKey, TableKind};
use orrery_archive::testing;
use orrery_crds::kinds::{Worker, WorkerPool};
use orrery_operator::catalog::declared::FamilyDeclaration;
use orrery_operator::catalog::edit;
use orrery_operator::controller::runner::Controller;
use orrery_operator::repair::Repair;
use orrery_operator::secrets::Secrets;
use serde_json::{Value, json};

use crate::support::Archive;

/// Family of these tests.
pub const FAMILY: &str = "sky";

/// A pool whose workers are given up at once, with one chunk on its first three workers.
async fn archive(purpose: &str, workers: u32) -> Archive {
    let archive = with_workers(purpose, workers).await;
    place(&archive, 3, BTreeMap::from([(1, vec![1, 2, 3])])).await;
    archive
}

/// A pool whose workers are Ready, and are given up at once.
pub async fn with_workers(purpose: &str, workers: u32) -> Archive {
    let archive = Archive::new(purpose).await;
    let pool = json!({"workers": workers, "storage": "1Gi", "repair": {"repairAfterSeconds": 0}});
    archive.create::<WorkerPool>("main", pool).await.unwrap();
    status::<WorkerPool>(&archive, "main", json!({"workers": workers})).await;
    for id in 1..=workers {
        let spec = json!({"id": id, "pool": "main"});
        archive.create::<Worker>(&name(id), spec).await.unwrap();
        set_phase(&archive, id, "Ready").await;
    }
    let (context, namespace) = (&archive.context, &archive.namespace);
    let secrets = async || {
        Secrets.reconcile(context, namespace).await.unwrap();
    };
    archive.settle(secrets).await;
    assert!(context.agents.knows(namespace));
    archive
}

/// A family with so many copies of each chunk, and where they are.
pub async fn place(archive: &Archive, desired: u32, placement: BTreeMap<u32, Vec<u32>>) {
    let (context, namespace) = (&archive.context, &archive.namespace);
    let family = FamilyDeclaration {
        name: FAMILY.into(),
        pool: "main".into(),
        replicas: serde_json::from_value(json!({"desired": desired, "minimum": 1})).unwrap(),
        grid: serde_json::from_value(json!({"scheme": "hash", "chunks": 64})).unwrap(),
    };
    let accept = |catalog: &Catalog| edit::accept_family(catalog, &family);
    context.writer.change(namespace, accept).await.unwrap();
    let chunks: Vec<u32> = placement.keys().copied().collect();
    let placed = [(FAMILY.to_owned(), placement)];
    let place = |catalog: &Catalog| {
        let mut next = edit::place(catalog, &placed)?.unwrap();
        next.tables.insert(rows(), table(chunks.iter().copied()));
        Ok(Some(next))
    };
    context.writer.change(namespace, place).await.unwrap();
}

/// The table whose rows are in these chunks.
pub fn rows() -> TableKey {
    TableKey::new("sky", "Source")
}

/// A table of the family with rows in these chunks.
fn table(chunks: impl IntoIterator<Item = u32>) -> Table {
    let mut table = testing::child(7, [testing::segment(1, chunks)]);
    if let TableKind::Child(accepted, _) = &mut table.kind {
        accepted.family = FAMILY.into();
    }
    table
}

pub fn name(id: u32) -> String {
    format!("main-w{id}")
}

async fn status<K>(archive: &Archive, name: &str, status: Value)
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + serde::de::DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let patch = Patch::Merge(json!({"status": status}));
    let api = archive.api::<K>();
    api.patch_status(name, &PatchParams::default(), &patch)
        .await
        .unwrap();
}

pub async fn set_phase(archive: &Archive, id: u32, phase: &str) {
    let free = 1_u64 << 30;
    let seen = json!({"phase": phase, "node": format!("n{id}"), "freeBytes": free});
    status::<Worker>(archive, &name(id), seen).await;
}

pub async fn family(archive: &Archive) -> Family {
    let catalog = archive.context.writer.catalog(&archive.namespace).await;
    catalog.unwrap().families[FAMILY].clone()
}

pub async fn round(archive: &Archive, repair: &Repair) {
    let (context, namespace) = (&archive.context, &archive.namespace);
    repair.reconcile(context, namespace).await.unwrap();
}

/// The pool's condition.
pub async fn waiting(archive: &Archive) -> Option<Condition> {
    let pool = archive.api::<WorkerPool>().get("main").await.unwrap();
    let mut conditions = pool.status.unwrap().conditions.into_iter();
    conditions.find(|condition| condition.type_ == "RepairWaits")
}

/// Its reason.
async fn waits(archive: &Archive) -> Option<String> {
    let condition = waiting(archive).await;
    condition.map(|condition| condition.reason)
}

/// The intended copy of chunk 1 is made, as it is by agents.
async fn arrive(archive: &Archive, worker: u32) {
    arrive_of(archive, 1, worker).await;
}

/// A copy of a chunk is made.
pub async fn arrive_of(archive: &Archive, chunk: u32, worker: u32) {
    let arrive = |catalog: &Catalog| edit::arrive(catalog, FAMILY, chunk, worker);
    let (writer, namespace) = (&archive.context.writer, &archive.namespace);
    writer.change(namespace, arrive).await.unwrap();
}

#[tokio::test]
async fn the_chunks_of_a_lost_worker_get_new_workers_and_then_leave_it() {
    let archive = archive("repair", 4).await;
    let repair = Repair::default();
    round(&archive, &repair).await;
    assert!(family(&archive).await.intended.is_empty(), "all is well");
    set_phase(&archive, 2, "Down").await;
    archive
        .settle(async || round(&archive, &repair).await)
        .await;
    let planned = family(&archive).await;
    assert_eq!(planned.intended, BTreeMap::from([(1, BTreeSet::from([4]))]));
    assert_eq!(planned.placement[&1], [1, 2, 3]);
    archive
        .until_told("ChunksMove", "1 copies are to be made")
        .await;
    // Another leader finds the plan and keeps it.
    let successor = Repair::default();
    archive
        .settle(async || round(&archive, &successor).await)
        .await;
    assert_eq!(family(&archive).await, planned);
    arrive(&archive, 4).await;
    archive
        .settle(async || round(&archive, &successor).await)
        .await;
    let repaired = family(&archive).await;
    assert_eq!(repaired.placement[&1], [1, 3, 4]);
    assert!(repaired.intended.is_empty());
}

#[tokio::test]
async fn a_drained_worker_loses_its_chunks_once_they_are_elsewhere_and_a_drain_can_be_undone() {
    let archive = archive("drain", 4).await;
    let repair = Repair::default();
    let desire = async |desired: &str| {
        let patch = json!({"spec": {"desired": desired}});
        archive.edit::<Worker>("main-w1", patch).await;
        archive
            .settle(async || round(&archive, &repair).await)
            .await;
        family(&archive).await
    };
    let before = family(&archive).await;
    let draining = desire("Drained").await;
    assert_eq!(draining.intended[&1], BTreeSet::from([4]));
    assert_eq!(desire("Online").await, before);
    desire("Drained").await;
    arrive(&archive, 4).await;
    archive
        .settle(async || round(&archive, &repair).await)
        .await;
    assert_eq!(family(&archive).await.placement[&1], [2, 3, 4]);
}

#[tokio::test]
async fn a_storm_is_not_repaired_and_the_condition_names_the_override() {
    let archive = archive("storm", 4).await;
    let repair = Repair::default();
    for id in [1, 2] {
        set_phase(&archive, id, "Down").await;
    }
    archive
        .settle(async || round(&archive, &repair).await)
        .await;
    assert!(family(&archive).await.intended.is_empty());
    assert_eq!(waits(&archive).await.as_deref(), Some("StormGuard"));
    let note = archive.until_told("StormGuard", "1 chunks wait").await;
    assert!(note.contains("spec.repair.stormGuardPercent"), "{note}");
    let raised = json!({"spec": {"repair": {"stormGuardPercent": 100}}});
    archive.edit::<WorkerPool>("main", raised).await;
    archive
        .settle(async || round(&archive, &repair).await)
        .await;
    assert_eq!(family(&archive).await.intended[&1], BTreeSet::from([4]));
    let reason = waits(&archive).await;
    assert_eq!(reason.as_deref(), Some("NoWorkerLeft"), "of two copies");
}

#[tokio::test]
async fn a_drain_that_finds_no_place_waits_and_says_so() {
    let archive = archive("full", 3).await;
    let repair = Repair::default();
    let drained = json!({"spec": {"desired": "Drained"}});
    archive.edit::<Worker>("main-w1", drained).await;
    archive
        .settle(async || round(&archive, &repair).await)
        .await;
    assert_eq!(family(&archive).await.placement[&1], [1, 2, 3]);
    assert_eq!(waits(&archive).await.as_deref(), Some("NoWorkerLeft"));
}
