//! A disk that changes rows is found out, and the rows come back from a good copy.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use orrery_e2e::own::{Own, objects};
use orrery_e2e::pods::on_worker;
use orrery_e2e::{eventually_within, rows, session};

/// Agents look for a table that is due once a minute; the operator asks them every 30 s.
const FOUND_WITHIN: Duration = Duration::from_secs(300);

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_changed_row_is_found_and_replaced_from_another_copy() -> Result<()> {
    let own = Own::new("integrity").await?;
    own.director().await?;
    let status = own.ingest("rows", "Object", 0, &objects(0, 100)).await?;
    ensure!(status["phase"] == "Visible", "{status}");
    let database = own.physical_database("Object").await?;
    let holders = own.archive.holders(&database).await?;
    ensure!(holders.len() > 1, "one copy alone: {holders:?}");
    let (bad, sql) = damage(&database, &holders).await?;
    let age = "UPDATE orrery_control.checked SET at = NOW() - INTERVAL 15 DAY";
    on_worker(&bad, age).await?;
    eventually_within(FOUND_WITHIN, "the row to be as it was", || async {
        Ok((on_worker(&bad, &sql).await?.trim() == "0").then_some(()))
    })
    .await?;
    let query = format!("SELECT COUNT(*) FROM {}.Object WHERE v < 0", own.database());
    let changed: Vec<u64> = rows(&mut session().await?, &query).await?;
    ensure!(changed == [0], "{changed:?}");
    own.remove().await
}

/// Changes the rows of one table on one worker, past all of Orrery; its pod, and a statement that
/// counts what is changed.
async fn damage(database: &str, holders: &[String]) -> Result<(String, String)> {
    let list = format!(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = '{database}' AND table_rows > 0 \
         AND table_name LIKE 'Object\\_%' LIMIT 1"
    );
    for pod in holders {
        let table = on_worker(pod, &list).await?;
        let table = table.trim();
        if table.is_empty() {
            continue;
        }
        let name = format!("`{database}`.`{table}`");
        on_worker(pod, &format!("UPDATE {name} SET v = -1 - v")).await?;
        return Ok((
            pod.clone(),
            format!("SELECT COUNT(*) FROM {name} WHERE v < 0"),
        ));
    }
    None.context("no worker has rows")
}
