//! A czar that is told to stop: what runs may end, new statements go elsewhere, and what still runs
//! at the end of the grace period is told why it ends.

use std::time::{Duration, Instant};

use orrery_czar_protocol::Question;
use orrery_kit::port;
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::process::Part;
use orrery_oracle::site::{Site, connect_czar};
use orrery_wire::client::{ClientConnection, ClientError};

use super::interrupts::crowded;

/// A statement that runs the longer, the more neighbours of a source it takes.
fn long(object: &str, neighbours: usize) -> String {
    let joins: Vec<String> = (0..neighbours)
        .map(|number| format!("JOIN Source n{number} USING (objectId)"))
        .collect();
    let joins = joins.join(" ");
    format!(
        "SELECT COUNT(*) FROM Source a {joins} WHERE a.objectId = {object} AND a.psfFlux * n0.psfFlux > RAND()"
    )
}

async fn ask(czar: &mut ClientConnection, sql: &str) -> Result<usize, ClientError> {
    let question = Question {
        user: "ann",
        database: Some("sky"),
        ..Question::default()
    };
    czar.query_with_attributes(sql.as_bytes(), &question.attributes())
        .await?;
    let mut rows = 0;
    while let orrery_wire::client::Next::Row(_) = czar.next_row().await? {
        rows += 1;
    }
    Ok(rows)
}

/// A statement that takes some seconds here.
async fn some_seconds(site: &Site) -> String {
    let object = crowded(site);
    let mut czar = site.connect_czar().await.unwrap();
    for neighbours in 4.. {
        let sql = long(&object, neighbours);
        let started = Instant::now();
        ask(&mut czar, &sql).await.unwrap();
        if started.elapsed() > Duration::from_secs(3) {
            return sql;
        }
    }
    unreachable!("each neighbour multiplies the work");
}

/// A czar as a process of its own, with this grace period.
async fn czar(site: &Site, grace: u64) -> (Part, String) {
    let local = || format!("127.0.0.1:{}", port::reserve().unwrap());
    let address = local();
    let stack = &site.stack;
    let flags = [
        format!("--listen={address}"),
        format!("--admin-listen={}", local()),
        "--without-cluster".to_owned(),
        "--without-tls".to_owned(),
        format!("--snapshot={}", stack.snapshot().display()),
        format!("--passwords={}", stack.passwords().display()),
        format!("--shadow-socket={}", stack.shadow.socket().display()),
        "--shadow-user=root".to_owned(),
        format!("--spool={}", site.folder.path().join("drain").display()),
        format!("--grace-seconds={grace}"),
    ];
    let part = Part::start(env!("CARGO_BIN_EXE_orrery-oracle-part"), "czar", &flags).unwrap();
    for _ in 0..600 {
        if let Ok(mut czar) = connect_czar(&address).await
            && ask(&mut czar, "SELECT 1").await.is_ok()
        {
            return (part, address);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the czar does not come up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_czar_that_stops_lets_statements_end_and_tells_those_that_outlive_its_grace() {
    let site = Site::start(SHAPE, &tables(200).unwrap(), &[])
        .await
        .unwrap();
    let sql = some_seconds(&site).await;
    for (grace, survives) in [(60, true), (1, false)] {
        let (mut part, address) = czar(&site, grace).await;
        let mut running = connect_czar(&address).await.unwrap();
        let mut late = connect_czar(&address).await.unwrap();
        let sql = sql.clone();
        let outcome = tokio::spawn(async move { ask(&mut running, &sql).await });
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(!outcome.is_finished());
        part.terminate().unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let refused = ask(&mut late, "SELECT 1").await;
        assert!(
            matches!(&refused, Err(ClientError::Server(error)) if error.code == 1053),
            "{refused:?}"
        );
        match outcome.await.unwrap() {
            Ok(rows) => assert!(survives && rows == 1, "{rows}"),
            Err(ClientError::Server(error)) => {
                assert!(!survives && error.code == 1053, "{error}");
                assert!(error.message.contains("grace period"), "{error}");
            }
            Err(error) => panic!("{error}"),
        }
        assert!(part.ends_well(Duration::from_secs(10)).unwrap());
    }
}
