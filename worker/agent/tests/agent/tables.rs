//! States and drops.

use mysql_async::prelude::Queryable;
use orrery_archive::catalog::Epochs;
use orrery_kit_worker::TERM;
use orrery_worker_api::CallError;
use orrery_worker_api::agent::{
    Drop, Dropped, Highest, IndexLookup, PageQuery, RowState, SetState, SourceFile, SourceFiles,
};

use super::support::{Setup, attempt, part, reason, refusal, setup};

async fn set_state(setup: &Setup, state: RowState, placement: u64) {
    let epochs = Epochs {
        data: placement,
        placement,
    };
    let request = SetState {
        term: TERM,
        epochs,
        segments: vec![101],
        state,
    };
    setup.operator.set_state(&request).await.unwrap();
}

async fn highest(setup: &Setup) -> Highest {
    let info = setup.operator.info().await.unwrap();
    info.held.unwrap().highest
}

/// A catalog that knows fewer numbers than an agent is too old to be written
/// (docs/design/catalog.md#manifests).
#[tokio::test]
async fn an_agent_reports_the_highest_numbers_it_has_heard_of() {
    let setup = setup().await;
    assert_eq!(highest(&setup).await, Highest::default());
    setup.open(&attempt(1)).await.unwrap();
    assert_eq!(highest(&setup).await.attempt, 1, "an open attempt counts");
    setup.load(1, &part(0), "1\ta\t1\t1\n").await.unwrap();
    setup.seal(1).await.unwrap();
    let sealed = Highest {
        attempt: 1,
        segment: 101,
    };
    assert_eq!(highest(&setup).await, sealed);
    setup.discard(1).await.unwrap();
    setup.discard(9).await.unwrap();
    assert_eq!(
        highest(&setup).await,
        Highest {
            attempt: 9,
            ..sealed
        },
        "discarded numbers are used"
    );
}

async fn states(setup: &Setup) -> Vec<(RowState, u64)> {
    let page = setup
        .operator
        .manifest(&PageQuery::default())
        .await
        .unwrap();
    let mut states: Vec<_> = page.rows.iter().map(|row| (row.state, row.epoch)).collect();
    states.dedup();
    states
}

pub async fn drop_tables(
    setup: &Setup,
    placement_epoch: u64,
    tables: &[&str],
) -> Result<Dropped, CallError> {
    let tables = tables
        .iter()
        .map(|table| ("sky__7".to_owned(), (*table).to_owned()))
        .collect();
    let drop = Drop {
        term: TERM,
        placement_epoch,
        tables,
        databases: Vec::new(),
    };
    setup.operator.drop(&drop).await
}

pub async fn drop_database(setup: &Setup, placement_epoch: u64) -> Result<Dropped, CallError> {
    let drop = Drop {
        term: TERM,
        placement_epoch,
        tables: Vec::new(),
        databases: vec!["sky__7".to_owned()],
    };
    setup.operator.drop(&drop).await
}

async fn sealed() -> Setup {
    let setup = setup().await;
    seal_one_row(&setup).await;
    setup
}

pub async fn seal_one_row(setup: &Setup) {
    setup.open(&attempt(1)).await.unwrap();
    setup.load(1, &part(0), "1\ta\t1\t1\n").await.unwrap();
    setup.seal(1).await.unwrap();
}

#[tokio::test]
async fn states_follow_roots_and_never_an_older_one() {
    let setup = sealed().await;
    assert_eq!(states(&setup).await, [(RowState::Sealed, 0)]);
    set_state(&setup, RowState::Revoked, 3).await;
    assert_eq!(
        states(&setup).await,
        [(RowState::Sealed, 0)],
        "what was never published cannot be revoked"
    );
    set_state(&setup, RowState::Published, 5).await;
    assert_eq!(states(&setup).await, [(RowState::Published, 5)]);
    set_state(&setup, RowState::Revoked, 4).await;
    assert_eq!(states(&setup).await, [(RowState::Published, 5)]);
    set_state(&setup, RowState::Revoked, 6).await;
    set_state(&setup, RowState::Published, 7).await;
    assert_eq!(states(&setup).await, [(RowState::Published, 7)]);
    assert_eq!(reason(setup.discard(1).await), "Conflict");
}

#[tokio::test]
async fn a_drop_needs_a_placement_epoch_not_older_than_the_recorded_one() {
    let setup = sealed().await;
    set_state(&setup, RowState::Published, 5).await;
    assert_eq!(
        reason(drop_tables(&setup, 4, &["Object_1__1"]).await),
        "EpochTooLow"
    );
    assert_eq!(
        setup
            .number("SELECT COUNT(*) FROM sky__7.Object_1__1")
            .await,
        1
    );
    let dropped = drop_tables(&setup, 5, &["Object_1__1", "Object_2__1"])
        .await
        .unwrap();
    assert_eq!((dropped.gone.len(), dropped.busy.len()), (2, 0));
    assert_eq!(
        drop_tables(&setup, 5, &["Object_1__1"])
            .await
            .unwrap()
            .gone
            .len(),
        1,
        "again is fine"
    );
    assert!(states(&setup).await.contains(&(RowState::Deleted, 5)));
}

#[tokio::test]
async fn a_table_in_use_is_told_busy_and_its_readers_are_not_held_up() {
    let setup = sealed().await;
    let mut reader = setup.sql().await;
    reader.query_drop("START TRANSACTION").await.unwrap();
    reader
        .query_drop("SELECT * FROM sky__7.Object_1__1")
        .await
        .unwrap();
    let dropped = drop_tables(&setup, 1, &["Object_1__1", "Object_2__1"])
        .await
        .unwrap();
    assert_eq!(
        dropped.busy,
        [("sky__7".to_owned(), "Object_1__1".to_owned())]
    );
    assert_eq!(
        dropped.gone,
        [("sky__7".to_owned(), "Object_2__1".to_owned())]
    );
    assert_eq!(
        setup
            .number("SELECT COUNT(*) FROM sky__7.Object_1__1")
            .await,
        1
    );
    reader.query_drop("COMMIT").await.unwrap();
    assert_eq!(
        drop_tables(&setup, 1, &["Object_1__1"])
            .await
            .unwrap()
            .gone
            .len(),
        1
    );
}

#[tokio::test]
async fn unknown_tables_are_reported_and_never_dropped() {
    let setup = sealed().await;
    setup
        .sql()
        .await
        .query_drop("CREATE TABLE sky__7.mine (i INT) ENGINE=InnoDB")
        .await
        .unwrap();
    let unknown = setup.operator.unknown().await.unwrap();
    assert_eq!(unknown.tables, [("sky__7".to_owned(), "mine".to_owned())]);
    assert_eq!(
        reason(drop_tables(&setup, 9, &["Object_1__1", "mine"]).await),
        "NotFound"
    );
    assert_eq!(
        setup
            .number("SELECT COUNT(*) FROM sky__7.Object_1__1")
            .await,
        1
    );
}

const DATABASES: &str =
    "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = 'sky__7'";
const GRANTS: &str = r"SELECT COUNT(*) FROM mysql.db WHERE Db = 'sky\\_\\_7'";

#[tokio::test]
async fn a_deleted_tables_database_goes_with_all_its_tables_and_its_grant() {
    let setup = sealed().await;
    set_state(&setup, RowState::Published, 5).await;
    assert_eq!(reason(drop_database(&setup, 4).await), "EpochTooLow");
    assert_eq!(
        setup
            .number("SELECT COUNT(*) FROM sky__7.Object_1__1")
            .await,
        1
    );

    let mut reader = setup.sql().await;
    reader.query_drop("START TRANSACTION").await.unwrap();
    reader
        .query_drop("SELECT * FROM sky__7.Object_1__1")
        .await
        .unwrap();
    let dropped = drop_database(&setup, 5).await.unwrap();
    assert_eq!(
        dropped.busy,
        [("sky__7".to_owned(), "Object_1__1".to_owned())]
    );
    assert_eq!(dropped.unfinished, ["sky__7"]);
    assert_eq!(setup.number(DATABASES).await, 1);
    assert_eq!(setup.number(GRANTS).await, 1);
    reader.query_drop("COMMIT").await.unwrap();

    for _ in 0..2 {
        let dropped = drop_database(&setup, 5).await.unwrap();
        assert_eq!((dropped.busy.len(), dropped.unfinished.len()), (0, 0));
        assert_eq!(setup.number(DATABASES).await, 0);
    }
    assert_eq!(setup.number(GRANTS).await, 0);
    assert_eq!(states(&setup).await, [(RowState::Deleted, 5)]);
}

#[tokio::test]
async fn a_deleted_tables_database_stays_with_tables_that_are_unknown() {
    let setup = sealed().await;
    setup
        .sql()
        .await
        .query_drop("CREATE TABLE sky__7.mine (i INT) ENGINE=InnoDB")
        .await
        .unwrap();
    let dropped = drop_database(&setup, 1).await.unwrap();
    assert_eq!(dropped.unfinished.len(), 0);
    let tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'sky__7'";
    assert_eq!(setup.number(tables).await, 1);
    assert_eq!(setup.number("SELECT COUNT(*) FROM sky__7.mine").await, 0);
}

#[tokio::test]
async fn attempts_open_again_alike_grow_and_never_change() {
    let setup = setup().await;
    let mut open = attempt(1);
    let last = open.tables.pop().unwrap();
    setup.open(&open).await.unwrap();
    open.tables.push(last);
    setup.open(&open).await.unwrap();
    setup.open(&open).await.unwrap();
    assert_eq!(
        setup
            .number("SELECT COUNT(*) FROM orrery_control.staged_table")
            .await,
        3
    );
    open.spec.schema_version = 2;
    assert_eq!(reason(setup.open(&open).await), "Conflict");
}

#[tokio::test]
async fn index_keys_are_found_exactly() {
    let setup = setup().await;
    let mut conn = setup.sql().await;
    conn.query_drop("CREATE DATABASE orrery_index__8")
        .await
        .unwrap();
    for (table, key, values) in [
        (
            "Object_3__14",
            "BIGINT",
            "(9007199254740993, 1, 2, 0), (9007199254740993, 4, 5, 1)",
        ),
        (
            "Object_4__14",
            "VARBINARY(32)",
            "('it''s', 6, 7, 0), ('IT''S', 8, 9, 0)",
        ),
    ] {
        conn.query_drop(format!(
            "CREATE TABLE orrery_index__8.{table} (k {key} NOT NULL, chunkId INT UNSIGNED NOT NULL, subChunkId INT UNSIGNED NOT NULL, \
             orphan TINYINT NOT NULL, PRIMARY KEY (k, chunkId, subChunkId)) ENGINE=InnoDB"
        ))
        .await
        .unwrap();
        conn.query_drop(format!(
            "INSERT INTO orrery_index__8.{table} VALUES {values}"
        ))
        .await
        .unwrap();
    }
    let lookup = async |table: &str, keys: &[&str]| {
        let request = IndexLookup {
            tables: vec![("orrery_index__8".into(), table.into())],
            keys: keys.iter().map(|&key| key.into()).collect(),
        };
        setup.loader.lookup(&request).await
    };
    // 9007199254740992 is the same number as a DOUBLE.
    let entries = lookup("Object_3__14", &["9007199254740993", "9007199254740992"])
        .await
        .unwrap()
        .entries;
    let key = "9007199254740993".to_owned();
    assert_eq!(entries, [(key.clone(), 1, 2, false), (key, 4, 5, true)]);
    let entries = lookup("Object_4__14", &["it's"]).await.unwrap().entries;
    assert_eq!(entries, [("it's".to_owned(), 6, 7, false)]);
    assert_eq!(reason(lookup("Object_3__14", &["x"]).await), "BadRequest");
    assert_eq!(reason(lookup("Object_9__14", &["1"]).await), "NotFound");
}

#[tokio::test]
async fn source_files_must_not_change_between_tries_and_rejects_are_kept() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    let file = SourceFile {
        name: "object.csv".into(),
        size: 10,
        version: "1".into(),
        sha256: "00".into(),
        parts: vec![(0, 10)],
    };
    let files = SourceFiles {
        files: vec![file.clone()],
    };
    let changed = SourceFiles {
        files: vec![SourceFile {
            version: "2".into(),
            ..file
        }],
    };
    setup.loader.put_files(1, &files).await.unwrap();
    setup.loader.put_files(1, &files).await.unwrap();
    let (_, reason, message) = refusal(setup.loader.put_files(1, &changed).await);
    assert_eq!(reason, "Conflict");
    assert!(message.contains("object.csv"), "{message}");
    assert_eq!(setup.loader.files(1).await.unwrap(), files);

    let text = "object.csv\t3\tra\tnot a number\n".repeat(100_000);
    for text in ["first", &text] {
        let lines = text.to_owned().into();
        setup.loader.put_rejects(1, lines).await.unwrap();
    }
    assert_eq!(setup.operator.rejects(1).await.unwrap(), text);
}
