//! Warnings, as one MariaDB counts and lists them for the same statements.

use orrery_oracle::client::ask_plain;
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::{Site, connect_proxy};
use orrery_wire::client::ClientConnection;
use orrery_wire::{Format, Value};

/// Statements in one session; after each its warnings are asked for.
const STATEMENTS: &[&str] = &[
    // The shadow server, and what keeps the warnings before.
    "SELECT 1 / 0, CAST('x' AS INT)",
    "SELECT 5",
    "SET @@session.sql_select_limit = DEFAULT",
    "SELECT @@warning_count, @@error_count",
    "SELECT CAST('y' AS INT)",
    "SHOW TABLES",
    // Chunks: raised by rows, more than are listed and fewer; streamed, merged here and in the
    // shadow server.
    "SELECT run / 0 FROM Object",
    "SELECT objectId FROM Object WHERE name + 0 = 1 AND objectId <= 390030275138030",
    "SELECT COUNT(*) FROM Object WHERE name > 5 AND objectId <= 390030275138030",
    "SELECT run, COUNT(*) FROM Object WHERE name > 5 AND objectId <= 390030275138030 GROUP BY run",
    "SELECT MAX(run / 0) FROM Object",
    "SELECT tiny FROM Object WHERE objectId = 390030275138003 AND name < 1",
    // Raised without any row, also where nothing is found.
    "SELECT COUNT(*) FROM Object WHERE run = '3abc'",
    "SELECT objectId FROM Object WHERE run = '1zz' AND objectId <= 390030275138030",
    "SELECT objectId FROM Object WHERE objectId = '390030275138003x'",
    "SELECT objectId FROM Object WHERE run = '1zz' AND 1 = 0",
    // None, after some.
    "SELECT COUNT(*) FROM Object",
    // One worker, and tables that are gathered.
    "SELECT filterId / 0 FROM Filter",
    "SELECT CAST(filterName AS INT) FROM Filter",
    "SELECT GROUP_CONCAT(CAST(name AS INT) ORDER BY objectId) FROM Object WHERE objectId <= 390030275138030",
    "SELECT objectId, LAG(run / 0) OVER (ORDER BY objectId) FROM Object",
    // Errors.
    "SELECT nothing FROM Object",
    "SELECT @@warning_count, @@error_count",
];

async fn rows(connection: &mut ClientConnection, sql: &str) -> Vec<String> {
    let answer = ask_plain(connection, Format::Text, sql).await.unwrap();
    let shown = |value: &Value| match value {
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    };
    let rows = answer.unwrap().rows;
    let mut rows: Vec<String> = rows
        .iter()
        .map(|row| row.iter().map(shown).collect::<Vec<_>>().join("|"))
        .collect();
    // Rows raise them in an order of their own.
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_are_counted_and_the_same_are_listed() {
    let site = Site::start(SHAPE, &tables(300).unwrap(), &[])
        .await
        .unwrap();
    let proxy = site.start_proxy(&[&site.czar]).await.unwrap();
    let mut given = connect_proxy(&proxy, "ann", Some("sky")).await.unwrap();
    let mut plain = site.connect_plain().await.unwrap();
    plain.init_db("sky").await.unwrap();
    let mut wrong = Vec::new();
    let mut most = 0;
    for format in [Format::Text, Format::Binary] {
        for sql in STATEMENTS {
            let mut said = Vec::new();
            for connection in [&mut given, &mut plain] {
                // Rows are compared elsewhere.
                let outcome = ask_plain(connection, format, sql).await.unwrap();
                let counts = sql
                    .contains("@@warning")
                    .then(|| outcome.map(|answer| answer.rows).unwrap_or_default());
                let count = rows(connection, "SHOW COUNT(*) WARNINGS").await;
                let listed = rows(connection, "SHOW WARNINGS").await;
                most = most.max(listed.len());
                said.push((counts, count, listed));
            }
            if said[0] != said[1] {
                wrong.push(format!(
                    "{sql}: {:?}\n    instead of {:?}",
                    said[0], said[1]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(most, 64, "more than are listed were raised");
}
