//! A pool changes under load: its settings roll through the workers, it grows and shrinks, and a
//! volume is lost. No answer changes, no statement fails.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kube::ResourceExt as _;
use kube::api::ListParams;
use orrery_e2e::pods::{Forward, on_worker};
use orrery_e2e::questions::{Asking, asking_at};
use orrery_e2e::{Archive, condition, eventually_within};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// One at a time: each takes workers away.
static ALONE: Mutex<()> = Mutex::const_new(());
/// Family of the demo's tables.
const FAMILY: &str = "sky";
/// How long a change may take on a busy machine.
const LONGEST: Duration = Duration::from_secs(900);

/// Asks the demo's statements all the time.
async fn asking(archive: &Archive) -> Result<(Forward, Asking)> {
    let proxies = archive.ready_pods("proxy").await?;
    asking_at(proxies.first().context("no proxy")?).await
}

/// Uids of the workers' pods that are ready, by name.
async fn uids(archive: &Archive) -> Result<BTreeMap<String, String>> {
    let pods = archive.ready_pods("worker").await?.into_iter();
    Ok(pods
        .filter_map(|pod| Some((pod.name_any(), pod.metadata.uid?)))
        .collect())
}

/// Changes the pool's spec by a patch.
async fn change(archive: &Archive, patch: Value) -> Result<()> {
    archive
        .merge("WorkerPool", "main", json!({ "spec": patch }))
        .await
}

async fn spec(archive: &Archive) -> Result<Value> {
    let pool = archive.kind("WorkerPool").get("main").await?;
    Ok(pool.data["spec"].clone())
}

async fn workers(archive: &Archive) -> Result<Vec<String>> {
    let listed = archive.kind("Worker").list(&ListParams::default()).await?;
    Ok(listed
        .items
        .iter()
        .map(kube::ResourceExt::name_any)
        .collect())
}

/// Waits until every chunk has all its copies and each worker its share.
async fn settled(archive: &Archive, asking: &Asking) -> Result<()> {
    eventually_within(LONGEST, "all copies, evenly", async || {
        asking.rounds(1).await?;
        let family = archive.kind("ChunkFamily").get(FAMILY).await?;
        let rebalance = archive.kind("Rebalance").get("main").await?;
        let under = |of: &str| family.data["status"][of]["underReplicated"].as_u64();
        let complete = under("chunks") == Some(0) && under("indexChunks") == Some(0);
        let even = rebalance.data["status"]["phase"] == "Balanced";
        Ok((complete && even).then_some(()))
    })
    .await
}

/// Gives the pool so many workers, and waits until there are no others and each has its share.
async fn resize(archive: &Archive, asking: &Asking, count: u64) -> Result<()> {
    change(archive, json!({ "workers": count })).await?;
    eventually_within(LONGEST, &format!("{count} workers"), async || {
        asking.rounds(1).await?;
        let ready = archive.ready_pods("worker").await?.len() as u64;
        Ok((ready == count && workers(archive).await?.len() as u64 == count).then_some(()))
    })
    .await?;
    settled(archive, asking).await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_setting_rolls_through_all_workers_under_load() -> Result<()> {
    let _alone = ALONE.lock().await;
    let archive = Archive::demo().await?;
    let before = uids(&archive).await?;
    let (_forward, asking) = asking(&archive).await?;
    change(&archive, json!({"settings": {"max_connections": "501"}})).await?;
    let rolled = eventually_within(LONGEST, "every pod to be another", async || {
        asking.rounds(1).await?;
        let now = uids(&archive).await?;
        let other = |(name, uid): (&String, &String)| now.get(name).is_some_and(|now| now != uid);
        Ok(before.iter().all(other).then_some(()))
    })
    .await;
    let any = before.keys().next().context("no worker")?;
    let set = on_worker(any, "SELECT @@max_connections").await;
    change(&archive, json!({"settings": {"max_connections": null}})).await?;
    rolled?;
    anyhow::ensure!(set?.trim() == "501");
    archive
        .status_when("WorkerPool", "main", |status| {
            condition(status, "Progressing").is_some_and(|it| it["reason"] == "Settled")
        })
        .await?;
    asking.rounds(4).await?;
    asking.stop().await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_pool_that_grows_by_two_and_shrinks_by_three_stays_complete_and_even() -> Result<()> {
    let _alone = ALONE.lock().await;
    let archive = Archive::demo().await?;
    let before = spec(&archive).await?["workers"].clone();
    let count = before.as_u64().context("no number of workers")?;
    let (_forward, asking) = asking(&archive).await?;
    let seen = async {
        resize(&archive, &asking, count + 2).await?;
        resize(&archive, &asking, count - 1).await
    };
    let seen = seen.await;
    change(&archive, json!({ "workers": before })).await?;
    seen?;
    resize(&archive, &asking, count).await?;
    asking.stop().await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_lost_volume_is_replaced_without_a_hand() -> Result<()> {
    let _alone = ALONE.lock().await;
    let archive = Archive::demo().await?;
    let (_, worker) = archive
        .expendable()
        .await?
        .into_iter()
        .next()
        .context("none")?;
    let lost = archive.identity_of(&worker).await?;
    let before = archive.repair().await?;
    let (_forward, asking) = asking(&archive).await?;
    let soon = json!({"repairAfterSeconds": 5, "replaceAfterSeconds": 5});
    archive.set_repair(&soon).await?;
    let replaced = async {
        archive.lose_disk(&worker).await?;
        eventually_within(LONGEST, "another directory in its place", async || {
            asking.rounds(1).await?;
            let ready = archive.phase_of(&worker).await? == "Ready";
            Ok((ready && archive.identity_of(&worker).await? != lost).then_some(()))
        })
        .await
    };
    let replaced = replaced.await;
    archive.set_repair(&before).await?;
    replaced?;
    settled(&archive, &asking).await?;
    asking.stop().await?;
    Ok(())
}
