//! Tables go from agent to agent whole, or not at all.

use mysql_async::prelude::Queryable;
use orrery_archive::names::Role;
use orrery_archive::signing::SigningKey;
use orrery_kit_worker::{ARCHIVE_UID, Archive, TERM, Worker};
use orrery_worker_api::CallError;
use orrery_worker_api::agent::{
    CopyDdl, CopyStatus, Drop, Dropped, ExportOrder, ManifestRow, PageQuery, RowState, StartCopy,
    TablePart,
};
use orrery_worker_api::client::AgentClient;

use super::support::{HOME, OVERLAP, Setup, attempt, part, reason, with_archive};

pub struct Pair {
    archive: Archive,
    pub source: Setup,
    pub target: Setup,
    pub rows: Vec<ManifestRow>,
}

/// Two workers that hold nothing.
pub async fn empty_pair() -> Pair {
    let archive = Archive::new();
    let (source, target) = tokio::join!(Worker::start(&archive, 1), Worker::start(&archive, 2));
    let (source, target) = (
        with_archive(&archive, source),
        with_archive(&archive, target),
    );
    Pair {
        archive,
        source,
        target,
        rows: Vec::new(),
    }
}

async fn pair() -> Pair {
    let mut pair = empty_pair().await;
    let source = &pair.source;
    source.open(&attempt(1)).await.unwrap();
    source
        .load(1, &part(0), "1\ta\t1.1\t1\n2\tb\t2.2\t1\n")
        .await
        .unwrap();
    pair.rows = source.seal(1).await.unwrap();
    pair
}

impl Pair {
    /// Changes a row at the source behind the manifest's back; sealed, its `mag` was 1.1.
    async fn set_source_mag(&self, mag: &str) {
        let update = format!("UPDATE sky__7.Object_1__1 SET mag = {mag} WHERE id = 1");
        self.source.sql().await.query_drop(update).await.unwrap();
    }

    pub fn request(&self, id: &str) -> StartCopy {
        let ddl = |part, create: &str| CopyDdl {
            database: "sky__7".into(),
            part,
            create: create.into(),
        };
        let worker = |setup: &Setup| setup.worker.agent.require_identity().unwrap().worker;
        let between = (worker(&self.source), worker(&self.target));
        StartCopy {
            term: TERM,
            id: id.into(),
            source: self.source.worker.base(),
            tables: self.archive.ordered(between, &self.rows),
            placement_epoch: 1,
            creates: vec![ddl(TablePart::Home, HOME), ddl(TablePart::Overlap, OVERLAP)],
        }
    }

    pub async fn copy(&self, request: &StartCopy) -> CopyStatus {
        let operator = &self.target.operator;
        operator.copy(request).await.unwrap();
        loop {
            let status = operator.copy_status(&request.id).await.unwrap();
            if status.left == 0 || status.error.is_some() {
                return status;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// The source as the target's agent calls it.
    fn target_at_source(&self) -> AgentClient {
        let agents = self.archive.agents_of(2);
        agents.at(&self.source.worker.base()).unwrap()
    }

    /// Has the target drop a table, by right of a catalog of this epoch.
    async fn drop(&self, placement_epoch: u64) -> Result<Dropped, CallError> {
        let drop = Drop {
            term: TERM,
            placement_epoch,
            tables: vec![("sky__7".into(), "Object_1__1".into())],
            databases: Vec::new(),
        };
        self.target.operator.drop(&drop).await
    }

    async fn manifest(&self) -> Vec<ManifestRow> {
        let first = PageQuery::default();
        self.target.operator.manifest(&first).await.unwrap().rows
    }

    /// Nothing of a copy is left on the target.
    async fn assert_clean(&self) {
        assert_eq!(self.manifest().await, []);
        let tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema IN ('sky__7', 'orrery_copy')";
        assert_eq!(self.target.number(tables).await, 0);
        let directory = self.target.worker.mysqld.data_dir().join("orrery_copy");
        let files = std::fs::read_dir(directory).map_or(0, |entries| {
            entries
                .filter(|entry| entry.as_ref().unwrap().file_name() != "db.opt")
                .count()
        });
        assert_eq!(files, 0);
    }
}

#[tokio::test]
async fn a_copy_holds_the_same_rows_and_is_entered_sealed() {
    let pair = pair().await;
    let status = pair.copy(&pair.request("c")).await;
    assert_eq!(status.error, None);
    assert_eq!(status.done.len(), 3);
    assert!(status.done.iter().all(|row| row.state == RowState::Sealed));
    assert!(status.done.iter().all(|row| {
        pair.rows
            .iter()
            .any(|wanted| wanted.table == row.table && row.same_rows(wanted))
    }));
    assert_eq!(pair.manifest().await.len(), 3);
    assert_eq!(
        pair.target
            .number("SELECT COUNT(*) FROM sky__7.Object_1__1 WHERE mag = CAST(1.1 AS FLOAT)")
            .await,
        1
    );
    // The same name asks for the same copy, another name finds the tables there.
    assert_eq!(pair.copy(&pair.request("c")).await, status);
    assert_eq!(pair.copy(&pair.request("d")).await.done.len(), 3);
    let mut other = pair.request("c");
    other.tables.pop();
    assert_eq!(reason(pair.target.operator.copy(&other).await), "Conflict");
}

/// The operator learns of the end without asking again and again.
#[tokio::test]
async fn a_copy_that_is_asked_for_answers_when_it_has_ended() {
    let pair = pair().await;
    let request = pair.request("c");
    let (began, mut asked) = (std::time::Instant::now(), 0);
    while pair.target.operator.copy(&request).await.unwrap().left > 0 {
        asked += 1;
    }
    let seconds = began.elapsed().as_secs();
    assert!(asked <= seconds, "asked {asked} times in {seconds} s");
    let mut failing = pair.request("d");
    failing.source = "https://127.0.0.1:1".into();
    failing
        .tables
        .retain(|table| table.row.table == "Object_1__1");
    failing.tables[0].row.rows += 1;
    let failed = pair.target.operator.copy(&failing).await.unwrap();
    assert!(failed.error.is_some(), "{failed:?}");
}

/// Who has taken over a worker has its certificate, the public keys, and the orders that were meant
/// for it.
#[tokio::test]
async fn a_worker_reads_no_table_of_another_without_an_order_of_the_operator() {
    let pair = pair().await;
    let (archive, table) = (&pair.archive, ("sky__7", "Object_1__1"));
    let source = pair.target_at_source();
    let export = async |order: &ExportOrder| source.export(table.0, table.1, order).await;
    let order = |between, table, until| archive.export_order(ARCHIVE_UID, between, table, until);
    let ours = (1, 2);
    let valid = order(ours, table, i64::MAX);
    let own_key = SigningKey::generate().unwrap();
    let refused = [
        ExportOrder::sign(&own_key, ARCHIVE_UID, ours, table, i64::MAX),
        archive.export_order("another archive", ours, table, i64::MAX),
        order((3, 2), table, i64::MAX),
        order((1, 3), table, i64::MAX),
        order(ours, ("sky__7", "Object_2__1"), i64::MAX),
        order(ours, table, 1_700_000_000),
        ExportOrder {
            until: i64::MAX,
            ..order(ours, table, 1_700_000_000)
        },
        ExportOrder {
            source: 1,
            ..order((3, 2), table, i64::MAX)
        },
        ExportOrder {
            target: 2,
            ..order((1, 3), table, i64::MAX)
        },
        ExportOrder {
            signature: String::new(),
            ..valid.clone()
        },
    ];
    for order in &refused {
        let error = export(order).await.err().unwrap();
        assert_eq!(reason(Err::<(), _>(error)), "Forbidden", "{order:?}");
    }
    drop(export(&valid).await.unwrap());
}

/// Orders pass through the hands of the worker that they are for. With another worker's
/// certificate, or with one that names no worker, they are worth nothing.
#[tokio::test]
async fn an_order_serves_no_other_worker_than_the_one_it_names() {
    let pair = pair().await;
    let (database, table) = ("sky__7", "Object_1__1");
    let order = (pair.archive).export_order(ARCHIVE_UID, (1, 2), (database, table), i64::MAX);
    let base = pair.source.worker.base();
    let (named, nameless) = (pair.archive.agents_of(3), pair.archive.agents(Role::Agent));
    for other in [named, nameless] {
        let export = other.at(&base).unwrap();
        let refused = export.export(database, table, &order).await.err().unwrap();
        assert_eq!(refused.reason(), Some("Forbidden"), "{refused}");
    }
    let rightful = pair.target_at_source();
    drop(rightful.export(database, table, &order).await.unwrap());
}

/// A drop decided before a copy was asked for must not take what the copy found there.
#[tokio::test]
async fn a_drop_leaves_what_a_later_copy_relies_on() {
    let pair = pair().await;
    let asked = |id: &str, placement_epoch| StartCopy {
        placement_epoch,
        ..pair.request(id)
    };
    pair.copy(&asked("c", 4)).await;
    assert_eq!(reason(pair.drop(3).await), "EpochTooLow");
    pair.copy(&asked("again", 6)).await;
    assert_eq!(reason(pair.drop(5).await), "EpochTooLow");
    assert_eq!(pair.drop(7).await.unwrap().gone.len(), 1);
    // What was dropped is copied again, whatever was known of that copy.
    let status = pair.copy(&asked("c", 8)).await;
    assert_eq!((status.error, status.done.len()), (None, 3));
    let count = "SELECT COUNT(*) FROM sky__7.Object_1__1";
    assert_eq!(pair.target.number(count).await, 2);
}

#[tokio::test]
async fn a_copied_table_survives_a_restart_and_can_be_copied_on() {
    let mut pair = pair().await;
    pair.copy(&pair.request("c")).await;
    pair.target.worker.mysqld.kill();
    pair.target.worker.mysqld.come_up().unwrap();
    assert_eq!(
        pair.target
            .number("SELECT COUNT(*) FROM sky__7.Object_1__1")
            .await,
        2
    );
    let third = with_archive(&pair.archive, Worker::start(&pair.archive, 3).await);
    let onward = Pair {
        source: pair.target,
        target: third,
        ..pair
    };
    // The agent may not have noticed yet that its connections were to the mysqld that was killed, or
    // not yet have others: then the copy is asked for again, as the operator does.
    let copied = loop {
        if onward.source.worker.agent.require_identity().is_ok() {
            let status = onward.copy(&onward.request("c")).await;
            let error = status.error.as_deref().unwrap_or_default();
            if !error.contains("MysqldNotReady") {
                break status;
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    assert_eq!(copied.error, None);
}

#[tokio::test]
async fn a_source_that_differs_from_its_manifest_is_not_believed() {
    let pair = pair().await;
    pair.set_source_mag("1.2").await;
    let status = pair.copy(&pair.request("c")).await;
    assert!(
        status
            .error
            .unwrap()
            .contains("sky__7.Object_1__1 must have 2 rows with checksum")
    );
    assert_eq!(
        pair.manifest()
            .await
            .iter()
            .filter(|row| row.table == "Object_1__1")
            .count(),
        0
    );
    let moved = "SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'Object_1__1'";
    assert_eq!(pair.target.number(moved).await, 0);
    // Mended, the same copy continues where it was.
    pair.set_source_mag("1.1").await;
    let status = pair.copy(&pair.request("c")).await;
    assert_eq!((status.error, status.done.len()), (None, 3));
}

/// docs/design/ingest.md#replicas-that-are-behind: a worker whose loader went on without it sealed
/// what it had, is behind, and gets the rows from another.
#[tokio::test]
async fn what_was_sealed_without_its_rows_is_replaced_by_the_verified_copy() {
    let pair = pair().await;
    pair.target.open(&attempt(1)).await.unwrap();
    let empty = pair.target.seal(1).await.unwrap();
    assert!(empty.iter().all(|row| row.rows == 0));
    let status = pair.copy(&pair.request("c")).await;
    assert_eq!((status.error, status.done.len()), (None, pair.rows.len()));
    let count = "SELECT COUNT(*) FROM sky__7.Object_1__1";
    assert_eq!(pair.target.number(count).await, 2);
    let held = pair.manifest().await;
    assert_eq!(held.len(), pair.rows.len());
    for row in &pair.rows {
        assert!(
            held.iter()
                .any(|held| held.same_rows(row) && held.state == RowState::Sealed)
        );
    }
}

/// The table that stands there serves until its replacement is verified.
#[tokio::test]
async fn a_table_stays_when_the_copy_that_was_to_replace_it_is_wrong() {
    let pair = pair().await;
    pair.target.open(&attempt(1)).await.unwrap();
    pair.target
        .load(1, &part(0), "1\ta\t1.1\t1\n")
        .await
        .unwrap();
    pair.target.seal(1).await.unwrap();
    pair.set_source_mag("1.2").await;
    let error = pair.copy(&pair.request("c")).await.error.unwrap();
    assert!(
        error.contains("sky__7.Object_1__1 must have 2 rows with checksum"),
        "{error}"
    );
    let count = "SELECT COUNT(*) FROM sky__7.Object_1__1";
    assert_eq!(pair.target.number(count).await, 1);
}

#[tokio::test]
async fn another_definition_at_the_source_is_refused() {
    let pair = pair().await;
    let mut request = pair.request("c");
    for ddl in &mut request.creates {
        ddl.create = ddl.create.replace("VARCHAR(64)", "VARCHAR(65)");
    }
    let error = pair.copy(&request).await.error.unwrap();
    assert!(
        error.contains("cannot be imported") || error.contains("is defined otherwise"),
        "{error}"
    );
    pair.assert_clean().await;
}

#[tokio::test]
async fn a_flipped_byte_on_the_sources_disk_is_found() {
    let mut pair = pair().await;
    assert!(pair.source.worker.mysqld.shut_down().unwrap());
    let path = pair
        .source
        .worker
        .mysqld
        .data_dir()
        .join("sky__7/Object_1__1.ibd");
    let mut bytes = std::fs::read(&path).unwrap();
    let place = bytes
        .windows(10)
        .position(|window| window == b"supremum\x01a" || window.starts_with(b"supremum"))
        .unwrap()
        + 20;
    bytes[place] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    pair.source.worker.mysqld.come_up().unwrap();
    while pair.source.worker.agent.require_mysqld().is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    pair.rows.retain(|row| row.table == "Object_1__1");
    let status = pair.copy(&pair.request("c")).await;
    assert!(status.error.is_some());
    pair.assert_clean().await;
}

#[tokio::test]
async fn a_reader_that_goes_away_leaves_the_table_unlocked() {
    let pair = pair().await;
    let agent = pair.target_at_source();
    let (database, table) = ("sky__7", "Object_1__1");
    let order = (pair.archive).export_order(ARCHIVE_UID, (1, 2), (database, table), i64::MAX);
    for _ in 0..3 {
        drop(agent.export(database, table, &order).await.unwrap());
    }
    // A locked table would refuse this until lock_wait_timeout.
    pair.source
        .sql()
        .await
        .query_drop("INSERT INTO sky__7.Object_1__1 (id) VALUES (9)")
        .await
        .unwrap();
}

#[tokio::test]
async fn only_tables_of_the_manifest_are_exported_whatever_was_ordered() {
    let pair = pair().await;
    let agent = pair.target_at_source();
    for (database, table, wanted) in [
        ("orrery_control", "manifest", "NotFound"),
        ("mysql", "global_priv", "NotFound"),
        ("x", "a/b", "BadRequest"),
    ] {
        let order = (pair.archive).export_order(ARCHIVE_UID, (1, 2), (database, table), i64::MAX);
        let refused = agent.export(database, table, &order).await.err().unwrap();
        assert_eq!(refused.reason(), Some(wanted), "{database}.{table}");
    }
}

#[tokio::test]
async fn a_source_that_is_away_fails_the_copy_and_it_can_be_tried_again() {
    let pair = pair().await;
    let mut away = pair.request("c");
    away.source = "https://127.0.0.1:1".into();
    assert!(pair.copy(&away).await.error.is_some());
    pair.assert_clean().await;
    assert_eq!(pair.copy(&pair.request("c")).await.error, None);
}

#[tokio::test]
async fn what_an_unfinished_copy_left_goes_when_the_agent_starts_anew() {
    let pair = pair().await;
    let mut conn = pair.target.sql().await;
    conn.query_drop("CREATE DATABASE orrery_copy")
        .await
        .unwrap();
    conn.query_drop(format!("CREATE TABLE orrery_copy.Object_1__1 {HOME}"))
        .await
        .unwrap();
    conn.query_drop("ALTER TABLE orrery_copy.Object_1__1 DISCARD TABLESPACE")
        .await
        .unwrap();
    let directory = pair.target.worker.mysqld.data_dir().join("orrery_copy");
    std::fs::write(directory.join("Object_1__1.ibd"), b"half a file").unwrap();
    std::fs::write(directory.join("Object_1__1.cfg"), b"half a file").unwrap();
    let config = pair.target.worker.agent.config.clone();
    let mysqld = pair.target.worker.stop_agent().await;
    let target = with_archive(&pair.archive, Worker::start_with(mysqld, config).await);
    target.worker.ready().await;
    let pair = Pair {
        archive: pair.archive,
        source: pair.source,
        target,
        rows: pair.rows,
    };
    pair.assert_clean().await;
    assert_eq!(pair.copy(&pair.request("c")).await.error, None);
}
