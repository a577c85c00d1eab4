//! The oracle tests itself: what it must notice, it notices.

use orrery_archive::catalog::{Catalog, TableKey};
use orrery_dev::archive::PhysicalTable;
use orrery_oracle::client::{Session, ask_czar, ask_plain, set};
use orrery_oracle::compare::difference;
use orrery_oracle::corpus::queries;
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::Site;
use orrery_wire::Format;

/// Queries that give another answer than the plain server.
async fn differing(site: &Site) -> Vec<String> {
    let (mut czar, mut plain) = (
        site.connect_czar().await.unwrap(),
        site.connect_plain().await.unwrap(),
    );
    set(&mut plain, Session::STRICT).await.unwrap();
    let mut found = Vec::new();
    for query in queries() {
        let given = ask_czar(&mut czar, Session::STRICT, Format::Text, &query.sql)
            .await
            .unwrap();
        let right = ask_plain(&mut plain, Format::Text, &query.plain)
            .await
            .unwrap();
        found.extend(
            difference(&query, &given, &right)
                .map(|difference| format!("{}\n    {difference}", query.sql)),
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
            Session::STRICT,
            Format::Text,
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

/// Breaks something on every worker that holds a table.
async fn change(site: &Site, table: &PhysicalTable, statement: &str) {
    for worker in &table.workers {
        site.stack.workers[worker]
            .run_all([statement])
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_segment_and_a_skipped_chunk_turn_the_oracle_red() {
    let site = Site::start(SHAPE, &tables(160).unwrap(), &[])
        .await
        .unwrap();
    let right = site.archive.catalog.clone();
    let green = Vec::<String>::new();
    assert_eq!(
        differing(&site).await,
        green,
        "the oracle is green to begin with"
    );

    let object = TableKey::new("sky", "Object");
    let mut dropped = right.clone();
    let segments = &mut dropped.tables.get_mut(&object).unwrap().segments;
    let rows = segments.pop().unwrap().rows;
    assert!(
        rows > 0 && !segments.is_empty(),
        "a segment with rows, of several"
    );
    publish(&site, dropped, 2).await;
    let found = differing(&site).await;
    let all = "SELECT * FROM Object\n";
    let fewer = format!("{} rows instead of 160", 160 - rows);
    assert!(
        found
            .iter()
            .any(|found| found.starts_with(all) && found.contains(&fewer)),
        "a dropped segment goes unnoticed: {found:#?}"
    );

    publish(&site, right.clone(), 3).await;
    assert_eq!(
        differing(&site).await,
        green,
        "the right catalog makes it green again"
    );

    let mut skipped = right.clone();
    let segments = &mut skipped.tables.get_mut(&object).unwrap().segments;
    segments.first_mut().unwrap().home.pop_first().unwrap();
    publish(&site, skipped, 4).await;
    let found = differing(&site).await;
    assert!(
        found
            .iter()
            .any(|found| found.starts_with(all) && found.contains(" rows instead of 160")),
        "a skipped chunk goes unnoticed: {found:#?}"
    );

    publish(&site, right, 5).await;
    assert_eq!(
        differing(&site).await,
        green,
        "the right catalog makes it green again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_flipped_float_turns_the_oracle_red() {
    let site = Site::start(SHAPE, &tables(160).unwrap(), &[])
        .await
        .unwrap();
    let green = Vec::<String>::new();
    assert_eq!(
        differing(&site).await,
        green,
        "the oracle is green to begin with"
    );

    // A magnitude whose six digits are the same after the flip of its last bit: no text of a FLOAT
    // shows it.
    let is_object = |table: &&PhysicalTable| {
        table.table.starts_with("Object_")
            && table.database.starts_with("sky__")
            && table.rows.windows(11).any(|text| text == b"\t17.123456\t")
    };
    let table = site.archive.tables.iter().find(is_object).unwrap();
    let name = format!("`{}`.`{}`", table.database, table.table);
    let which = "mag = CAST(17.123456 AS FLOAT) ORDER BY objectId LIMIT 1";
    let flip = format!("UPDATE {name} SET mag = mag * 1.0000001 WHERE {which}");
    let mut root = site.stack.workers[&table.workers[0]].root().await.unwrap();
    let shown = format!(
        "SELECT mag FROM {name} WHERE objectId = (SELECT MIN(objectId) FROM {name} WHERE mag = CAST(17.123456 AS FLOAT))"
    );
    let exact = shown.replacen("SELECT mag", "SELECT CAST(mag AS DOUBLE), objectId", 1);
    let (_, text) = root.query_all(shown.as_bytes()).await.unwrap();
    let (_, bits) = root.query_all(exact.as_bytes()).await.unwrap();
    let object = String::from_utf8_lossy(&bits[0]);
    let object = &object[object.len() - "390030275138001".len()..];
    change(&site, table, &flip).await;
    let again = |sql: &str| {
        format!(
            "{} WHERE objectId = {object}",
            sql.split(" WHERE").next().unwrap()
        )
    };
    assert_eq!(
        root.query_all(again(&shown).as_bytes()).await.unwrap().1,
        text,
        "the text is the same"
    );
    assert_ne!(
        root.query_all(again(&exact).as_bytes()).await.unwrap().1,
        bits,
        "the bits are not"
    );
    let found = differing(&site).await;
    assert!(!found.is_empty(), "one flipped FLOAT goes unnoticed");
    assert!(
        found.iter().all(|found| found.contains("mag")),
        "only what reads the flipped column differs: {found:#?}"
    );
    change(
        &site,
        table,
        &format!("UPDATE {name} SET mag = CAST(17.123456 AS FLOAT) WHERE objectId = {object}"),
    )
    .await;
    assert_eq!(differing(&site).await, green, "flipped back");
}
