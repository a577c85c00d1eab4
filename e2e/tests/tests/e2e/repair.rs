//! A worker that is lost for good, and one that is drained: no answer changes, no statement fails,
//! every chunk has all its copies again, and the worker its share once it is back.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use kube::ResourceExt as _;
use orrery_e2e::lab::Lab;
use orrery_e2e::own::{Own, objects};
use orrery_e2e::pods::{Forward, node_of, on_worker};
use orrery_e2e::questions::{Asking, asking_at};
use orrery_e2e::{Archive, condition, error_of, eventually_within, rows, session};
use serde_json::json;
use tokio::sync::Mutex;

/// One at a time: each takes a worker away.
static ALONE: Mutex<()> = Mutex::const_new(());
/// Family of the demo's tables, with three copies of each chunk on four workers.
const FAMILY: &str = "sky";
/// How long a worker is down before it is given up, in this test.
const REPAIR_AFTER: u64 = 20;
/// How long loss, repair and return may take on a busy machine.
const LONGEST: Duration = Duration::from_secs(900);

/// Asks the demo's statements all the time at a proxy that does not run on `node`.
async fn asking(archive: &Archive, node: &str) -> Result<(Forward, Asking)> {
    for proxy in archive.ready_pods("proxy").await? {
        if node_of(&proxy)? != node {
            return asking_at(&proxy).await;
        }
    }
    bail!("no proxy elsewhere than on {node}")
}

/// Waits until every chunk has all its copies, on workers that are not down.
async fn complete(archive: &Archive, asking: &Asking) -> Result<()> {
    eventually_within(LONGEST, "all copies", async || {
        asking.rounds(1).await?;
        let family = archive.kind("ChunkFamily").get(FAMILY).await?;
        let status = &family.data["status"];
        let under = |of: &str| status[of]["underReplicated"].as_u64();
        let all = under("chunks") == Some(0) && under("indexChunks") == Some(0);
        Ok((all && status["minCopies"] == 3).then_some(()))
    })
    .await
}

async fn phase(archive: &Archive, worker: &str, wanted: &str) -> Result<()> {
    eventually_within(LONGEST, &format!("{worker} to be {wanted}"), async || {
        Ok((archive.phase_of(worker).await? == wanted).then_some(()))
    })
    .await
}

/// Tables of the demo's directors and children on a worker's disk.
async fn tables(archive: &Archive, worker: &str) -> Result<u64> {
    let database = archive.physical_database("sky-object").await?;
    let sql =
        format!("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{database}'");
    let count = on_worker(&format!("{worker}-0"), &sql).await?;
    count.trim().parse().with_context(|| count.clone())
}

async fn repair_after(archive: &Archive) -> Result<u64> {
    let pool = archive.kind("WorkerPool").get("main").await?;
    let seconds = pool.data["spec"]["repair"]["repairAfterSeconds"].as_u64();
    seconds.with_context(|| format!("{} has no repairAfterSeconds", pool.name_any()))
}

async fn set_repair_after(archive: &Archive, seconds: u64) -> Result<()> {
    let patch = json!({"spec": {"repair": {"repairAfterSeconds": seconds}}});
    archive.merge("WorkerPool", "main", patch).await
}

async fn stop_rebalance(archive: &Archive, stopped: bool) -> Result<()> {
    let patch = json!({"spec": {"stopped": stopped}});
    archive.merge("Rebalance", "main", patch).await
}

/// Waits until a worker has its share of the chunks again, and nothing moves.
async fn share(archive: &Archive, asking: &Asking, worker: &str) -> Result<()> {
    eventually_within(
        LONGEST,
        &format!("{worker} to have its share"),
        async || {
            asking.rounds(1).await?;
            let rebalance = archive.kind("Rebalance").get("main").await?;
            let balanced = rebalance.data["status"]["phase"] == "Balanced";
            Ok((balanced && tables(archive, worker).await? > 0).then_some(()))
        },
    )
    .await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn the_chunks_of_a_node_that_is_off_for_good_are_copied_elsewhere_and_go_from_it_on_return()
-> Result<()> {
    let _alone = ALONE.lock().await;
    let Some(lab) = Lab::here() else {
        return Ok(());
    };
    let archive = Archive::demo().await?;
    let mut found = None;
    for (node, worker) in archive.expendable().await? {
        if found.is_none() && tables(&archive, &worker).await? > 0 {
            found = Some((node, worker));
        }
    }
    let (node, worker) = found.context("no worker has anything to lose")?;
    let before = repair_after(&archive).await?;
    let seen = lost_and_back(&archive, &lab, &node, &worker).await;
    set_repair_after(&archive, before).await?;
    stop_rebalance(&archive, false).await?;
    let (_forward, asking) = seen?;
    share(&archive, &asking, &worker).await?;
    complete(&archive, &asking).await?;
    asking.stop().await?;
    Ok(())
}

/// The node goes for good, its chunks are copied elsewhere, it comes back, and they go from it. Its
/// caller puts the pool's settings back, however this ends.
async fn lost_and_back(
    archive: &Archive,
    lab: &Lab,
    node: &str,
    worker: &str,
) -> Result<(Forward, Asking)> {
    set_repair_after(archive, REPAIR_AFTER).await?;
    stop_rebalance(archive, true).await?;
    let (forward, asking) = asking(archive, node).await?;
    let paused = lab.pause(node).await?;
    phase(archive, worker, "Down").await?;
    archive
        .status_when("ChunkFamily", FAMILY, |status| {
            condition(status, "Degraded").is_some_and(|degraded| degraded["status"] == "True")
        })
        .await?;
    complete(archive, &asking).await?;
    asking.rounds(4).await?;

    drop(paused);
    phase(archive, worker, "Ready").await?;
    eventually_within(LONGEST, "the surplus to be gone", async || {
        asking.rounds(1).await?;
        Ok((tables(archive, worker).await? == 0).then_some(()))
    })
    .await?;
    complete(archive, &asking).await?;
    Ok((forward, asking))
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_worker_is_drained_under_load_and_used_again() -> Result<()> {
    let _alone = ALONE.lock().await;
    let archive = Archive::demo().await?;
    let mut holding = None;
    for pod in archive.ready_pods("worker").await? {
        let name = pod.name_any();
        let worker = name.trim_end_matches("-0").to_owned();
        if tables(&archive, &worker).await? > 0 {
            holding = Some(worker);
        }
    }
    let worker = holding.context("no worker holds anything")?;
    let (_forward, asking) = asking(&archive, "").await?;
    archive.desire(&worker, "Drained").await?;
    phase(&archive, &worker, "Drained").await?;
    complete(&archive, &asking).await?;
    eventually_within(LONGEST, "the drained worker to be empty", async || {
        asking.rounds(1).await?;
        Ok((tables(&archive, &worker).await? == 0).then_some(()))
    })
    .await?;
    archive.desire(&worker, "Online").await?;
    phase(&archive, &worker, "Ready").await?;
    share(&archive, &asking, &worker).await?;
    complete(&archive, &asking).await?;
    asking.stop().await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn chunks_with_one_copy_are_named_while_their_node_is_off_and_answer_once_it_is_back()
-> Result<()> {
    let _alone = ALONE.lock().await;
    let Some(lab) = Lab::here() else {
        return Ok(());
    };
    let own = Own::with_family(
        "single",
        json!({ "replicas": { "desired": 1, "minimum": 1 } }),
    )
    .await?;
    own.director().await?;
    let status = own.ingest("objects", "Object", 0, &objects(0, 100)).await?;
    ensure!(status["phase"] == "Visible", "{status}");
    let held = own.physical_database("Object").await?;
    let holders = own.archive.holders(&held).await?;
    let mut lost = own.archive.expendable().await?.into_iter();
    let (node, worker) = lost
        .find(|(_, worker)| holders.contains(&format!("{worker}-0")))
        .context("no worker that can go holds a chunk")?;
    let sql = format!("SELECT SUM(v) FROM {}.Object", own.database());
    let paused = lab.pause(&node).await?;
    let named = format!("worker {}: ", worker.trim_start_matches("main-w"));
    eventually_within(
        LONGEST,
        "an error that names worker and chunk",
        async || {
            let (_, said) = error_of(&mut session().await?, &sql).await?;
            ensure!(said.contains("chunk ") && said.contains(&named), "{said}");
            Ok(Some(()))
        },
    )
    .await?;
    drop(paused);
    eventually_within(LONGEST, "the rows", async || {
        let found = rows::<u64>(&mut session().await?, &sql).await?;
        ensure!(found == [(0..100).sum::<u64>()], "{found:?}");
        Ok(Some(()))
    })
    .await?;
    own.remove().await
}
