//! Rules of replicas (docs/design/query.md#tasks, docs/design/catalog.md#missing-tables): any task
//! can be sent again to another one, and what is missing everywhere is an error.

use std::time::{Duration, Instant};

use orrery_archive::names::WorkerId;
use orrery_oracle::client::{Answer, Session, ask_czar, ask_plain, set};
use orrery_oracle::compare::difference;
use orrery_oracle::corpus::{Order, Query};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::{Site, connect_proxy};
use orrery_wire::client::ClientConnection;
use orrery_wire::{Format, Value};

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
        let answer: Answer = ask_czar(&mut czar, Session::ANN, Format::Text, statement)
            .await
            .unwrap()
            .unwrap();
        all.push(answer.rows);
    }
    all
}

/// A chunk table of Object and the workers that hold it.
fn some_chunk(site: &Site) -> (String, Vec<WorkerId>) {
    let table =
        site.archive.tables.iter().find(|table| {
            table.table.starts_with("Object_") && table.database.starts_with("sky__")
        });
    let table = table.unwrap();
    (
        format!("`{}`.`{}`", table.database, table.table),
        table.workers.clone(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_missing_on_one_replica_is_read_from_another_and_missing_everywhere_is_an_error() {
    let site = Site::start(SHAPE, &tables(120).unwrap(), &["--retry-seconds=1"])
        .await
        .unwrap();
    let right = answers(&site).await;
    let (table, workers) = some_chunk(&site);
    let drop = format!("DROP TABLE {table}");
    site.stack.workers[&workers[0]]
        .run_all([&drop])
        .await
        .unwrap();
    assert_eq!(answers(&site).await, right, "the other replica answers");

    site.stack.workers[&workers[1]]
        .run_all([&drop])
        .await
        .unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    let error = ask_czar(&mut czar, Session::ANN, Format::Text, STATEMENTS[0])
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.code, 1297, "{error}");
    let chunk = table.rsplit('_').nth(2).unwrap();
    assert!(
        error
            .message
            .contains(&format!("chunk {chunk} of sky.Object")),
        "{error}"
    );
    for worker in workers {
        assert!(
            error.message.contains(&format!("worker {worker}: ")),
            "{error}"
        );
    }
}

/// Locks that keep every reader out as long as the connection lives.
async fn lock(site: &Site, worker: WorkerId, tables: &[String]) -> ClientConnection {
    let mut holder = site.stack.workers[&worker].root().await.unwrap();
    let list: Vec<String> = tables
        .iter()
        .map(|table| format!("{table} WRITE"))
        .collect();
    holder
        .run(format!("LOCK TABLES {}", list.join(", ")).as_bytes())
        .await
        .unwrap();
    holder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_wait_counts_as_missing() {
    let site = Site::start(SHAPE, &tables(60).unwrap(), &[]).await.unwrap();
    let right = answers(&site).await;
    let (table, workers) = some_chunk(&site);
    // The servers' own lock_wait_timeout is a day.
    let _holder = lock(&site, workers[0], &[table]).await;
    let outcome = tokio::time::timeout(Duration::from_secs(60), answers(&site)).await;
    assert_eq!(outcome.expect("readers wait for the lock"), right);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_for_retries_begins_when_no_replica_is_left() {
    let site = Site::start(SHAPE, &tables(60).unwrap(), &["--retry-seconds=1"])
        .await
        .unwrap();
    let (table, workers) = some_chunk(&site);
    let rows = site
        .archive
        .tables
        .iter()
        .find(|physical| table == format!("`{}`.`{}`", physical.database, physical.table));
    let key = rows
        .unwrap()
        .rows
        .split(|byte| *byte == b'\t')
        .next()
        .unwrap();
    let sql = format!(
        "SELECT objectId FROM Object WHERE objectId = {}",
        std::str::from_utf8(key).unwrap()
    );
    let aside = format!("{}_aside`", table.trim_end_matches('`'));
    let mut czar = site.connect_czar().await.unwrap();
    let right = ask_czar(&mut czar, Session::ANN, Format::Text, &sql)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(right.rows.len(), 1);
    // The first lacks the table for a moment; the second keeps its reader waiting for longer than
    // retries last.
    let (first, second) = (&site.stack.workers[&workers[0]], workers[1]);
    first
        .run_all([format!("RENAME TABLE {table} TO {aside}")])
        .await
        .unwrap();
    let _holder = lock(&site, second, std::slice::from_ref(&table)).await;
    let back = async {
        tokio::time::sleep(Duration::from_millis(1200)).await;
        first
            .run_all([format!("RENAME TABLE {aside} TO {table}")])
            .await
            .unwrap();
    };
    let (answer, ()) = tokio::join!(ask_czar(&mut czar, Session::ANN, Format::Text, &sql), back);
    assert_eq!(answer.unwrap().unwrap().rows, right.rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_that_no_worker_holds_any_more_is_an_error_and_comes_back_with_the_placement() {
    let site = Site::start(SHAPE, &tables(60).unwrap(), &["--retry-seconds=1"])
        .await
        .unwrap();
    let right = answers(&site).await;
    let (table, _) = some_chunk(&site);
    let chunk: u32 = table.rsplit('_').nth(2).unwrap().parse().unwrap();
    let mut lost = site.archive.catalog.clone();
    lost.epochs.placement += 1;
    let held = lost
        .families
        .get_mut("sky")
        .unwrap()
        .placement
        .insert(chunk, Vec::new());
    assert!(held.is_some_and(|workers| workers.len() == 2));
    site.stack.publish(&lost, &site.users).unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    let error = loop {
        // Until the czar has the catalog, the answer is right; never is it one without the chunk.
        match ask_czar(&mut czar, Session::ANN, Format::Text, STATEMENTS[0])
            .await
            .unwrap()
        {
            Ok(answer) => assert_eq!(answer.rows, right[0], "an answer without a chunk"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code, 1297, "{error}");
    let wanted = format!("chunk {chunk} of sky.Object cannot be read: no worker holds it");
    assert!(error.message.ends_with(&wanted), "{error}");
    // A proxy asks again without success; the client learns what is wrong, and not that there is no
    // czar.
    let proxy = site.start_proxy(&[&site.czar]).await.unwrap();
    let mut ann = connect_proxy(&proxy, "ann", Some("sky")).await.unwrap();
    let error = ask_plain(&mut ann, Format::Text, STATEMENTS[0])
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.code, 1297, "{error}");
    assert!(error.message.ends_with(&wanted), "{error}");
    // A statement that waits for the chunk finds it when the placement is newer.
    let mut found = site.archive.catalog.clone();
    found.epochs.placement += 2;
    let (publish, waiting) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            site.stack.publish(&found, &site.users)
        },
        ask_czar(&mut czar, Session::ANN, Format::Text, STATEMENTS[0])
    );
    publish.unwrap();
    assert_eq!(waiting.unwrap().unwrap().rows, right[0]);
}

/// Statements that are under way when a worker dies, each distinguished from the others by a number
/// in its text.
const DYING: [(Order, Format, &str); 7] = [
    (
        Order::Any,
        Format::Text,
        "SELECT * FROM Source WHERE mjd < 900001",
    ),
    (
        Order::Any,
        Format::Binary,
        "SELECT * FROM Source WHERE mjd < 900002",
    ),
    (
        Order::Fixed,
        Format::Text,
        "SELECT * FROM Object WHERE ra < 900003 ORDER BY objectId DESC",
    ),
    (
        Order::Fixed,
        Format::Binary,
        "SELECT objectId, mag FROM Object WHERE ra < 900004 ORDER BY mag DESC, objectId LIMIT 5, 50",
    ),
    (
        Order::Count,
        Format::Text,
        "SELECT objectId FROM Object WHERE ra < 900005 LIMIT 300, 90",
    ),
    (
        Order::Any,
        Format::Text,
        "SELECT run, COUNT(*), SUM(price) FROM Object WHERE ra < 900006 GROUP BY run",
    ),
    (
        Order::Any,
        Format::Text,
        "SELECT o.objectId, s.sourceId FROM Object o LEFT JOIN Source s ON o.objectId = s.objectId WHERE o.ra < 900007",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_in_the_middle_of_a_select_star_changes_no_row() {
    const DIES: WorkerId = 2;
    let flags = ["--scan-per-worker=1"];
    let mut site = Site::start(SHAPE, &tables(400).unwrap(), &flags)
        .await
        .unwrap();
    // What the worker that dies is asked for waits there, so that its death is in the middle of
    // every statement.
    let held = site.archive.tables.iter();
    let held =
        held.filter(|table| table.database.starts_with("sky__") && table.workers.contains(&DIES));
    let held: Vec<String> = held
        .map(|table| format!("`{}`.`{}`", table.database, table.table))
        .collect();
    let _holders = lock(&site, DIES, &held).await;
    let mut started = Vec::new();
    for (_, protocol, sql) in DYING {
        let mut czar = site.connect_czar().await.unwrap();
        started.push(tokio::spawn(async move {
            ask_czar(&mut czar, Session::ANN, protocol, sql).await
        }));
    }
    let begun = Instant::now();
    let mut root = site.stack.workers[&DIES].root().await.unwrap();
    let waiting =
        b"SELECT info FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata lock'";
    let mut missing: Vec<String> = (900_001..900_001 + DYING.len())
        .map(|mark| mark.to_string())
        .collect();
    while !missing.is_empty() {
        let (_, rows) = root.query_all(waiting).await.unwrap();
        let all: Vec<_> = rows
            .iter()
            .map(|row| String::from_utf8_lossy(row))
            .collect();
        missing.retain(|mark| !all.iter().any(|sql| sql.contains(mark)));
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "statements {missing:?} have not been at the worker"
        );
    }
    // None can have got past it: each has several chunks there, and waits for each in turn.
    assert!(started.iter().all(|statement| !statement.is_finished()));
    site.stack.workers.get_mut(&DIES).unwrap().kill();

    let mut plain = site.connect_plain().await.unwrap();
    set(&mut plain, Session::ANN).await.unwrap();
    for (statement, (order, protocol, sql)) in started.into_iter().zip(DYING) {
        let given = statement.await.unwrap().unwrap();
        let right = ask_plain(&mut plain, protocol, sql).await.unwrap();
        let query = Query {
            order,
            approximate: false,
            loose_flags: true,
            sql: sql.to_owned(),
            plain: sql.to_owned(),
        };
        assert_eq!(difference(&query, &given, &right), None, "{sql}");
    }
    let right = answers(&site).await;
    assert_eq!(
        right[0].len(),
        400,
        "with a worker away every statement has its answer"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn when_part_of_the_index_is_unreadable_keys_prune_nothing() {
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
