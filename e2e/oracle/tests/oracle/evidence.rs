//! EXPLAIN says which chunks a statement reads; the workers' own general logs say which it read.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::catalog::{ChunkSet, TableKey, TableKind, hash_chunk};
use orrery_archive::names::{self, ChunkId, RowSet, WorkerId};
use orrery_oracle::client::{Outcome, Session, ask_czar, ask_plain};
use orrery_oracle::compare::difference;
use orrery_oracle::corpus::{Order, Query};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::evidence::{self, Named};
use orrery_oracle::site::Site;
use orrery_wire::client::ClientConnection;
use orrery_wire::value::TextCells;
use orrery_wire::{Format, Value};

use crate::pair::Pair;

/// A statement, what the plain server is asked, its chunked tables, and the key it looks up.
struct Case {
    sql: &'static str,
    plain: &'static str,
    tables: &'static [&'static str],
    key: Option<&'static str>,
    protocol: Format,
}

const CASES: &[Case] = &[
    Case {
        sql: "SELECT * FROM Object WHERE objectId = 390030275138005",
        plain: "SELECT * FROM Object WHERE objectId = 390030275138005",
        tables: &["Object"],
        key: Some("390030275138005"),
        protocol: Format::Text,
    },
    Case {
        sql: "SELECT objectId, sourceId, psfMag FROM Source WHERE objectId = 390030275138077",
        plain: "SELECT objectId, sourceId, psfMag FROM Source WHERE objectId = 390030275138077",
        tables: &["Source"],
        key: Some("390030275138077"),
        protocol: Format::Binary,
    },
    Case {
        sql: "SELECT objectId, ra, decl FROM Object WHERE qserv_areaspec_circle(20, 0, 4) = 1",
        plain: "SELECT objectId, ra, decl FROM Object WHERE scisql_s2PtInCircle(ra, decl, 20, 0, 4) = 1",
        tables: &["Object"],
        key: None,
        protocol: Format::Text,
    },
    Case {
        sql: "SELECT o.objectId, o.mag, s.sourceId FROM Object o JOIN Source s USING (objectId) \
              WHERE qserv_areaspec_box(5, -5, 15, 5) ORDER BY o.objectId, s.sourceId",
        plain: "SELECT o.objectId, o.mag, s.sourceId FROM Object o JOIN Source s USING (objectId) \
                WHERE o.ra BETWEEN 5 AND 15 AND o.decl BETWEEN -5 AND 5 ORDER BY o.objectId, s.sourceId",
        tables: &["Object", "Source"],
        key: None,
        protocol: Format::Binary,
    },
    Case {
        sql: "SELECT run, COUNT(*), SUM(price) FROM Object WHERE scisql_s2PtInCircle(ra, decl, 20, 0, 3) = 1 GROUP BY run",
        plain: "SELECT run, COUNT(*), SUM(price) FROM Object WHERE scisql_s2PtInCircle(ra, decl, 20, 0, 3) = 1 GROUP BY run",
        tables: &["Object"],
        key: None,
        protocol: Format::Text,
    },
];

/// The value of an item of EXPLAIN.
async fn explained(czar: &mut ClientConnection, sql: &str, item: &str) -> String {
    let explain = format!("EXPLAIN {sql}");
    let answer = ask_czar(czar, Session::ANN, Format::Text, &explain)
        .await
        .unwrap()
        .unwrap();
    let text = |value: &Value| match value {
        Value::Bytes(text) => String::from_utf8(text.clone()).unwrap(),
        other => panic!("EXPLAIN gives {other:?}"),
    };
    let mut rows = answer.rows.iter().map(|row| (text(&row[0]), text(&row[1])));
    rows.find(|(name, _)| name == item).unwrap().1
}

/// The chunks that EXPLAIN names: `3, 5-8, 11`.
async fn explained_chunks(czar: &mut ClientConnection, sql: &str) -> ChunkSet {
    let mut chunks = ChunkSet::new();
    for run in explained(czar, sql, "chunk ids").await.split(", ") {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        chunks.extend(first.parse::<ChunkId>().unwrap()..=last.parse().unwrap());
    }
    let counted = explained(czar, sql, "chunks with rows").await;
    assert_eq!(chunks.len().to_string(), counted);
    chunks
}

/// The physical tables that hold the rows of a case's tables in these chunks, and the index tables
/// of its key.
fn wanted(site: &Site, case: &Case, chunks: &ChunkSet) -> BTreeSet<Named> {
    let catalog = &site.archive.catalog;
    let mut wanted = BTreeSet::new();
    for name in case.tables {
        let table = &catalog.tables[&TableKey::new("sky", *name)];
        let database = names::physical_database("sky", table.incarnation);
        for segment in &table.segments {
            for chunk in segment.home.intersection(chunks) {
                let table = names::chunk_table(name, RowSet::Home, *chunk, segment.attempt);
                wanted.insert((database.clone(), table));
            }
        }
    }
    let TableKind::Director(_, index) = &catalog.tables[&TableKey::new("sky", "Object")].kind
    else {
        panic!("Object is no director");
    };
    if let Some(key) = case.key {
        let chunk = hash_chunk(key.as_bytes(), SHAPE.index_chunks);
        for segment in index
            .segments
            .iter()
            .filter(|segment| segment.home.contains(&chunk))
        {
            let table = names::chunk_table("Object", RowSet::Home, chunk, segment.attempt);
            wanted.insert((names::index_database(index.incarnation), table));
        }
    }
    wanted
}

/// Chunks whose home tables of Object hold one of these keys, by the rows that were loaded.
fn homes(site: &Site, keys: &BTreeSet<String>) -> ChunkSet {
    let tables = site.archive.tables.iter();
    let objects = tables
        .filter(|table| table.table.starts_with("Object_") && table.database.starts_with("sky__"));
    let holds = |rows: &[u8]| {
        let mut lines = rows.split(|byte| *byte == b'\n');
        lines.any(|line| {
            let key = line.split(|byte| *byte == b'\t').next().unwrap_or_default();
            keys.contains(&String::from_utf8_lossy(key).into_owned())
        })
    };
    objects
        .filter(|table| holds(&table.rows))
        .map(|table| {
            table
                .table
                .split('_')
                .nth(1)
                .unwrap()
                .parse::<ChunkId>()
                .unwrap()
        })
        .collect()
}

/// First cells of an answer, as text.
fn keys(outcome: &Outcome) -> BTreeSet<String> {
    let rows = outcome.as_ref().unwrap().rows.iter();
    rows.map(|row| row[0].as_sql(true).trim_matches('\'').to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_touch_exactly_the_chunks_that_explain_names() {
    let Pair {
        site,
        mut czar,
        mut plain,
    } = Pair::start(tables(400), Session::ANN).await;
    let all = site.archive.catalog.families["sky"].placement.len();
    for case in CASES {
        evidence::begin(&site).await.unwrap();
        let given = ask_czar(&mut czar, Session::ANN, case.protocol, case.sql)
            .await
            .unwrap();
        let asked = evidence::statements(&site).await.unwrap();
        let right = ask_plain(&mut plain, case.protocol, case.plain)
            .await
            .unwrap();
        let query = Query {
            order: Order::Any,
            approximate: false,
            loose_flags: true,
            sql: case.sql.to_owned(),
            plain: case.plain.to_owned(),
        };
        assert_eq!(difference(&query, &given, &right), None, "{}", case.sql);
        assert!(
            !right.as_ref().unwrap().rows.is_empty(),
            "{}: a test without rows",
            case.sql
        );

        evidence::begin(&site).await.unwrap();
        let chunks = explained_chunks(&mut czar, case.sql).await;
        let by_explain = evidence::statements(&site).await.unwrap();
        assert!(
            by_explain
                .values()
                .flatten()
                .all(|sql| !sql.contains("`sky__")),
            "EXPLAIN itself reads no chunk: {by_explain:?}"
        );
        assert!(
            chunks.len() < all / 2 && (case.key.is_none() || chunks.len() == 1),
            "{}: {} of {all} chunks",
            case.sql,
            chunks.len()
        );
        if case.sql.starts_with("SELECT o") || case.sql.starts_with("SELECT *") {
            let homes = homes(&site, &keys(&right));
            assert!(
                homes.is_subset(&chunks),
                "{}: rows lie in {homes:?}",
                case.sql
            );
        }

        let mut touched: BTreeMap<Named, BTreeSet<WorkerId>> = BTreeMap::new();
        for (worker, statements) in &asked {
            let physical = statements.iter().flat_map(|sql| evidence::tables(sql));
            for name in physical.filter(|(database, _)| database.contains("__")) {
                touched.entry(name).or_default().insert(*worker);
            }
        }
        let names: BTreeSet<Named> = touched.keys().cloned().collect();
        assert_eq!(names, wanted(&site, case, &chunks), "{}", case.sql);
        for (name, workers) in &touched {
            assert_eq!(
                workers.len(),
                1,
                "{}: {name:?} was asked of {workers:?}",
                case.sql
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_worker_holds_all_rows_and_all_together_hold_each_row_as_often_as_there_are_replicas() {
    let site = Site::start(SHAPE, &tables(400).unwrap(), &[])
        .await
        .unwrap();
    for name in ["Object", "Source"] {
        let table = &site.archive.catalog.tables[&TableKey::new("sky", name)];
        let total: u64 = table.segments.iter().map(|segment| segment.rows).sum();
        let mut together = 0;
        for (id, worker) in &site.stack.workers {
            let mut root = worker.root().await.unwrap();
            let list = format!(
                "SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables \
                 WHERE table_schema LIKE 'sky\\_\\_%' AND table_name LIKE '{name}\\_%'"
            );
            let mut held = 0;
            for table in first_cells(&mut root, &list).await {
                let count = first_cells(&mut root, &format!("SELECT COUNT(*) FROM {table}")).await;
                held += count[0].parse::<u64>().unwrap();
            }
            assert!(
                held > 0 && held < total,
                "worker {id} holds {held} of {total} rows of {name}"
            );
            together += held;
        }
        assert_eq!(together, total * u64::from(SHAPE.replicas), "{name}");
    }
}

async fn first_cells(connection: &mut ClientConnection, sql: &str) -> Vec<String> {
    let (_, rows) = connection.query_all(sql.as_bytes()).await.unwrap();
    let text = |row: &bytes::Bytes| {
        let cell = TextCells::new(row).next().unwrap().unwrap().unwrap();
        String::from_utf8(cell.to_vec()).unwrap()
    };
    rows.iter().map(text).collect()
}
