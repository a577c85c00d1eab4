//! Ingests whose objects are deleted and applied again, as GitOps does it. No loader runs here: the
//! test publishes the rows.

use k8s_openapi::api::batch::v1::Job;
use kube::api::DeleteParams;
use orrery_archive::catalog::{Catalog, Origin, Segment, TableKey};
use orrery_archive::testing::segment;
use orrery_crds::kinds::{
    ChunkFamily, ChunkedTable, Ingest, IngestPhase, IngestStatus, WorkerPool,
};
use orrery_operator::ingest::spec_hash;
use serde_json::{Value, json};

use crate::nodes::{Nodes, Running, first_worker};
use crate::support::{Archive, director, family, pool};

const NAME: &str = "i";

fn key() -> TableKey {
    TableKey::new("sky", "Object")
}

fn spec(file: &str) -> Value {
    json!({"target": {"database": "sky", "table": "Object"}, "sources": [{"url": format!("https://example.org/{file}")}]})
}

async fn apply(archive: &Archive, spec: Value) {
    archive.create::<Ingest>(NAME, spec).await.unwrap();
}

async fn delete(archive: &Archive) {
    let ingests = archive.api::<Ingest>();
    ingests
        .delete(NAME, &DeleteParams::default())
        .await
        .unwrap();
}

async fn until(archive: &Archive, phase: IngestPhase) -> IngestStatus {
    let reached = |ingest: &Ingest| {
        let status = ingest.status.as_ref();
        status.is_some_and(|status| status.phase == phase)
    };
    let what = format!("{phase:?}");
    let ingest = archive.until::<Ingest>(NAME, &what, reached).await;
    ingest.status.unwrap()
}

/// The table, and rows in it that an Ingest of this name and these files loaded.
async fn loaded(archive: &Archive, file: &str) -> (Nodes, Running) {
    archive.create::<WorkerPool>("main", pool(2)).await.unwrap();
    let worker = first_worker(archive).await;
    let sky = archive.create::<ChunkFamily>("sky", family(2)).await;
    sky.unwrap();
    let object = director("Object");
    let made = archive.create::<ChunkedTable>("object", object).await;
    made.unwrap();
    let accepted = |table: &ChunkedTable| {
        let status = table.status.as_ref();
        status.is_some_and(|status| status.incarnation.is_some())
    };
    archive
        .until::<ChunkedTable>("object", "accepted", accepted)
        .await;
    let spec = serde_json::from_value(spec(file)).unwrap();
    let held = Segment {
        ingest: NAME.into(),
        origin: Some(Origin {
            uid: "former".into(),
            spec: spec_hash(&spec).unwrap(),
        }),
        rows: 7,
        ..segment(5, [1])
    };
    let (writer, namespace) = (&archive.context.writer, &archive.namespace);
    while !catalog(archive).await.tables.contains_key(&key()) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let publish = |catalog: &Catalog| {
        let mut next = catalog.clone();
        next.epochs.data += 1;
        (next.counters.segment, next.counters.attempt) = (5, 5);
        let table = next.tables.get_mut(&key()).unwrap();
        table.segments.push(held.clone());
        Ok(Some(next))
    };
    writer.change(namespace, publish).await.unwrap();
    worker
}

async fn catalog(archive: &Archive) -> std::sync::Arc<Catalog> {
    let catalog = archive.context.writer.catalog(&archive.namespace).await;
    catalog.unwrap()
}

/// Numbers of the segments that queries see.
async fn visible(archive: &Archive) -> Vec<u64> {
    let catalog = catalog(archive).await;
    let segments = catalog.tables[&key()].segments.iter();
    segments.map(|segment| segment.id).collect()
}

async fn has_job(archive: &Archive) -> bool {
    let job = archive.api::<Job>().get_opt("ingest-i").await.unwrap();
    job.is_some_and(|job| job.metadata.deletion_timestamp.is_none())
}

fn message(status: &IngestStatus, kind: &str) -> Option<String> {
    let mut conditions = status.conditions.iter();
    let found = conditions.find(|condition| condition.type_ == kind && condition.status == "True");
    found.map(|condition| condition.message.clone())
}

#[tokio::test]
async fn an_ingest_that_is_applied_again_is_as_the_catalog_has_it_and_loads_nothing() {
    let archive = Archive::new("again").await;
    let checks = async {
        let _worker = loaded(&archive, "a.csv").await;
        apply(&archive, spec("a.csv")).await;
        let status = until(&archive, IngestPhase::Visible).await;
        let why = message(&status, "AlreadyLoaded").expect("the condition");
        assert!(
            why.contains("segment 5") && why.contains("UID former"),
            "{why}"
        );
        assert_eq!((status.segment, status.attempt), (Some(5), Some(5)));
        assert_eq!((status.summary.rows, status.summary.chunks), (7, 1));
        assert!(
            status.message.contains("loaded before"),
            "{}",
            status.message
        );
        assert_eq!(visible(&archive).await, [5]);
        assert!(!has_job(&archive).await, "nothing is read");
        archive.until_told("AlreadyLoaded", "segment 5").await;
        // It is the ingest of these rows in every other way.
        let revoked = json!({"spec": {"revoked": true}});
        archive.edit::<Ingest>(NAME, revoked).await;
        until(&archive, IngestPhase::Revoked).await;
        assert_eq!(visible(&archive).await, [0; 0]);
        // What was taken back is loaded again by the next.
        delete(&archive).await;
        apply(&archive, spec("a.csv")).await;
        until(&archive, IngestPhase::Survey).await;
        assert!(has_job(&archive).await);
    };
    archive.operated(checks).await;
}

#[tokio::test]
async fn an_ingest_of_other_files_under_a_name_that_has_rows_is_refused() {
    let archive = Archive::new("taken").await;
    let checks = async {
        let _worker = loaded(&archive, "a.csv").await;
        apply(&archive, spec("b.csv")).await;
        let status = until(&archive, IngestPhase::Failed).await;
        let why = message(&status, "NameTaken").expect("the condition");
        assert_eq!(status.message, why);
        assert!(why.contains("segment 5 of sky.Object"), "{why}");
        assert!(why.contains("another name"), "{why}");
        assert!(message(&status, "Accepted").is_none());
        assert_eq!(visible(&archive).await, [5]);
        assert!(!has_job(&archive).await, "nothing is read");
    };
    archive.operated(checks).await;
}
