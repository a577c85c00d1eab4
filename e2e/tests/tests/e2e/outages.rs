//! The API server goes away, or is only looked at: queries need it for nothing.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use kube::ResourceExt as _;
use mysql_async::{Conn, Opts};
use orrery_e2e::lab::Lab;
use orrery_e2e::questions::{PRUNED, Questions, STATEMENTS, ask};
use orrery_e2e::{Archive, eventually, login};
use serde_json::Value;
use tokio::sync::Mutex;

/// One outage at a time.
static ALONE: Mutex<()> = Mutex::const_new(());
/// Longer than the Leases of operator, czars and proxies hold.
const OUTAGE: Duration = Duration::from_secs(25);

#[tokio::test]
#[ignore = "needs the demo"]
async fn without_the_api_server_queries_go_on_and_killed_czars_and_proxies_come_back() -> Result<()>
{
    let _alone = ALONE.lock().await;
    let Some(lab) = Lab::here() else {
        return Ok(());
    };
    let archive = Archive::demo().await?;
    let mut session = Conn::new(Opts::from(login()?)).await?;
    let questions = Questions::learn(&mut session, STATEMENTS).await?;
    let pruned = Questions::learn(&mut session, PRUNED.map(|at| STATEMENTS[at])).await?;
    let mut processes = Vec::new();
    for (component, program) in [("czar", "^orrery-czar"), ("proxy", "^orrery-proxy")] {
        for pod in archive.ready_pods(component).await? {
            processes.push((pod.name_any(), program));
        }
    }
    let epoch = root_epoch(&archive).await?;

    lab.run(&["apiserver", "stop"]).await?;
    let during = async {
        let stopped = Instant::now();
        while stopped.elapsed() < OUTAGE {
            questions.check(&mut session).await?;
        }
        // One after another, until no process is left that has ever seen the API server.
        for (pod, program) in &processes {
            let killed = lab.signal(pod, program, "KILL").await?;
            ensure!(killed == 1, "{killed} processes {program} in {pod}");
            eventually(&format!("answers after the death of {pod}"), async || {
                let mut fresh = Conn::new(Opts::from(login()?)).await?;
                pruned.check(&mut fresh).await?;
                Ok(Some(()))
            })
            .await?;
        }
        // Both proxies and both czars, whichever a connection meets. The one that was killed last
        // may still be starting.
        eventually("twelve answers in a row", async || {
            for _ in 0..12 {
                let mut fresh = Conn::new(Opts::from(login()?)).await?;
                pruned.check(&mut fresh).await?;
            }
            Ok(Some(()))
        })
        .await
    };
    let during = during.await;
    lab.run(&["apiserver", "start"]).await?;
    during?;

    for (component, count) in [("czar", 2), ("proxy", 2), ("operator", 2), ("worker", 4)] {
        archive.await_ready(component, count).await?;
    }
    let mut fresh = Conn::new(Opts::from(login()?)).await?;
    questions.check(&mut fresh).await?;
    assert!(
        root_epoch(&archive).await? >= epoch,
        "the dataEpoch went back"
    );
    Ok(())
}

async fn root_epoch(archive: &Archive) -> Result<u64> {
    let root = archive.kind("ChunkMap").get("root").await?;
    root.data["spec"]["root"]["dataEpoch"]
        .as_u64()
        .context("no dataEpoch")
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_thousand_queries_ask_the_api_server_for_nothing() -> Result<()> {
    let _alone = ALONE.lock().await;
    let Some(lab) = Lab::here() else {
        return Ok(());
    };
    let mut session = Conn::new(Opts::from(login()?)).await?;
    // What was there before is written a little late.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = lab.audit().await?.len();
    for round in 0..1000 {
        let sql = STATEMENTS[round % STATEMENTS.len()];
        ask(&mut session, sql).await.context(sql)?;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut leases = 0;
    for line in lab.audit().await?.into_iter().skip(before) {
        let entry: Value = serde_json::from_str(&line).context("the audit log")?;
        let user = entry["user"]["username"].as_str().unwrap_or_default();
        if !["orrery:orrery-czar", "orrery:orrery-proxy"]
            .iter()
            .any(|reader| user.ends_with(reader))
        {
            continue;
        }
        let (verb, resource) = (
            entry["verb"].as_str().unwrap_or_default(),
            entry["objectRef"]["resource"].as_str().unwrap_or_default(),
        );
        leases += usize::from(resource == "leases");
        assert!(
            resource == "leases" || verb == "watch",
            "{user}: {verb} {resource}"
        );
    }
    assert!(leases > 0, "no Lease was renewed: is this the right log?");
    Ok(())
}
