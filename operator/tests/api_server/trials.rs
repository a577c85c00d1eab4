//! Nothing is accepted that MariaDB refuses: each declared table is made on a real mysqld first.

use std::time::{Duration, Instant};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use orrery_archive::catalog::TableKey;
use orrery_crds::kinds::{ChunkFamily, ChunkedTable, ReferenceTable, WorkerPool};
use serde_json::{Value, json};

use crate::nodes::{Nodes, first_worker, until_serving};
use crate::support::{Archive, director, family, pool};

/// How long a table may wait once a worker serves.
const SOON: Duration = Duration::from_secs(5);

fn accepted(conditions: Option<&Vec<Condition>>) -> Option<&Condition> {
    conditions?
        .iter()
        .find(|condition| condition.type_ == "Accepted")
}

fn of_table(table: &ChunkedTable) -> Option<&Condition> {
    accepted(table.status.as_ref().map(|status| &status.conditions))
}

fn of_reference(table: &ReferenceTable) -> Option<&Condition> {
    accepted(table.status.as_ref().map(|status| &status.conditions))
}

fn says(condition: Option<&Condition>, status: &str, reason: &str, words: &str) -> bool {
    condition.is_some_and(|condition| {
        condition.status == status
            && condition.reason == reason
            && condition.message.contains(words)
    })
}

async fn is_known(archive: &Archive, table: &str) -> bool {
    let catalog = archive.context.writer.catalog(&archive.namespace).await;
    let key = TableKey::new("sky", table);
    catalog.unwrap().tables.contains_key(&key)
}

/// The table `sky.Object` with these columns after its own.
fn with(columns: &Value) -> Value {
    let mut spec = director("Object");
    let own = spec["columns"].as_array_mut().unwrap();
    own.extend(columns.as_array().unwrap().iter().cloned());
    spec
}

async fn declared(archive: &Archive) {
    archive.create::<WorkerPool>("main", pool(1)).await.unwrap();
    let made = archive.create::<ChunkFamily>("sky", family(1)).await;
    made.unwrap();
}

#[tokio::test]
async fn tables_wait_for_a_worker_that_tries_them_and_are_accepted_soon_after_it_serves() {
    let archive = Archive::new("trial").await;
    let checks = async {
        declared(&archive).await;
        let made = archive.create::<ChunkedTable>("object", director("Object"));
        made.await.unwrap();
        let child = json!({"database": "sky", "table": "Source", "family": "sky", "role": "child", "key": "objectId",
            "director": "Object", "columns": [{"name": "objectId", "type": "BIGINT"}]});
        archive
            .create::<ChunkedTable>("source", child)
            .await
            .unwrap();
        let filter = json!({"database": "sky", "table": "Filter", "columns": [{"name": "id", "type": "INT"}]});
        let made = archive.create::<ReferenceTable>("filter", filter);
        made.await.unwrap();
        let waits = |condition: Option<&Condition>, words: &str| {
            says(condition, "Unknown", "TrialWaits", words)
        };
        archive
            .until::<ChunkedTable>("object", "waiting", |table| {
                waits(of_table(table), "no worker of WorkerPool `main` serves yet")
            })
            .await;
        archive
            .until::<ReferenceTable>("filter", "waiting", |table| {
                waits(of_reference(table), "no worker serves yet")
            })
            .await;
        assert!(!is_known(&archive, "Object").await);
        let _worker = first_worker(&archive).await;
        until_serving(&archive, 1).await;
        let began = Instant::now();
        for name in ["object", "source"] {
            archive
                .until::<ChunkedTable>(name, "accepted", |table| {
                    says(of_table(table), "True", "Accepted", "")
                })
                .await;
        }
        archive
            .until::<ReferenceTable>("filter", "accepted", |table| {
                says(of_reference(table), "True", "Accepted", "")
            })
            .await;
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    };
    archive.operated(checks).await;
}

#[tokio::test]
async fn what_mariadb_refuses_is_not_accepted_until_it_is_corrected() {
    let archive = Archive::new("refused").await;
    let checks = async {
        declared(&archive).await;
        let _worker = first_worker(&archive).await;
        let wide: Vec<Value> = (0..20)
            .map(|at| json!({"name": format!("c{at}"), "type": "VARCHAR(1000)"}))
            .collect();
        let made = archive.create::<ChunkedTable>("object", with(&json!(wide)));
        made.await.unwrap();
        let refused = |words| {
            move |table: &ChunkedTable| says(of_table(table), "False", "RefusedByMariaDB", words)
        };
        let table = archive
            .until::<ChunkedTable>("object", "refused", refused("Row size too large"))
            .await;
        assert_eq!(table.status.unwrap().incarnation, None);
        archive.until_told("RefusedByMariaDB", "Row size").await;
        assert!(!is_known(&archive, "Object").await);

        let columns = |column: Value| json!({"spec": with(&json!([column]))});
        let date = json!({"name": "seen", "type": "DATE", "default": "foo"});
        archive.edit::<ChunkedTable>("object", columns(date)).await;
        let words = "Invalid default value for 'seen' (1067)";
        archive
            .until::<ChunkedTable>("object", "refused again", refused(words))
            .await;
        let rounded = json!({"name": "mag", "type": "DECIMAL(3,1)", "default": "1.26"});
        archive
            .edit::<ChunkedTable>("object", columns(rounded))
            .await;
        let words = "otherwise than declared: Data truncated for column 'mag'";
        archive
            .until::<ChunkedTable>("object", "refused again", refused(words))
            .await;

        let sound = json!({"name": "seen", "type": "DATE", "default": "2020-01-01"});
        archive.edit::<ChunkedTable>("object", columns(sound)).await;
        archive
            .until::<ChunkedTable>("object", "accepted", |table| {
                says(of_table(table), "True", "Accepted", "")
                    && table
                        .status
                        .as_ref()
                        .is_some_and(|status| status.incarnation.is_some())
            })
            .await;
        while !is_known(&archive, "Object").await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    archive.operated(checks).await;
}

/// The first worker that is asked stands still; the other one tries the tables.
#[tokio::test]
async fn another_worker_is_asked_when_one_does_not_answer() {
    let archive = Archive::new("silent").await;
    let checks = async {
        archive.create::<WorkerPool>("main", pool(2)).await.unwrap();
        let nodes = Nodes::new();
        let first = nodes.start(&archive, 1).await;
        until_serving(&archive, 1).await;
        let _second = nodes.start(&archive, 2).await;
        until_serving(&archive, 2).await;
        drop(first);
        let made = archive.create::<ChunkFamily>("sky", family(1)).await;
        made.unwrap();
        let made = archive.create::<ChunkedTable>("object", director("Object"));
        made.await.unwrap();
        archive
            .until::<ChunkedTable>("object", "accepted", |table| {
                says(of_table(table), "True", "Accepted", "")
            })
            .await;
    };
    archive.operated(checks).await;
}

/// A reference table of these columns, and what else its spec has.
fn reference(columns: &Value, more: &Value) -> Value {
    let mut spec = json!({"database": "sky", "columns": columns});
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    spec
}

/// Declarations that the rules of the schema and the operator's own let pass, each with the number of
/// MariaDB 10.11's error, warning or note; none when it makes the table as declared.
fn declarations() -> Vec<(Value, Option<u16>)> {
    let column = |kind: &str, default: &str| {
        let column = json!([{"name": "a", "type": kind, "nullable": false, "default": default}]);
        reference(&column, &json!({}))
    };
    let named = |name: &str| reference(&json!([{"name": name, "type": "INT"}]), &json!({}));
    let texts = |count: usize, kind: &str, more: Value| {
        let columns: Vec<Value> = (0..count)
            .map(|at| json!({"name": format!("c{at}"), "type": kind}))
            .collect();
        reference(&json!(columns), &more)
    };
    let index = |columns: &[&str]| json!({"indexes": [{"name": "k", "columns": columns}]});
    let collated = |charset: &str, collation: &str, default: &str| {
        let column = json!([{"name": "a", "type": "VARCHAR(3)", "charset": charset, "collation": collation, "default": default}]);
        reference(&column, &json!({}))
    };
    let twice =
        json!({"indexes": [{"name": "k", "columns": ["c0"]}, {"name": "l", "columns": ["c0"]}]});
    let latin = json!({"charset": "latin1", "collation": "latin1_bin"});
    vec![
        (column("DATE", "foo"), Some(1067)),
        (column("DATE", "2020-01-01 12:00:00"), Some(1265)),
        (column("DATE", "2020-01-01"), None),
        (column("TIMESTAMP", "1960-01-01 00:00:00"), Some(1067)),
        (column("TIME", "900:00:00"), Some(1067)),
        (column("YEAR", "1800"), Some(1067)),
        (column("DECIMAL(3,1)", "1.26"), Some(1265)),
        (column("DECIMAL(3,1)", "1000"), Some(1067)),
        (column("DECIMAL(3,1)", "1.2"), None),
        (column("FLOAT", "1e39"), Some(1264)),
        (column("FLOAT UNSIGNED", "-1"), Some(1264)),
        (column("TEXT", "it's a \\ text"), None),
        (column("BINARY(3)", "a"), None),
        (column("JSON", "{}"), None),
        (column("SET('a','b')", ""), None),
        (collated("latin1", "latin1_bin", "ж"), Some(1067)),
        (collated("latin1", "latin1_bin", "é"), None),
        (named("FTS_DOC_ID"), Some(1166)),
        (named("DB_ROW_ID"), Some(1166)),
        (named("a`; DROP DATABASE mysql; --"), None),
        (texts(1, "INT", index(&["c0", "c0"])), Some(1060)),
        (texts(1, "INT", twice), None),
        (texts(1, "INT", json!({"primaryKey": ["c0"]})), None),
        (texts(1, "VARCHAR(1000)", index(&["c0"])), Some(1071)),
        (texts(2, "VARCHAR(500)", index(&["c0", "c1"])), Some(1071)),
        (
            texts(1, "VARCHAR(1000)", json!({"primaryKey": ["c0"]})),
            Some(1071),
        ),
        (texts(20, "VARCHAR(1000)", json!({})), Some(1118)),
        (texts(60, "VARCHAR(250)", latin), Some(1118)),
        (texts(400, "DOUBLE", json!({})), None),
    ]
}

#[tokio::test]
async fn many_declarations_are_judged_as_mariadb_does() {
    let archive = Archive::new("judged").await;
    let checks = async {
        declared(&archive).await;
        let _worker = first_worker(&archive).await;
        let declarations = declarations();
        for (at, (spec, _)) in declarations.iter().enumerate() {
            let mut spec = spec.clone();
            spec["table"] = json!(format!("T{at}"));
            let name = format!("t{at}");
            archive.create::<ReferenceTable>(&name, spec).await.unwrap();
        }
        for (at, (spec, code)) in declarations.iter().enumerate() {
            let is_judged = |table: &ReferenceTable| {
                of_reference(table).is_some_and(|condition| condition.status != "Unknown")
            };
            let table = archive
                .until::<ReferenceTable>(&format!("t{at}"), "judged", is_judged)
                .await;
            let condition = of_reference(&table);
            let is_right = match code {
                None => says(condition, "True", "Accepted", ""),
                Some(code) => {
                    let code = format!("({code})");
                    says(condition, "False", "RefusedByMariaDB", &code)
                }
            };
            assert!(is_right, "{spec:.300}: {code:?}, but {condition:?}");
        }
    };
    archive.operated(checks).await;
}
