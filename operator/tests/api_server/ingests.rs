//! What an ingest does without a loader: no pod of one runs here, so none ever answers.

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Event;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use orrery_archive::catalog::Catalog;
use orrery_crds::kinds::{
    ChunkFamily, ChunkedTable, Ingest, IngestPhase, IngestStatus, WorkerPool,
};
use serde_json::{Value, json};

use crate::nodes::{Nodes, Running, first_worker};
use crate::support::{Archive, director, family, pool};

async fn ingest(archive: &Archive) {
    let spec = json!({"target": {"database": "sky", "table": "Object"}, "sources": [{"url": "https://example.org/a.csv"}]});
    archive.create::<Ingest>("i", spec).await.unwrap();
}

async fn tables(archive: &Archive) -> (Nodes, Running) {
    archive.create::<WorkerPool>("main", pool(2)).await.unwrap();
    let worker = first_worker(archive).await;
    archive
        .create::<ChunkFamily>("sky", family(2))
        .await
        .unwrap();
    let object = director("Object");
    archive
        .create::<ChunkedTable>("object", object)
        .await
        .unwrap();
    worker
}

async fn until(
    archive: &Archive,
    what: &str,
    holds: impl Fn(&IngestStatus) -> bool,
) -> IngestStatus {
    let holds = |ingest: &Ingest| ingest.status.as_ref().is_some_and(&holds);
    archive
        .until::<Ingest>("i", what, holds)
        .await
        .status
        .unwrap()
}

/// An ingest with rows on workers, as its status says.
async fn loading(archive: &Archive) -> (Nodes, Running) {
    let worker = tables(archive).await;
    ingest(archive).await;
    let surveys = |status: &IngestStatus| status.phase == IngestPhase::Survey;
    until(archive, "in its survey", surveys).await;
    // Numbers that the catalog has not given out, and the worker has heard of, are of a newer one.
    let give_out = |catalog: &Catalog| {
        let mut next = catalog.clone();
        (next.counters.attempt, next.counters.segment) = (8, 5);
        Ok(Some(next))
    };
    let (writer, namespace) = (&archive.context.writer, &archive.namespace);
    writer.change(namespace, give_out).await.unwrap();
    let loads =
        json!({"phase": "Load", "attempt": 7, "segment": 5, "indexAttempt": 8, "basis": "b"});
    set_status(archive, loads).await;
    let held = |ingest: &Ingest| !ingest.finalizers().is_empty();
    archive
        .until::<Ingest>("i", "held by a finalizer", held)
        .await;
    worker
}

async fn set_status(archive: &Archive, status: Value) {
    let patch = Patch::Merge(json!({ "status": status }));
    let parameters = PatchParams::default();
    archive
        .api::<Ingest>()
        .patch_status("i", &parameters, &patch)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_ingest_waits_for_its_table_and_then_gets_a_loader() {
    let archive = Archive::new("starts").await;
    let checks = async {
        ingest(&archive).await;
        let waits = |status: &IngestStatus| {
            status
                .message
                .contains("waits for table sky.Object to be accepted")
        };
        until(&archive, "waiting for its table", waits).await;
        let _worker = tables(&archive).await;
        let surveys = |status: &IngestStatus| status.phase == IngestPhase::Survey;
        let status = until(&archive, "in its survey", surveys).await;
        let table = archive.api::<ChunkedTable>().get("object").await.unwrap();
        assert_eq!(status.incarnation, table.status.unwrap().incarnation);
        archive.api::<Job>().get("ingest-i").await.unwrap();
        let pod = |status: &IngestStatus| status.message == "waits for the loader's pod";
        until(&archive, "waiting for the pod", pod).await;
    };
    archive.operated(checks).await;
}

#[tokio::test]
async fn a_failed_ingest_keeps_no_numbers_and_an_impossible_status_is_named() {
    let archive = Archive::new("fails").await;
    let checks = async {
        let _worker = tables(&archive).await;
        ingest(&archive).await;
        let surveys = |status: &IngestStatus| status.phase == IngestPhase::Survey;
        until(&archive, "in its survey", surveys).await;
        set_status(
            &archive,
            json!({"phase": "Load", "attempt": 7, "basis": "b"}),
        )
        .await;
        let named = |status: &IngestStatus| status.message.contains("phase Load without segment");
        until(&archive, "refused for its status", named).await;
        set_status(&archive, json!({"segment": 5, "indexAttempt": 8})).await;
        let object = DeleteParams::default();
        archive
            .api::<ChunkedTable>()
            .delete("object", &object)
            .await
            .unwrap();
        let failed = |status: &IngestStatus| status.phase == IngestPhase::Failed;
        let status = until(&archive, "failed", failed).await;
        assert_eq!(status.message, "table sky.Object was deleted");
        let numbers = (
            status.attempt,
            status.index_attempt,
            status.segment,
            status.basis,
        );
        assert_eq!(numbers, (None, None, None, None));
        let released = |ingest: &Ingest| ingest.finalizers().is_empty();
        archive.until::<Ingest>("i", "released", released).await;
        assert!(!has_job(&archive).await, "a failed ingest needs no pod");
    };
    archive.operated(checks).await;
}

/// No garbage collector runs here: a Job that is deleted in the background is gone at once.
async fn has_job(archive: &Archive) -> bool {
    let job = archive.api::<Job>().get_opt("ingest-i").await.unwrap();
    job.is_some_and(|job| job.metadata.deletion_timestamp.is_none())
}

#[tokio::test]
async fn an_ingest_that_is_deleted_while_it_loads_is_kept_until_its_attempt_is_given_up() {
    let archive = Archive::new("deleted").await;
    let checks = async {
        let _worker = loading(&archive).await;
        let before = archive
            .context
            .writer
            .catalog(&archive.namespace)
            .await
            .unwrap();
        let ingests = archive.api::<Ingest>();
        ingests.delete("i", &DeleteParams::default()).await.unwrap();
        let gone = async {
            while ingests.get_opt("i").await.unwrap().is_some() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let soon = Duration::from_secs(20);
        tokio::time::timeout(soon, gone).await.unwrap();
        let after = archive
            .context
            .writer
            .catalog(&archive.namespace)
            .await
            .unwrap();
        assert!(
            after.counters.attempt > before.counters.attempt,
            "a root that lists no segment of the attempt was written before the object went"
        );
    };
    archive.operated(checks).await;
}

#[tokio::test]
async fn why_a_loader_does_not_start_is_said() {
    let archive = Archive::new("quota").await;
    let checks = async {
        let _worker = tables(&archive).await;
        ingest(&archive).await;
        let pod = |status: &IngestStatus| status.message == "waits for the loader's pod";
        until(&archive, "waiting for the pod", pod).await;
        let why = "forbidden: exceeded quota: pods, requested: pods=1";
        let event = json!({
            "metadata": {"name": "ingest-i.1", "namespace": archive.namespace},
            "involvedObject": {"apiVersion": "batch/v1", "kind": "Job", "name": "ingest-i", "namespace": archive.namespace},
            "type": "Warning", "reason": "FailedCreate", "message": why,
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z",
        });
        let event: Event = serde_json::from_value(event).unwrap();
        let parameters = PostParams::default();
        archive
            .api::<Event>()
            .create(&parameters, &event)
            .await
            .unwrap();
        let named = |status: &IngestStatus| status.message.ends_with(why);
        until(&archive, "told the quota", named).await;
    };
    archive.operated(checks).await;
}

#[tokio::test]
async fn a_long_name_is_refused_where_it_is_declared() {
    let archive = Archive::new("names").await;
    let spec = json!({"target": {"database": "sky", "table": "Object"}, "sources": [{"url": "https://example.org/a.csv"}]});
    let longest = "i".repeat(56);
    archive
        .create::<Ingest>(&longest, spec.clone())
        .await
        .unwrap();
    let longer = archive.create::<Ingest>(&"i".repeat(57), spec).await;
    let why = longer.unwrap_err().to_string();
    assert!(why.contains("at most 56 characters"), "{why}");
}
