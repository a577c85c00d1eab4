//! Rules of design §4 and §7 about replicas: any task can be sent again to another one, and what is missing everywhere is an error.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::time::Duration;

use orrery_crds::names::WorkerId;
use orrery_oracle::client::{Answer, Protocol, Session, ask_czar};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::Site;
use orrery_wire::Value;
use orrery_wire::client::{Next, Response};
use orrery_wire::command::QueryAttribute;

const SESSION: Session = Session {
    database: "sky",
    time_zone: "SYSTEM",
    sql_mode: "",
    collation: "utf8mb4_general_ci",
    user: "ann",
};

/// Everything that a few statements of each kind give.
const STATEMENTS: [&str; 4] = [
    "SELECT objectId, ra, name FROM Object ORDER BY objectId",
    "SELECT run, COUNT(*), SUM(price) FROM Object GROUP BY run ORDER BY run",
    "SELECT COUNT(*), MIN(s.sourceId), SUM(s.amount) FROM Object o JOIN Source s USING (objectId)",
    "SELECT objectId, mag FROM Object WHERE objectId IN (390030275138001, 390030275138050, 390030275138099) ORDER BY 1",
];

async fn answers(site: &Site) -> Vec<Vec<Vec<Value>>> {
    let mut czar = site.connect_czar().await.unwrap();
    let mut all = Vec::new();
    for statement in STATEMENTS {
        let answer: Answer = ask_czar(&mut czar, SESSION, Protocol::Text, statement)
            .await
            .unwrap()
            .unwrap();
        all.push(answer.rows);
    }
    all
}

/// A chunk table of Object and the workers that hold it.
fn some_chunk(site: &Site) -> (String, Vec<WorkerId>) {
    let table = site
        .archive
        .tables
        .iter()
        .find(|table| table.table.starts_with("Object_") && table.database.starts_with("sky__"));
    let table = table.unwrap();
    (
        format!("`{}`.`{}`", table.database, table.table),
        table.workers.clone(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn design_4_a_table_missing_on_one_replica_is_read_from_another_and_missing_everywhere_is_an_error() {
    let site = Site::start(SHAPE, &tables(120).unwrap(), &["--patience=1"])
        .await
        .unwrap();
    let right = answers(&site).await;
    let (table, workers) = some_chunk(&site);
    let drop = format!("DROP TABLE {table}");
    site.stack.workers[&workers[0]].run_all([&drop]).await.unwrap();
    assert_eq!(answers(&site).await, right, "the other replica answers");

    site.stack.workers[&workers[1]].run_all([&drop]).await.unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    let error = ask_czar(&mut czar, SESSION, Protocol::Text, STATEMENTS[0])
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.code, 1297, "{error}");
    let chunk = table.rsplit('_').nth(2).unwrap();
    assert!(
        error.message.contains(&format!("chunk {chunk} of sky.Object")),
        "{error}"
    );
    for worker in workers {
        assert!(error.message.contains(&format!("worker {worker}: ")), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn design_4_a_lock_wait_counts_as_missing() {
    let site = Site::start(SHAPE, &tables(60).unwrap(), &["--patience=2"])
        .await
        .unwrap();
    let right = answers(&site).await;
    let (table, workers) = some_chunk(&site);
    let worker = &site.stack.workers[&workers[0]];
    worker.run_all(["SET GLOBAL lock_wait_timeout=1"]).await.unwrap();
    let mut holder = worker.root().await.unwrap();
    holder
        .run(format!("LOCK TABLES {table} WRITE").as_bytes())
        .await
        .unwrap();
    // A czar of its own, whose connections have the short timeout.
    let site = Site {
        czar: site.start_czar(&["--patience=2"]).await.unwrap(),
        ..site
    };
    assert_eq!(answers(&site).await, right);
    drop(holder);
}

#[tokio::test(flavor = "multi_thread")]
async fn design_7_a_worker_that_dies_in_the_middle_of_a_select_star_changes_no_row() {
    let mut site = Site::start(SHAPE, &tables(400).unwrap(), &[]).await.unwrap();
    let right = answers(&site).await;
    let mut czar = site.connect_czar().await.unwrap();
    let attributes = [
        QueryAttribute::text("orrery.user", "ann"),
        QueryAttribute::text("orrery.database", "sky"),
    ];
    let response = czar
        .query_with_attributes(b"SELECT sourceId FROM Source", &attributes)
        .await
        .unwrap();
    assert!(matches!(response, Response::Rows(_)));
    let mut ids = Vec::new();
    while let Next::Row(row) = czar.next_row().await.unwrap() {
        if ids.is_empty() {
            site.stack.workers.get_mut(&2).unwrap().kill();
        }
        ids.push(row);
    }
    ids.sort();
    let rows = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), rows, "no row twice");
    let source = site
        .archive
        .plain
        .iter()
        .find(|table| table.table == "Source")
        .unwrap();
    assert_eq!(
        rows,
        source.rows.split(|byte| *byte == b'\n').count() - 1,
        "no row lost"
    );
    assert_eq!(
        answers(&site).await,
        right,
        "with a worker away every statement has its answer"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn design_5_when_part_of_the_index_is_unreadable_keys_prune_nothing() {
    let site = Site::start(SHAPE, &tables(60).unwrap(), &[]).await.unwrap();
    let right = answers(&site).await;
    for table in site
        .archive
        .tables
        .iter()
        .filter(|table| table.database.starts_with("orrery_index__"))
    {
        for worker in &table.workers {
            let drop = format!("DROP TABLE `{}`.`{}`", table.database, table.table);
            site.stack.workers[worker].run_all([&drop]).await.unwrap();
        }
    }
    // A czar that remembers no key.
    let site = Site {
        czar: site.start_czar(&[]).await.unwrap(),
        ..site
    };
    assert_eq!(answers(&site).await, right);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_hangs_without_closing_its_connections_is_left() {
    let site = Site::start(SHAPE, &tables(60).unwrap(), &[]).await.unwrap();
    let right = answers(&site).await;
    let pid = site.stack.workers[&1].pid().unwrap().to_string();
    let signal = |name: &str| {
        assert!(
            std::process::Command::new("kill")
                .args([name, &pid])
                .status()
                .unwrap()
                .success()
        );
    };
    signal("-STOP");
    let outcome = tokio::time::timeout(Duration::from_secs(60), answers(&site)).await;
    signal("-CONT");
    assert_eq!(outcome.unwrap(), right);
}
