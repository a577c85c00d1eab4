//! A worker that was away comes back to tables that were deleted and made again meanwhile.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use orrery_e2e::lab::Lab;
use orrery_e2e::own::Own;
use orrery_e2e::{eventually, eventually_within, rows, session};

/// Rows of the table.
const ROWS: u64 = 60;
/// How long an ingest may take while a worker does not answer.
const TIMEOUT: Duration = Duration::from_secs(600);
/// How long the answers are looked at after the worker is back.
const WATCHED: Duration = Duration::from_secs(60);

/// Rows all over the sky, so that every worker gets some.
fn objects(value: u64) -> String {
    let row = |id: u64| format!("{id},{},{},{value}\n", id * 6, (id * 11 % 160) as i64 - 80);
    (0..ROWS).map(row).collect()
}

/// Rows, the least and the greatest value, in a session of its own; a statement that fails while a
/// node stands still is no answer.
async fn answer(database: &str) -> Result<(u64, Option<u64>, Option<u64>)> {
    let sql = format!("SELECT COUNT(id), MIN(v), MAX(v) FROM {database}.Object");
    let found = rows(&mut session().await?, &sql).await?;
    found.first().copied().context("no row")
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_table_made_again_while_a_worker_was_away_never_shows_an_old_row() -> Result<()> {
    let Some(lab) = Lab::here() else {
        return Ok(());
    };
    let own = Own::new("away").await?;
    own.director().await?;
    let status = own.ingest("old", "Object", 0, &objects(1)).await?;
    ensure!(status["phase"] == "Visible", "{status}");
    let database = own.database();
    assert_eq!(answer(&database).await?, (ROWS, Some(1), Some(1)));
    own.file("new", &objects(2)).await?;
    let old = own.physical_database("Object").await?;

    let (node, worker) = own.archive.expendable().await?.swap_remove(0);
    let paused = lab.pause(&node).await?;
    eventually_within(
        TIMEOUT,
        &format!("worker {worker} to be missed"),
        async || Ok((own.archive.phase_of(&worker).await? != "Ready").then_some(())),
    )
    .await?;
    own.delete_table("Object").await?;
    own.director().await?;
    own.declare("new", "Object", 0, false).await?;
    let status = own.ended("new", TIMEOUT).await?;
    ensure!(status["phase"] == "Visible", "{status}");
    let away = eventually_within(TIMEOUT, "the new rows", async || {
        answer(&database).await.map(Some)
    });
    assert_eq!(
        away.await?,
        (ROWS, Some(2), Some(2)),
        "while {worker} is away"
    );

    drop(paused);
    let (mut answers, end) = (0_u32, Instant::now() + TIMEOUT);
    let mut back: Option<Instant> = None;
    while back.is_none_or(|back| back.elapsed() < WATCHED) {
        if Instant::now() > end {
            bail!("worker {worker} does not come back");
        }
        // Errors are allowed while the node wakes up, other rows never.
        if let Ok(found) = answer(&database).await {
            assert_eq!(found, (ROWS, Some(2), Some(2)), "after {worker} is back");
            answers += 1;
        }
        if back.is_none() && own.archive.phase_of(&worker).await? == "Ready" {
            back = Some(Instant::now());
        }
    }
    assert!(answers > 10, "only {answers} answers were looked at");
    eventually(
        "the old rows to be gone, also from the worker that was away",
        async || Ok(own.archive.holders(&old).await?.is_empty().then_some(())),
    )
    .await?;
    own.remove().await
}
