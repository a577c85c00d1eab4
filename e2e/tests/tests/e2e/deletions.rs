//! What becomes of a table's rows on the workers when its object is deleted.

use anyhow::{Result, ensure};
use orrery_e2e::eventually;
use orrery_e2e::own::{Own, objects};
use orrery_e2e::{rows, session};
use serde_json::{Value, json};

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

/// Makes a director whose rows are kept when it is deleted, and ingests 100 rows; its database on
/// the workers and those that hold it.
async fn kept(own: &Own, policy: Value) -> Result<(String, Vec<String>)> {
    own.director().await?;
    let name = own.object("object");
    let table = own.archive.kind("ChunkedTable").get(&name).await?;
    let mut spec = table.data["spec"].clone();
    for (field, value) in policy.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    own.archive.apply("ChunkedTable", &name, spec).await?;
    let status = own.ingest("objects", "Object", 0, &objects(0, 100)).await?;
    ensure!(status["phase"] == "Visible", "{status}");
    let database = own.physical_database("Object").await?;
    let held = own.archive.holders(&database).await?;
    ensure!(held.len() >= REPLICAS, "only {held:?} hold rows");
    Ok((database, held))
}

/// The table of another test is deleted, and its rows go: those that are still there by then stay.
async fn another_goes() -> Result<()> {
    let other = Own::new("goes").await?;
    other.director().await?;
    let status = other
        .ingest("objects", "Object", 0, &objects(0, 100))
        .await?;
    ensure!(status["phase"] == "Visible", "{status}");
    goes(&other).await?;
    other.remove().await
}

/// Deletes the director, whose rows go.
async fn goes(own: &Own) -> Result<()> {
    let database = own.physical_database("Object").await?;
    own.delete_table("Object").await?;
    eventually("the rows to be gone from every worker", async || {
        let holders = own.archive.holders(&database).await?;
        Ok(holders.is_empty().then_some(()))
    })
    .await
}

/// Deletes the table of [`kept`] and makes it again, with a policy by which its rows go at once.
async fn comes_back(policy: Value, name: &'static str) -> Result<()> {
    let own = Own::new(name).await?;
    let (database, held) = kept(&own, policy).await?;
    own.delete_table("Object").await?;
    another_goes().await?;
    assert_eq!(own.archive.holders(&database).await?, held);
    own.director().await?;
    assert_eq!(own.physical_database("Object").await?, database);
    let sql = format!("SELECT COUNT(*) FROM {}.Object", own.database());
    eventually("the rows to be back", async || {
        let found = rows::<u64>(&mut session().await?, &sql).await;
        Ok(found.is_ok_and(|found| found == [100]).then_some(()))
    })
    .await?;
    goes(&own).await?;
    own.remove().await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn rows_of_a_deleted_table_stay_on_the_workers_when_its_policy_says_so() -> Result<()> {
    comes_back(json!({"deletionPolicy": "Retain"}), "retained").await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn rows_of_a_deleted_table_come_back_with_it_in_its_grace_period() -> Result<()> {
    comes_back(json!({"deletionGraceSeconds": 3600}), "grace").await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn rows_of_a_deleted_table_go_when_its_grace_period_is_over() -> Result<()> {
    let own = Own::new("grace_over").await?;
    kept(&own, json!({"deletionGraceSeconds": 5})).await?;
    goes(&own).await?;
    own.remove().await
}
