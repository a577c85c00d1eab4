//! EXPLAIN ANALYZE says what each worker did: as many statements as its general log has.

use std::collections::BTreeMap;

use orrery_archive::names::WorkerId;
use orrery_oracle::client::{Session, ask_czar};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::evidence;
use orrery_oracle::site::Site;
use orrery_wire::client::ClientConnection;
use orrery_wire::{Format, Value};

/// Statements, with the number of their rows.
const CASES: &[(&str, u64)] = &[
    ("SELECT objectId, ra FROM Object", 200),
    ("SELECT COUNT(*), SUM(price) FROM Object WHERE tiny >= 0", 1),
    (
        "SELECT COUNT(*) FROM Object WHERE objectId IN (390030275138001, 390030275138002)",
        1,
    ),
    ("SELECT COUNT(*) FROM Filter", 1),
];

/// The whole numbers of a line: `queries 4, rows 12, …`.
fn numbers(text: &str) -> BTreeMap<String, u64> {
    let pair = |part: &str| {
        let mut words = part.split(' ');
        let name = words.next().unwrap().to_owned();
        let whole = words.next().unwrap().split('.').next().unwrap();
        (name, whole.parse().unwrap())
    };
    text.split(", ").map(pair).collect()
}

/// What is said of the answer, and of each worker.
async fn analyzed(
    czar: &mut ClientConnection,
    sql: &str,
) -> (
    BTreeMap<String, u64>,
    BTreeMap<WorkerId, BTreeMap<String, u64>>,
) {
    let sql = format!("EXPLAIN ANALYZE {sql}");
    let answer = ask_czar(czar, Session::ANN, Format::Text, &sql).await;
    let text = |value: &Value| match value {
        Value::Bytes(text) => String::from_utf8(text.clone()).unwrap(),
        other => panic!("EXPLAIN gives {other:?}"),
    };
    let (mut answered, mut workers) = (BTreeMap::new(), BTreeMap::new());
    for row in answer.unwrap().unwrap().rows {
        let (item, value) = (text(&row[0]), text(&row[1]));
        if item == "answered" {
            answered = numbers(&value);
        } else if let Some(id) = item.strip_prefix("worker ") {
            workers.insert(id.parse().unwrap(), numbers(&value));
        }
    }
    (answered, workers)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_worker_is_told_with_what_it_did() {
    let site = Site::start(SHAPE, &tables(200).unwrap(), &[])
        .await
        .unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    for (sql, rows) in CASES {
        evidence::begin(&site).await.unwrap();
        let (answered, workers) = analyzed(&mut czar, sql).await;
        let asked = evidence::statements(&site).await.unwrap();
        assert_eq!(answered["rows"], *rows, "{sql}");
        for (id, statements) in asked {
            let selects = statements.iter().filter(|sql| !sql.starts_with("SET "));
            let selects = selects.count() as u64;
            let told = workers.get(&id);
            let queries = told.map_or(0, |figures| figures["queries"]);
            assert_eq!(queries, selects, "{sql}: worker {id}: {statements:?}");
            assert!(told.is_none_or(|figures| figures["retries"] == 0));
        }
        let came: u64 = workers.values().map(|figures| figures["rows"]).sum();
        assert!(came >= *rows && came > 0, "{sql}: {came} rows");
        let bytes: u64 = workers.values().map(|figures| figures["bytes"]).sum();
        assert!(bytes >= came, "{sql}: {bytes} bytes");
    }

    // A worker lacks a database: its statements fail there, and another worker's do not.
    let (id, worker) = site.stack.workers.iter().next().unwrap();
    let mut root = worker.root().await.unwrap();
    let object =
        &site.archive.catalog.tables[&orrery_archive::catalog::TableKey::new("sky", "Object")];
    let database = orrery_archive::names::physical_database("sky", object.incarnation);
    root.run(format!("DROP DATABASE `{database}`").as_bytes())
        .await
        .unwrap();
    let (answered, workers) = analyzed(&mut czar, CASES[0].0).await;
    assert_eq!(answered["rows"], 200);
    for (worker, figures) in &workers {
        assert_eq!(
            figures["retries"] > 0,
            worker == id,
            "worker {worker}: {figures:?}"
        );
    }
}
