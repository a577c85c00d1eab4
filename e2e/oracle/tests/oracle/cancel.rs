//! A statement that no client waits for any more ends on the workers, and only that statement.
//! (Through a proxy: `interrupts.rs`.)

use std::time::Duration;

use orrery_czar_protocol::Question;
use orrery_oracle::client::{Session, ask_czar};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::{Site, connect_czar};
use orrery_wire::client::{ClientConnection, ClientError};
use orrery_wire::command::QueryAttribute;
use orrery_wire::{Format, Value};

/// A statement that takes long in every chunk: a join of a chunk with itself, over and over.
const LONG: &str = "SELECT COUNT(*) FROM Source a JOIN Source b USING (objectId) JOIN Source c USING (objectId) \
     JOIN Source d USING (objectId) JOIN Source e USING (objectId) JOIN Source f USING (objectId) \
     JOIN Source g USING (objectId) JOIN Source h USING (objectId) WHERE a.psfFlux * b.psfFlux + c.psfFlux * d.psfFlux > RAND()";

fn attributes() -> Vec<QueryAttribute> {
    Session::ANN.question().attributes()
}

/// Statements of the reader account that run on any worker.
pub(super) async fn running(site: &Site) -> usize {
    let mut count = 0;
    for worker in site.stack.workers.values() {
        let mut root = worker.root().await.unwrap();
        let sql = b"SELECT id FROM information_schema.processlist WHERE user = 'orrery_reader' AND command IN ('Query', 'Execute')";
        count += root.query_all(sql).await.unwrap().1.len();
    }
    count
}

/// Waits until workers run something, or nothing; fails after a generous time.
pub(super) async fn wait_for_running(site: &Site, some: bool) -> Duration {
    let begun = std::time::Instant::now();
    while (running(site).await > 0) != some {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "workers {} run statements",
            if some { "do not" } else { "still" }
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    begun.elapsed()
}

async fn start_long(site: &Site) -> (u32, tokio::task::JoinHandle<Result<(), ClientError>>) {
    let mut czar = site.connect_czar().await.unwrap();
    let id = czar.connection_id();
    let task = tokio::spawn(async move {
        czar.query_with_attributes(LONG.as_bytes(), &attributes())
            .await?;
        czar.drain().await
    });
    wait_for_running(site, true).await;
    (id, task)
}

async fn kill(site: &Site, id: u32) {
    let mut side: ClientConnection = site.connect_czar().await.unwrap();
    side.run(format!("KILL QUERY {id}").as_bytes())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_statement_and_one_whose_client_has_gone_end_on_every_worker() {
    let site = Site::start(SHAPE, &tables(3000).unwrap(), &[])
        .await
        .unwrap();
    let (id, task) = start_long(&site).await;
    kill(&site, id).await;
    let error = task.await.unwrap().unwrap_err();
    assert_eq!(
        error.server_error().map(|error| error.code),
        Some(1317),
        "{error}"
    );
    wait_for_running(&site, false).await;

    let (_, task) = start_long(&site).await;
    task.abort();
    let _ = task.await;
    wait_for_running(&site, false).await;

    let mut czar = site.connect_czar().await.unwrap();
    let limited = Question {
        max_time: Some(Duration::from_millis(300)),
        ..Session::ANN.question()
    };
    let limited = limited.attributes();
    let error = czar
        .query_with_attributes(LONG.as_bytes(), &limited)
        .await
        .unwrap_err();
    assert_eq!(
        error.server_error().map(|error| error.code),
        Some(1969),
        "{error}"
    );
    wait_for_running(&site, false).await;
    let answer = ask_czar(&mut czar, Session::ANN, Format::Text, "SELECT 1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        answer.rows,
        [[Value::Bytes(b"1".to_vec())]],
        "the connection is usable afterwards"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_of_one_connection_never_end_the_statements_of_another() {
    let site = Site::start(SHAPE, &tables(200).unwrap(), &[])
        .await
        .unwrap();
    let mut victim = site.connect_czar().await.unwrap();
    let id = victim.connection_id();
    let killer = tokio::spawn({
        let mut side = site.connect_czar().await.unwrap();
        async move {
            for _ in 0..2_000 {
                side.run(format!("KILL QUERY {id}").as_bytes())
                    .await
                    .unwrap();
            }
        }
    });
    let mut killed = 0;
    let mut bystander = site.connect_czar().await.unwrap();
    while !killer.is_finished() {
        let outcome = ask_czar(
            &mut victim,
            Session::ANN,
            Format::Text,
            "SELECT ra FROM Object",
        )
        .await
        .unwrap();
        killed += usize::from(outcome.is_err_and(|error| error.code == 1317));
        let answer = ask_czar(
            &mut bystander,
            Session::ANN,
            Format::Text,
            "SELECT ra FROM Object",
        )
        .await
        .unwrap();
        assert_eq!(answer.unwrap().rows.len(), 200);
    }
    killer.await.unwrap();
    assert!(killed > 0, "no kill met the statement");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_for_a_czar_that_has_died_ends_no_statement_of_its_successor() {
    let site = Site::start(SHAPE, &tables(20).unwrap(), &[]).await.unwrap();
    let id = site.connect_czar().await.unwrap().connection_id();
    let successor = site.start_czar(&[]).await.unwrap();
    let mut connections = Vec::new();
    // More than the first czar has had: counted from the same start, one of them would be the one.
    for _ in 0..100 {
        let connection = connect_czar(&successor).await.unwrap();
        assert_ne!(connection.connection_id(), id);
        connections.push(connection);
    }
    let error = connections[0]
        .run(format!("KILL QUERY {id}").as_bytes())
        .await
        .unwrap_err();
    assert_eq!(
        error.server_error().map(|error| error.code),
        Some(1094),
        "{error}"
    );
}
