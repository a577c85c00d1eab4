//! What tables say of their size, where people and tools look for it.

use std::collections::BTreeMap;
use std::time::Duration;

use orrery_archive::catalog::TableKey;
use orrery_oracle::client::{Session, ask_czar, ask_plain};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::Site;
use orrery_wire::client::ClientConnection;
use orrery_wire::{Format, Value};

use crate::pair::Pair;

/// Bytes of a page of InnoDB.
const PAGE: u64 = 16384;

fn text(value: &Value) -> String {
    let Value::Bytes(bytes) = value else {
        panic!("{value:?} is no text");
    };
    String::from_utf8(bytes.clone()).unwrap()
}

fn number(value: &Value) -> u64 {
    text(value).parse().unwrap()
}

async fn rows_of(czar: &mut ClientConnection, sql: &str) -> Vec<Vec<Value>> {
    let answer = ask_czar(czar, Session::ANN, Format::Text, sql).await;
    answer
        .unwrap()
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
        .rows
}

/// Rows and bytes by table, as `information_schema` says.
async fn listed(czar: &mut ClientConnection) -> BTreeMap<String, (u64, u64)> {
    let sql = "SELECT table_name, table_rows, data_length FROM information_schema.tables \
               WHERE table_schema = 'sky'";
    let listed = rows_of(czar, sql).await;
    let figures = |row: &Vec<Value>| (text(&row[0]), (number(&row[1]), number(&row[2])));
    listed.iter().map(figures).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_have_the_rows_and_bytes_of_what_is_published() {
    let Pair {
        site,
        mut czar,
        mut plain,
    } = Pair::start(tables(300), Session::ANN).await;
    let found = listed(&mut czar).await;
    assert_eq!(found.len(), 3);
    for (table, &(rows, bytes)) in &found {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let counted = ask_plain(&mut plain, Format::Text, &sql).await.unwrap();
        assert_eq!(rows, number(&counted.unwrap().rows[0][0]), "{table}");
        let segments = &site.archive.catalog.tables[&TableKey::new("sky", table)].segments;
        let held: u64 = segments.iter().map(|segment| segment.bytes).sum();
        assert!(held > 0 && bytes == held.div_ceil(PAGE) * PAGE, "{table}");
    }
    let status = rows_of(&mut czar, "SHOW TABLE STATUS FROM sky LIKE 'Obj%'").await;
    let (rows, bytes) = found["Object"];
    let [status] = status.as_slice() else {
        panic!("{status:?}");
    };
    assert_eq!(text(&status[0]), "Object");
    let figures = [4, 5, 6].map(|column| number(&status[column]));
    assert_eq!(figures, [rows, bytes / rows, bytes]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_is_counted_no_more_and_a_table_in_use_follows() {
    let site = Site::start(SHAPE, &tables(300).unwrap(), &[])
        .await
        .unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    let before = listed(&mut czar).await;
    // As a statement that reads the shadow table for long.
    let mut reader = site.stack.shadow.root().await.unwrap();
    reader.run(b"BEGIN").await.unwrap();
    reader.query_all(b"SELECT * FROM sky.Source").await.unwrap();
    let mut next = site.archive.catalog.clone();
    next.epochs.data = 2;
    for table in next.tables.values_mut() {
        if table.kind.is_chunked() {
            table.segments.pop().unwrap();
        }
    }
    site.stack.publish(&next, &site.users).unwrap();
    let wanted = |table: &str| {
        let segments = &next.tables[&TableKey::new("sky", table)].segments;
        segments.iter().map(|segment| segment.rows).sum::<u64>()
    };
    until(&mut czar, "Object", wanted("Object")).await;
    assert_eq!(listed(&mut czar).await["Source"], before["Source"]);
    reader.run(b"COMMIT").await.unwrap();
    until(&mut czar, "Source", wanted("Source")).await;
    assert_eq!(listed(&mut czar).await["Filter"], before["Filter"]);
}

/// Waits until a table says that it has so many rows; it is listed all the while.
async fn until(czar: &mut ClientConnection, table: &str, rows: u64) {
    for _ in 0..200 {
        if listed(czar).await[table].0 == rows {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{table} does not say that it has {rows} rows");
}
