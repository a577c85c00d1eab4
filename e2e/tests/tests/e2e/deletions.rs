//! What becomes of a table's rows on the workers when its object is deleted.

use anyhow::{Result, ensure};
use orrery_e2e::eventually;
use orrery_e2e::own::{Own, objects};
use serde_json::json;

/// Copies of a chunk in the demo's family.
const REPLICAS: usize = 3;

#[tokio::test]
#[ignore = "needs the demo"]
async fn rows_of_a_deleted_table_go_from_every_worker_when_its_policy_says_so() -> Result<()> {
    let own = Own::new("deleted").await?;
    own.director().await?;
    let status = own.ingest("objects", "Object", 0, &objects(0, 100)).await?;
    ensure!(status["phase"] == "Visible", "{status}");
    let database = own.physical_database("Object").await?;
    let held = own.archive.holders(&database).await?;
    ensure!(held.len() >= REPLICAS, "only {held:?} hold rows");
    own.delete_table("Object").await?;
    eventually("the rows to be gone from every worker", async || {
        Ok(own
            .archive
            .holders(&database)
            .await?
            .is_empty()
            .then_some(()))
    })
    .await?;
    own.remove().await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn rows_of_a_deleted_table_stay_on_the_workers_when_its_policy_says_so() -> Result<()> {
    let own = Own::new("retained").await?;
    own.director().await?;
    let name = own.object("object");
    let table = own.archive.kind("ChunkedTable").get(&name).await?;
    let mut spec = table.data["spec"].clone();
    spec["deletionPolicy"] = json!("Retain");
    own.archive.apply("ChunkedTable", &name, spec).await?;
    let status = own.ingest("objects", "Object", 0, &objects(0, 100)).await?;
    ensure!(status["phase"] == "Visible", "{status}");
    let database = own.physical_database("Object").await?;
    let held = own.archive.holders(&database).await?;
    ensure!(held.len() >= REPLICAS, "only {held:?} hold rows");
    own.delete_table("Object").await?;
    // A table that is deleted after it, and whose rows go, shows that this one's had the time to.
    own.director().await?;
    let status = own.ingest("again", "Object", 0, &objects(0, 100)).await?;
    ensure!(status["phase"] == "Visible", "{status}");
    let other = own.physical_database("Object").await?;
    own.delete_table("Object").await?;
    eventually("the other rows to be gone", async || {
        Ok(own.archive.holders(&other).await?.is_empty().then_some(()))
    })
    .await?;
    assert_eq!(own.archive.holders(&database).await?, held);
    own.remove().await
}
