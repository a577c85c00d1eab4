//! Rows by key: every client asks for one row after the other.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures::future::try_join_all;
use orrery_wire::client::ClientConnection;
use tokio::sync::Mutex;

use super::queries::{check_same, rows};
use crate::compare::{Effort, Medians, Run, compare};
use crate::site::Site;

/// Prime, so that clients walk the keys in no order that a page would like.
const STRIDE: usize = 7919;

/// Rows by key, through the proxy and by hand.
pub async fn measure(site: &Site, effort: Effort, clients: usize) -> anyhow::Result<Medians> {
    let direct = try_join_all((0..clients).map(|_| site.direct())).await?;
    let orrery = try_join_all((0..clients).map(|_| site.orrery())).await?;
    both(site, effort, guarded(direct), guarded(orrery)).await
}

/// Rows by key through the proxy, whose programs speak TLS with each other or do not.
pub async fn secured(site: &Site, effort: Effort, clients: usize) -> anyhow::Result<Medians> {
    let clear = try_join_all((0..clients).map(|_| site.orrery())).await?;
    let secured = try_join_all((0..clients).map(|_| site.secured())).await?;
    both(site, effort, guarded(clear), guarded(secured)).await
}

async fn both(
    site: &Site,
    effort: Effort,
    direct: Vec<Mutex<ClientConnection>>,
    orrery: Vec<Mutex<ClientConnection>>,
) -> anyhow::Result<Medians> {
    let keys = &site.objects.keys;
    let key = keys.get(keys.len() / 2).copied().unwrap_or_default();
    if let (Some(direct), Some(orrery)) = (direct.first(), orrery.first()) {
        let answers = (
            rows(&mut *direct.lock().await, &statement(key)).await?,
            rows(&mut *orrery.lock().await, &statement(key)).await?,
        );
        check_same("row by key", &answers.0, &answers.1)?;
    }
    for connection in [&direct, &orrery] {
        warm(connection, keys).await?;
    }
    let time = Duration::from_secs_f64(effort.seconds);
    compare(
        site,
        effort,
        async || everybody(&direct, keys, time).await,
        async || everybody(&orrery, keys, time).await,
    )
    .await
}

fn guarded(connections: Vec<ClientConnection>) -> Vec<Mutex<ClientConnection>> {
    connections.into_iter().map(Mutex::new).collect()
}

fn statement(key: i64) -> String {
    format!("SELECT * FROM Object WHERE objectId = {key}")
}

/// Asks for every key once.
async fn warm(clients: &[Mutex<ClientConnection>], keys: &[i64]) -> anyhow::Result<()> {
    let share = keys.len().div_ceil(clients.len().max(1)).max(1);
    let asking = clients
        .iter()
        .zip(keys.chunks(share))
        .map(async |(connection, keys)| {
            let mut connection = connection.lock().await;
            for key in keys {
                rows(&mut connection, &statement(*key)).await?;
            }
            anyhow::Ok(())
        });
    try_join_all(asking).await.map(drop)
}

async fn everybody(
    clients: &[Mutex<ClientConnection>],
    keys: &[i64],
    time: Duration,
) -> anyhow::Result<Run> {
    let begun = Instant::now();
    let end = begun + time;
    let asking = clients
        .iter()
        .enumerate()
        .map(async |(client, connection)| {
            let mut connection = connection.lock().await;
            let mut asked = 0_usize;
            while Instant::now() < end {
                let at = (client * 101 + asked) * STRIDE % keys.len();
                let key = keys.get(at).copied().unwrap_or_default();
                let (_, rows) = connection.query_all(statement(key).as_bytes()).await?;
                ensure!(rows.len() == 1, "key {key} has {} rows", rows.len());
                asked += 1;
            }
            Ok(asked)
        });
    let asked: usize = try_join_all(asking).await?.into_iter().sum();
    Ok(Run {
        operations: asked as f64,
        seconds: begun.elapsed().as_secs_f64(),
    })
}
