//! What an ingest does without a loader: no pod runs here, so none ever answers.

use k8s_openapi::api::batch::v1::Job;
use kube::api::{DeleteParams, Patch, PatchParams};
use orrery_crds::kinds::{
    ChunkFamily, ChunkedTable, Ingest, IngestPhase, IngestStatus, WorkerPool,
};
use serde_json::{Value, json};

use crate::support::{Archive, director, family, pool};

async fn ingest(archive: &Archive) {
    let spec = json!({"target": {"database": "sky", "table": "Object"}, "sources": [{"url": "https://example.org/a.csv"}]});
    archive.create::<Ingest>("i", spec).await.unwrap();
}

async fn tables(archive: &Archive) {
    archive.create::<WorkerPool>("main", pool(2)).await.unwrap();
    archive
        .create::<ChunkFamily>("sky", family(2))
        .await
        .unwrap();
    let object = director("Object");
    archive
        .create::<ChunkedTable>("object", object)
        .await
        .unwrap();
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
        tables(&archive).await;
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
        tables(&archive).await;
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
    };
    archive.operated(checks).await;
}
