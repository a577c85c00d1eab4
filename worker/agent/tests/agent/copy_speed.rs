//! Copies against the least that any copy of tablespaces does, over the same tables in the same run.

use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;

use super::copies::{Pair, empty_pair};
use super::many::{load, many};
use super::support::{HOME, OVERLAP};

const ROWS: u32 = 1000;

/// By hand, one table after the other: export, `cp`, import. Nothing is flushed to the disk but by
/// mysqld, and nothing is compared.
async fn bare(pair: &Pair) -> Duration {
    let (mut from, mut to) = (pair.source.sql().await, pair.target.sql().await);
    let source = pair.source.worker.mysqld.data_dir().join("sky__7");
    let target = pair.target.worker.mysqld.data_dir().join("bare");
    let began = Instant::now();
    to.query_drop("CREATE DATABASE bare").await.unwrap();
    for row in &pair.rows {
        let table = &row.table;
        let create = if table.contains("FullOverlap") {
            OVERLAP
        } else {
            HOME
        };
        for statement in [
            format!("CREATE TABLE bare.{table} {create}"),
            format!("ALTER TABLE bare.{table} DISCARD TABLESPACE"),
        ] {
            to.query_drop(statement).await.unwrap();
        }
        from.query_drop(format!("FLUSH TABLES sky__7.{table} FOR EXPORT"))
            .await
            .unwrap();
        for file in ["cfg", "ibd"].map(|kind| format!("{table}.{kind}")) {
            std::fs::copy(source.join(&file), target.join(&file)).unwrap();
        }
        from.query_drop("UNLOCK TABLES").await.unwrap();
        to.query_drop(format!("ALTER TABLE bare.{table} IMPORT TABLESPACE"))
            .await
            .unwrap();
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints times, which mean something only on an idle machine"]
async fn copies_against_bare_tablespaces() {
    let mut pair = empty_pair().await;
    let open = many();
    pair.source.open(&open).await.unwrap();
    load(&pair.source, &open, ROWS).await;
    pair.rows = pair.source.seal(open.attempt).await.unwrap();
    let by_hand = bare(&pair).await;
    let began = Instant::now();
    let status = pair.copy(&pair.request("speed")).await;
    let ours = began.elapsed();
    assert_eq!(status.error, None);
    assert_eq!(status.done.len(), open.tables.len());
    println!(
        "{} tables: by hand {by_hand:?}, a copy {ours:?}, ratio {:.2}",
        open.tables.len(),
        by_hand.as_secs_f64() / ours.as_secs_f64()
    );
}
