//! `kubectl drain` under load: two nodes go, one after the other, and a third waits while it would
//! take the last copy of a chunk. No answer changes, no statement fails.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use orrery_e2e::pods::node_of;
use orrery_e2e::questions::{Asking, asking_at};
use orrery_e2e::{Archive, eventually_within, kubectl};

/// Family of the demo's tables, with three copies of each chunk on four workers.
const FAMILY: &str = "sky";
/// How long a drain and the return of its pods may take on a busy machine.
const LONGEST: Duration = Duration::from_secs(600);
/// How long the drain that has to wait is watched.
const WATCHED: &str = "--timeout=30s";

/// Drains a node as an administrator does; `more` are further flags of `kubectl drain`.
async fn drain(node: &str, more: &[&str]) -> Result<String> {
    let drain = [
        "drain",
        node,
        "--ignore-daemonsets",
        "--delete-emptydir-data",
    ];
    kubectl(&[&drain[..], more].concat()).await
}

/// Waits until the workers of these nodes serve again and every chunk has all its copies.
async fn back(archive: &Archive, asking: &Asking, workers: &[String]) -> Result<()> {
    eventually_within(LONGEST, "all workers and copies", async || {
        asking.rounds(1).await?;
        for worker in workers {
            if archive.phase_of(worker).await? != "Ready" {
                return Ok(None);
            }
        }
        let family = archive.kind("ChunkFamily").get(FAMILY).await?;
        let complete = family.data["status"]["minCopies"] == 3;
        Ok(complete.then_some(()))
    })
    .await
}

/// Drains `first` and `second` whole, then the worker of `third`, which has to stay.
async fn drained(asking: &Asking, [first, second, third]: [&str; 3]) -> Result<()> {
    drain(first, &["--timeout=300s"]).await?;
    asking.rounds(4).await?;
    drain(second, &["--timeout=300s"]).await?;
    asking.rounds(4).await?;
    // Only its worker: the proxy that is asked may run there too.
    let worker = ["--pod-selector=app.kubernetes.io/component=worker", WATCHED];
    let refused = drain(third, &worker).await;
    asking.rounds(4).await?;
    let why = refused.err().context("a chunk lost its last copy")?;
    ensure!(why.to_string().contains("disruption budget"), "{why}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn two_nodes_are_drained_one_after_the_other_and_a_third_waits_for_them() -> Result<()> {
    let archive = Archive::demo().await?;
    let proxies = archive.ready_pods("proxy").await?;
    let proxy = proxies.first().context("no proxy")?;
    let asked = node_of(proxy)?;
    let (mut nodes, workers): (Vec<_>, Vec<_>) = archive.expendable().await?.into_iter().unzip();
    // The asked proxy stays, and with it its node until the last.
    nodes.sort_by_key(|node| *node == asked);
    let [first, second, third, ..] = &nodes[..] else {
        bail!("three nodes are needed, not {nodes:?}");
    };
    let (_forward, asking) = asking_at(proxy).await?;
    let seen = drained(&asking, [first, second, third]).await;
    for node in [first, second, third] {
        kubectl(&["uncordon", node]).await?;
    }
    seen?;
    back(&archive, &asking, &workers).await?;
    asking.stop().await?;
    Ok(())
}
