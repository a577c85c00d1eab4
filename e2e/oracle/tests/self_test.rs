//! The oracle tests itself: what it must notice, it notices.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use orrery_crds::catalog::{Catalog, TableKey};
use orrery_oracle::client::{Protocol, Session, ask_czar, ask_plain, set};
use orrery_oracle::compare::difference;
use orrery_oracle::corpus::queries;
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::Site;

const SESSION: Session = Session {
    database: "sky",
    time_zone: "SYSTEM",
    sql_mode: "STRICT_TRANS_TABLES",
    collation: "utf8mb4_general_ci",
    user: "ann",
};

/// Queries that give another answer than the plain server.
async fn differing(site: &Site) -> Vec<String> {
    let (mut czar, mut plain) = (
        site.connect_czar().await.unwrap(),
        site.connect_plain().await.unwrap(),
    );
    set(&mut plain, SESSION).await.unwrap();
    let mut found = Vec::new();
    for query in queries() {
        let given = ask_czar(&mut czar, SESSION, Protocol::Text, &query.sql)
            .await
            .unwrap();
        let right = ask_plain(&mut plain, Protocol::Text, &query.plain).await.unwrap();
        found.extend(
            difference(&query, &given, &right).map(|difference| format!("{}\n    {difference}", query.sql)),
        );
    }
    found
}

/// Publishes a catalog and waits until the czar uses it.
async fn publish(site: &Site, mut catalog: Catalog, data_epoch: u64) {
    catalog.epochs.data = data_epoch;
    site.stack.publish(&catalog, &site.users).unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    let epoch = format!("{data_epoch}");
    loop {
        let explained = ask_czar(
            &mut czar,
            SESSION,
            Protocol::Text,
            "EXPLAIN SELECT ra FROM Object",
        )
        .await
        .unwrap();
        if explained
            .unwrap()
            .rows
            .iter()
            .any(|row| row.get(1) == Some(&epoch.clone().into()))
        {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_segment_a_skipped_chunk_and_one_flipped_float_turn_the_oracle_red() {
    let site = Site::start(SHAPE, &tables(160).unwrap(), &[]).await.unwrap();
    let right = site.archive.catalog.clone();
    assert_eq!(
        differing(&site).await,
        Vec::<String>::new(),
        "the oracle is green to begin with"
    );

    let object = TableKey::new("sky", "Object");
    let mut dropped = right.clone();
    dropped.tables.get_mut(&object).unwrap().segments.pop();
    publish(&site, dropped, 2).await;
    assert!(
        !differing(&site).await.is_empty(),
        "a dropped segment goes unnoticed"
    );

    let mut skipped = right.clone();
    let segment = skipped
        .tables
        .get_mut(&object)
        .unwrap()
        .segments
        .first_mut()
        .unwrap();
    segment.home.pop_first();
    publish(&site, skipped, 3).await;
    assert!(
        !differing(&site).await.is_empty(),
        "a skipped chunk goes unnoticed"
    );

    publish(&site, right.clone(), 4).await;
    assert_eq!(
        differing(&site).await,
        Vec::<String>::new(),
        "the right catalog makes it green again"
    );

    let table = site
        .archive
        .tables
        .iter()
        .find(|table| table.table.starts_with("Object_"))
        .unwrap();
    // To the next FLOAT: no text of six digits shows it.
    let flip = format!(
        "UPDATE `{}`.`{}` SET mag = mag * 1.0000002 WHERE mag IS NOT NULL ORDER BY objectId LIMIT 1",
        table.database, table.table
    );
    for worker in &table.workers {
        site.stack
            .workers
            .get(worker)
            .unwrap()
            .run_all([&flip])
            .await
            .unwrap();
    }
    assert!(
        !differing(&site).await.is_empty(),
        "one flipped FLOAT goes unnoticed"
    );
}
