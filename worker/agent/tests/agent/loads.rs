//! Rows come in once, whole, or not at all.

use bytes::Bytes;
use futures::SinkExt;
use orrery_worker_api::agent::{LoadTarget, TablePart};
use orrery_worker_api::client::Body;
use orrery_worker_api::{CallError, frame};

use super::support::{attempt, framed, part, reason, refusal, setup, until};

pub const STAGED: &str = "SELECT COUNT(*) FROM orrery_staging__1.Object_1__1";
pub const LOADING: &str =
    "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'LOAD DATA%'";

/// To connect takes longer than to load few rows.
#[tokio::test]
async fn loads_one_after_the_other_share_a_session() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    let connections = "SELECT CAST(variable_value AS UNSIGNED) FROM information_schema.global_status \
                       WHERE variable_name = 'CONNECTIONS'";
    let before = setup.number(connections).await;
    for number in 0..20 {
        let row = format!("{number}\ta\t1\t1\n");
        setup.load(1, &part(number), &row).await.unwrap();
    }
    let made = setup.number(connections).await - before;
    assert!(made < 20, "{made} connections for 20 loads");
}

#[tokio::test]
async fn rows_and_their_ledger_row_are_committed_together() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    let loaded = setup
        .load(1, &part(0), "1\ta\\tb\t1.5\t1\n2\t\\N\t\\N\t1\n")
        .await
        .unwrap();
    assert_eq!((loaded.rows, loaded.already), (2, false));
    assert_eq!(setup.number(STAGED).await, 2);
    assert_eq!(
        setup.number("SELECT COUNT(*) FROM orrery_staging__1.Object_1__1 WHERE name = 'a\tb' AND mag = 1.5 AND chunkId = 1").await,
        1
    );
    let ledger = setup.loader.ledger(1).await.unwrap();
    assert_eq!(ledger.parts.len(), 1);
    assert_eq!(
        (&ledger.parts[0].target, ledger.parts[0].rows),
        (&part(0), 2)
    );
    assert_eq!(setup.pipes(), 0);
}

#[tokio::test]
async fn a_part_in_the_ledger_is_not_loaded_again() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    setup.load(1, &part(0), "1\ta\t1\t1\n").await.unwrap();
    let again = setup.load(1, &part(0), "1\ta\t1\t1\n").await.unwrap();
    assert_eq!((again.rows, again.already), (1, true));
    assert_eq!(setup.number(STAGED).await, 1);
}

#[tokio::test]
async fn an_empty_part_is_in_the_ledger_too() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    assert_eq!(setup.load(1, &part(0), "").await.unwrap().rows, 0);
    assert!(setup.load(1, &part(0), "").await.unwrap().already);
}

#[tokio::test]
async fn a_writer_that_dies_inside_a_number_loads_nothing() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    // `30` is what is left of `300`: a valid row to mysqld.
    let rows = "1\ta\t1\t1\n2\tb\t1\t30";
    let cut = [&frame::header(rows.len() as u32)[..], rows.as_bytes()].concat();
    let refused = setup.load_body(1, &part(0), cut).await;
    assert_eq!(reason(refused), "BadStream");
    assert_eq!(setup.number(STAGED).await, 0);
    assert_eq!(setup.pipes(), 0);
    assert_eq!(
        setup
            .load(1, &part(0), "1\ta\t1\t1\n2\tb\t1\t300\n")
            .await
            .unwrap()
            .rows,
        2
    );
}

#[tokio::test]
async fn fewer_rows_or_bytes_than_announced_load_nothing() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    let rows = "1\ta\t1\t1\n";
    for end in [frame::end(2, rows.len() as u64), frame::end(1, 3)] {
        let body = [&frame::header(rows.len() as u32)[..], rows.as_bytes(), &end].concat();
        setup.load_body(1, &part(0), body).await.unwrap_err();
        assert_eq!(setup.number(STAGED).await, 0);
    }
}

#[tokio::test]
async fn a_loader_cut_off_leaves_no_load_behind_and_mysqld_shuts_down() {
    let mut setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    let (mut sender, receiver) = futures::channel::mpsc::channel::<std::io::Result<Bytes>>(1);
    let sending = tokio::spawn(setup.load_body(1, &part(0), Body::wrap_stream(receiver)));
    let rows = "1\ta\t1\t1\n2\tb\t1\t30";
    sender
        .send(Ok([&frame::header(1000)[..], rows.as_bytes()]
            .concat()
            .into()))
        .await
        .unwrap();
    until(&setup.worker.mysqld, LOADING, 1).await;
    sending.abort();
    drop(sender);
    until(&setup.worker.mysqld, LOADING, 0).await;
    until(
        &setup.worker.mysqld,
        // Of connections: a transaction that ended may stay listed as one of connection 0, without
        // locks.
        "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id <> 0",
        0,
    )
    .await;
    assert_eq!(setup.number(STAGED).await, 0);
    assert_eq!(setup.pipes(), 0);
    assert!(
        setup.worker.mysqld.shut_down().unwrap(),
        "mysqld hangs: {}",
        setup.worker.mysqld.log()
    );
}

#[tokio::test]
async fn bad_rows_are_refused_as_mysqld_names_them() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    for (rows, part_of_message) in [
        ("1\ta\t1\t1\n1\tb\t1\t1\n", "Duplicate entry '1'"),
        ("1\ta\t1\t1\nx\tb\t1\t1\n", "Incorrect integer value: 'x'"),
        ("1\ta\t1\n", "doesn't contain data for all columns"),
        ("1\ta\t1\t1\t5\n", "more data than there were input columns"),
        ("99999999999999999999\ta\t1\t1\n", "Out of range"),
        ("1\t\u{fffd}\t1e99\t1\n", "Out of range"),
    ] {
        let (status, reason, message) = refusal(setup.load(1, &part(0), rows).await);
        assert_eq!((status, reason.as_str()), (422, "BadRow"), "{message}");
        assert!(message.contains(part_of_message), "{message}");
        assert_eq!(setup.number(STAGED).await, 0);
    }
    assert_eq!(
        setup
            .number("SELECT COUNT(*) FROM orrery_control.ledger")
            .await,
        0
    );
}

#[tokio::test]
async fn text_that_is_not_of_the_columns_charset_is_refused() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    let rows = b"1\t\xff\t1\t1\n";
    let body = [
        &frame::header(rows.len() as u32)[..],
        rows,
        &frame::end(1, rows.len() as u64),
    ]
    .concat();
    assert_eq!(reason(setup.load_body(1, &part(0), body).await), "BadRow");
}

#[tokio::test]
async fn rows_that_mysqld_refuses_early_are_told_to_a_loader_that_is_still_sending() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    let many = "1\ta\t1\t1\n".repeat(500_000);
    assert_eq!(reason(setup.load(1, &part(0), &many).await), "BadRow");
}

#[tokio::test]
async fn many_rows_pass_whole() {
    use std::fmt::Write;
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    let mut rows = String::new();
    for id in 0..200_000 {
        writeln!(rows, "{id}\tname of {id}\t0.5\t1").unwrap();
    }
    assert_eq!(setup.load(1, &part(0), &rows).await.unwrap().rows, 200_000);
    assert_eq!(
        setup
            .number("SELECT CAST(SUM(id) AS UNSIGNED) FROM orrery_staging__1.Object_1__1")
            .await,
        19_999_900_000
    );
}

#[tokio::test]
async fn parts_load_side_by_side() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    let rows: Vec<String> = (0..8).map(|id| format!("{id}\ta\t1\t1\n")).collect();
    let targets: Vec<LoadTarget> = (0..8).map(part).collect();
    let loads = rows
        .iter()
        .zip(&targets)
        .map(|(rows, target)| setup.load(1, target, rows));
    for loaded in futures::future::join_all(loads).await {
        assert_eq!(loaded.unwrap().rows, 1);
    }
    assert_eq!(setup.number(STAGED).await, 8);
}

#[tokio::test]
async fn opening_again_does_not_wait_for_a_load_in_progress() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    let (mut sender, receiver) = futures::channel::mpsc::channel::<std::io::Result<Bytes>>(1);
    let loading = tokio::spawn(setup.load_body(1, &part(0), Body::wrap_stream(receiver)));
    let whole = framed("1\ta\t1\t1\n");
    let (now, later) = whole.split_at(whole.len() - 3);
    sender.send(Ok(Bytes::copy_from_slice(now))).await.unwrap();
    until(&setup.worker.mysqld, LOADING, 1).await;
    setup.open(&attempt(1)).await.unwrap();
    assert_eq!(
        reason(setup.load(1, &part(0), "1\ta\t1\t1\n").await),
        "Busy"
    );
    setup.load(1, &part(1), "2\ta\t1\t1\n").await.unwrap();
    sender
        .send(Ok(Bytes::copy_from_slice(later)))
        .await
        .unwrap();
    drop(sender);
    loading.await.unwrap().unwrap();
    assert_eq!(setup.number(STAGED).await, 2);
}

#[tokio::test]
async fn unknown_attempts_and_tables_are_named() {
    let setup = setup().await;
    assert_eq!(reason(setup.load(1, &part(0), "").await), "NotFound");
    setup.open(&attempt(1)).await.unwrap();
    let elsewhere = LoadTarget {
        part: TablePart::Overlap,
        chunk: 2,
        file: 0,
        file_part: 0,
    };
    let (_, reason, message) = refusal(setup.load(1, &elsewhere, "").await);
    assert_eq!(reason, "NotFound");
    assert!(message.contains("no overlap table of chunk 2"), "{message}");
}

#[tokio::test]
async fn a_zombie_loader_adds_no_row_after_the_seal() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    setup.load(1, &part(0), "1\ta\t1\t1\n").await.unwrap();
    // One LOAD hangs in the middle while the seal comes, one comes later.
    let (mut sender, receiver) = futures::channel::mpsc::channel::<std::io::Result<Bytes>>(1);
    let zombie = tokio::spawn(setup.load_body(1, &part(1), Body::wrap_stream(receiver)));
    let whole = framed("2\tb\t1\t1\n");
    let (now, later) = whole.split_at(whole.len() - 3);
    sender.send(Ok(Bytes::copy_from_slice(now))).await.unwrap();
    until(&setup.worker.mysqld, LOADING, 1).await;
    let rows = setup.seal(1).await.unwrap();
    sender.send(Ok(Bytes::copy_from_slice(later))).await.ok();
    drop(sender);
    match zombie.await.unwrap() {
        Err(CallError::Unreachable(_)) => {}
        Err(CallError::Refused { status, .. }) => assert_eq!(status.as_u16(), 409),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        reason(setup.load(1, &part(2), "3\tc\t1\t1\n").await),
        "Sealed"
    );
    assert_eq!(
        rows.iter()
            .find(|row| row.table == "Object_1__1")
            .unwrap()
            .rows,
        1
    );
    assert_eq!(
        setup
            .number("SELECT COUNT(*) FROM sky__7.Object_1__1")
            .await,
        1
    );
}

#[tokio::test]
async fn a_discarded_attempt_is_gone_and_its_number_used_up() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    setup.load(1, &part(0), "1\ta\t1\t1\n").await.unwrap();
    setup.discard(1).await.unwrap();
    setup.discard(1).await.unwrap();
    assert_eq!(
        reason(setup.load(1, &part(1), "2\ta\t1\t1\n").await),
        "Sealed"
    );
    assert_eq!(reason(setup.open(&attempt(1)).await), "Sealed");
    setup.discard(2).await.unwrap();
    assert_eq!(reason(setup.open(&attempt(2)).await), "Sealed");
    let left =
        "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name LIKE 'orrery_staging%'";
    assert_eq!(setup.number(left).await, 0);
}
