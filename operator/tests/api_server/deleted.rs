//! Tables that are deleted and made again. No loader runs here: the test publishes the rows.

use kube::api::DeleteParams;
use orrery_archive::catalog::{Catalog, Table, TableKey};
use orrery_archive::testing::segment;
use orrery_crds::kinds::{ChunkFamily, ChunkedTable, WorkerPool};
use serde_json::{Value, json};

use crate::nodes::Nodes;
use crate::support::{Archive, director, family, pool};

const NAME: &str = "sky-object";

fn key() -> TableKey {
    TableKey::new("sky", "Object")
}

fn spec(grace: u64) -> Value {
    let mut spec = director("Object");
    spec["deletionPolicy"] = json!("Delete");
    spec["deletionGraceSeconds"] = json!(grace);
    spec
}

/// Declares the table and waits until queries can see it; its incarnation.
async fn declare(archive: &Archive, grace: u64) -> u64 {
    let made = archive.create::<ChunkedTable>(NAME, spec(grace)).await;
    let uid = made.unwrap().metadata.uid;
    let table = archive
        .until::<ChunkedTable>(NAME, "accepted", |table| {
            let status = table.status.as_ref();
            table.metadata.uid == uid && status.is_some_and(|status| status.incarnation.is_some())
        })
        .await;
    table.status.unwrap().incarnation.unwrap()
}

async fn catalog(archive: &Archive) -> std::sync::Arc<Catalog> {
    let catalog = archive.context.writer.catalog(&archive.namespace).await;
    catalog.unwrap()
}

/// The table as the catalog has it, once it has.
async fn table(archive: &Archive) -> Table {
    loop {
        if let Some(table) = catalog(archive).await.tables.get(&key()) {
            return table.clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

async fn publish(archive: &Archive, id: u64) {
    table(archive).await;
    let publish = |catalog: &Catalog| {
        let mut next = catalog.clone();
        next.epochs.data += 1;
        next.counters.segment = id;
        next.counters.attempt = id;
        let table = next.tables.get_mut(&key()).unwrap();
        table.segments.push(segment(id, [1]));
        Ok(Some(next))
    };
    let (writer, namespace) = (&archive.context.writer, &archive.namespace);
    writer.change(namespace, publish).await.unwrap();
}

async fn delete(archive: &Archive) {
    let tables = archive.api::<ChunkedTable>();
    tables.delete(NAME, &DeleteParams::default()).await.unwrap();
}

#[tokio::test]
async fn a_deleted_table_made_again_has_its_rows_until_its_grace_period_is_over() {
    let archive = Archive::new("deleted").await;
    let test = async {
        archive.create::<WorkerPool>("main", pool(2)).await.unwrap();
        let made = archive.create::<ChunkFamily>("sky", family(2)).await;
        made.unwrap();
        let nodes = Nodes::new();
        let first = nodes.start(&archive, 1).await;
        let incarnation = declare(&archive, 3600).await;
        publish(&archive, 1).await;
        delete(&archive).await;
        let told = archive.until_told("RowsKept", "sky.Object").await;
        assert!(
            told.starts_with("1 rows of sky.Object are kept until 20"),
            "{told}"
        );
        assert_eq!(declare(&archive, 1).await, incarnation);
        archive.until_told("RowsReturned", "sky.Object").await;
        assert_eq!(table(&archive).await.segments, [segment(1, [1])]);
        archive
            .until::<ChunkedTable>(NAME, "showing its rows", |table| {
                table.status.as_ref().is_some_and(|status| status.rows == 1)
            })
            .await;
        // What is to be dropped is known as long as a worker is away.
        drop(first);
        delete(&archive).await;
        archive.until_told("RowsDropped", "sky.Object").await;
        let dropping = catalog(&archive).await.dropping.clone();
        assert!(
            dropping.contains_key(&format!("sky__{incarnation}")),
            "{dropping:?}"
        );
        let _second = nodes.start(&archive, 2).await;
        assert_ne!(declare(&archive, 0).await, incarnation);
        assert!(table(&archive).await.segments.is_empty());
    };
    archive.operated(test).await;
}
