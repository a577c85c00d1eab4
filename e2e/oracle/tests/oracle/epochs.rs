//! Rules of dataEpochs (docs/design/catalog.md#epochs): a statement keeps the one it was planned
//! with, a session never sees an older one again.

use std::time::Duration;

use orrery_archive::catalog::{Catalog, TableKey};
use orrery_archive::names::CZAR_ACCOUNT;
use orrery_czar_protocol::answer::data_epoch;
use orrery_dev::stack::INTERNAL_PASSWORD;
use orrery_oracle::client::{Session, ask_czar, ask_plain};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::{Site, connect_proxy};
use orrery_wire::client::{ClientConnection, ClientOptions, Endpoint, Next, Response};
use orrery_wire::{Format, Value};

/// Objects; each of the three segments has some.
const OBJECTS: usize = 240;

/// A catalog without the last segment of Object and of its index, at another dataEpoch.
fn without_last_segment(site: &Site, data: u64) -> (Catalog, usize) {
    let mut catalog = site.archive.catalog.clone();
    catalog.epochs.data = data;
    let table = catalog
        .tables
        .get_mut(&TableKey::new("sky", "Object"))
        .unwrap();
    let rows = table.segments.pop().unwrap().rows;
    (catalog, OBJECTS - usize::try_from(rows).unwrap())
}

/// The site's catalog at another dataEpoch.
pub(super) fn at(site: &Site, data: u64) -> Catalog {
    let mut catalog = site.archive.catalog.clone();
    catalog.epochs.data = data;
    catalog
}

/// Waits until new statements are answered with a dataEpoch.
async fn until(czar: &mut ClientConnection, data: u64) {
    let epoch = Value::Bytes(data.to_string().into_bytes());
    loop {
        let explained = ask_czar(
            czar,
            Session::ANN,
            Format::Text,
            "EXPLAIN SELECT ra FROM Object",
        )
        .await;
        let rows = explained.unwrap().unwrap().rows;
        if rows
            .iter()
            .any(|row| row[0] == Value::Bytes(b"dataEpoch".to_vec()) && row[1] == epoch)
        {
            return;
        }
    }
}

/// Runs a statement; the rows and the dataEpoch that the end of the answer names.
async fn with_epoch(address: String, sql: &'static str) -> (Vec<bytes::Bytes>, u64) {
    let options = ClientOptions {
        user: CZAR_ACCOUNT.to_owned(),
        password: INTERNAL_PASSWORD.to_owned(),
        session_track: true,
        ..ClientOptions::default()
    };
    let mut czar = ClientConnection::connect(&Endpoint::Tcp(address), &options)
        .await
        .unwrap();
    let response = czar
        .query_with_attributes(sql.as_bytes(), &Session::ANN.question().attributes())
        .await
        .unwrap();
    assert!(matches!(response, Response::Rows(_)));
    let mut rows = Vec::new();
    loop {
        match czar.next_row().await.unwrap() {
            Next::Row(row) => rows.push(row),
            Next::End(end) => return (rows, data_epoch(&end).unwrap()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_or_a_revoke_in_the_middle_of_a_statement_changes_nothing_of_its_answer() {
    const STREAM: &str = "SELECT objectId FROM Object";
    const GROUPS: &str = "SELECT run, COUNT(*) FROM Object GROUP BY run";
    const ORDERED: &str = "SELECT objectId FROM Object ORDER BY 1";
    let site = Site::start(
        SHAPE,
        &tables(i64::try_from(OBJECTS).unwrap()).unwrap(),
        &["--scan-per-worker=1"],
    )
    .await
    .unwrap();
    let mut side = site.connect_czar().await.unwrap();
    let (revoked, fewer) = without_last_segment(&site, 2);
    assert!(fewer > 0 && fewer < OBJECTS);
    let steps = [(OBJECTS, 1, revoked, 2), (fewer, 2, at(&site, 3), 3)];
    for (rows, epoch, next, next_epoch) in steps {
        let holders = hold_a_chunk(&site).await;
        let running =
            [STREAM, GROUPS, ORDERED].map(|sql| tokio::spawn(with_epoch(site.czar.clone(), sql)));
        tokio::time::sleep(Duration::from_millis(300)).await;
        site.stack.publish(&next, &site.users).unwrap();
        until(&mut side, next_epoch).await;
        // So long that the statements that wait are given up and sent again.
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert!(
            running.iter().all(|statement| !statement.is_finished()),
            "all are in the middle"
        );
        drop(holders);
        let [stream, groups, ordered] = running;
        for (kind, statement) in [("streamed", stream), ("ordered", ordered)] {
            let (given, of) = statement.await.unwrap();
            assert_eq!((given.len(), of), (rows, epoch), "{kind}");
        }
        let (given, of) = groups.await.unwrap();
        assert_eq!(of, epoch);
        let count = |row: &bytes::Bytes| {
            let cells: Vec<_> = orrery_wire::value::TextCells::new(row)
                .map(Result::unwrap)
                .collect();
            std::str::from_utf8(cells[1].unwrap())
                .unwrap()
                .parse::<usize>()
                .unwrap()
        };
        assert_eq!(given.iter().map(count).sum::<usize>(), rows, "grouped");
    }
    let (given, of) = with_epoch(site.czar.clone(), STREAM).await;
    assert_eq!(
        (given.len(), of),
        (OBJECTS, 3),
        "what begins later sees the publish"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_never_sees_an_older_data_epoch_across_two_czars() {
    let site = Site::start(
        SHAPE,
        &tables(i64::try_from(OBJECTS).unwrap()).unwrap(),
        &[],
    )
    .await
    .unwrap();
    let (old, fewer) = without_last_segment(&site, 2);
    site.stack.publish(&old, &site.users).unwrap();
    let mut ahead = site.connect_czar().await.unwrap();
    until(&mut ahead, 2).await;
    // The other czar follows a file that is no longer written. Of idle czars a proxy takes that
    // with the lowest address.
    let frozen = site.folder.path().join("frozen.json");
    std::fs::copy(site.stack.snapshot(), &frozen).unwrap();
    let shadow = site.start_shadow().await.unwrap();
    let behind = site
        .start_czar_beside("127.0.0.2", &frozen, &shadow, &[])
        .await
        .unwrap();
    site.stack.publish(&at(&site, 3), &site.users).unwrap();
    until(&mut ahead, 3).await;
    let proxy = site.start_proxy(&[&site.czar, &behind]).await.unwrap();

    let mut ann = connect_proxy(&proxy, "ann", Some("sky")).await.unwrap();
    assert_eq!(
        count(&mut ann).await,
        OBJECTS,
        "the czar that is ahead answers"
    );
    // From now on it is the busier one.
    let holders = hold_a_chunk(&site).await;
    let busy = tokio::spawn({
        let mut dan = connect_proxy(&proxy, "dan", Some("sky")).await.unwrap();
        async move { ask_plain(&mut dan, Format::Text, "SELECT objectId FROM Object").await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut fresh = connect_proxy(&proxy, "dan", Some("sky")).await.unwrap();
    assert_eq!(
        count(&mut fresh).await,
        fewer,
        "the czar that is behind answers new sessions"
    );
    for _ in 0..2 {
        assert_eq!(
            count(&mut ann).await,
            OBJECTS,
            "an older answer after a newer one"
        );
    }
    assert!(!busy.is_finished());
    drop(holders);
    assert_eq!(busy.await.unwrap().unwrap().unwrap().rows.len(), OBJECTS);
}

/// `COUNT(*)` of Object, which czars know from their catalog.
async fn count(connection: &mut ClientConnection) -> usize {
    let answer = ask_plain(connection, Format::Text, "SELECT COUNT(*) FROM Object").await;
    match &answer.unwrap().unwrap().rows[0][0] {
        Value::Bytes(count) => std::str::from_utf8(count).unwrap().parse().unwrap(),
        other => panic!("{other:?} is no count"),
    }
}

/// Keeps readers out of a table of Object's first segment wherever it is held, as long as the
/// connections live.
async fn hold_a_chunk(site: &Site) -> Vec<ClientConnection> {
    let object = &site.archive.catalog.tables[&TableKey::new("sky", "Object")];
    let end = format!("__{}", object.segments[0].attempt);
    let of_object = |name: &str| name.starts_with("Object_") && name.ends_with(&end);
    let mut tables = site.archive.tables.iter();
    let table = tables
        .find(|table| table.database.starts_with("sky__") && of_object(&table.table))
        .unwrap();
    let lock = format!("LOCK TABLES `{}`.`{}` WRITE", table.database, table.table);
    let mut holders = Vec::new();
    for worker in &table.workers {
        let mut holder = site.stack.workers[worker].root().await.unwrap();
        holder.run(lock.as_bytes()).await.unwrap();
        holders.push(holder);
    }
    holders
}
