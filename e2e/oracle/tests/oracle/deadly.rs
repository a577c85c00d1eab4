//! A statement that servers die of is sent to one other replica, and to no third.

use std::time::Duration;

use orrery_archive::catalog::TableKey;
use orrery_archive::names::{ChunkId, WorkerId};
use orrery_dev::archive::Shape;
use orrery_oracle::client::{Session, ask_czar};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::Site;
use orrery_wire::Format;

/// Every worker has every chunk.
const EVERYWHERE: Shape = Shape {
    replicas: SHAPE.workers,
    ..SHAPE
};

/// A statement that takes long in one chunk.
fn long(chunk: ChunkId) -> String {
    let joined: Vec<String> = ('b'..='h')
        .map(|name| format!("JOIN Source {name} USING (objectId)"))
        .collect();
    format!(
        "SELECT COUNT(*) FROM Source a {} WHERE a.chunkId = {chunk} AND a.psfFlux * b.psfFlux + c.psfFlux > RAND()",
        joined.join(" ")
    )
}

/// A chunk with rows of every segment of Source.
fn full_chunk(site: &Site) -> ChunkId {
    let segments = &site.archive.catalog.tables[&TableKey::new("sky", "Source")].segments;
    let (first, rest) = segments.split_first().unwrap();
    let mut chunks = first.home.iter();
    let is_full = |chunk: &&ChunkId| rest.iter().all(|segment| segment.home.contains(chunk));
    *chunks.find(is_full).unwrap()
}

/// Waits until the statement runs on a worker, one that lives.
async fn running_on(site: &Site) -> WorkerId {
    const RUNNING: &[u8] = b"SELECT id FROM information_schema.processlist \
        WHERE user = 'orrery_reader' AND command = 'Query'";
    for _ in 0..1_000 {
        for (id, worker) in &site.stack.workers {
            let Ok(mut root) = worker.root().await else {
                continue;
            };
            if !root.query_all(RUNNING).await.unwrap().1.is_empty() {
                return *id;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the statement runs nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_two_workers_were_lost_with_is_not_sent_to_the_third() {
    let mut site = Site::start(EVERYWHERE, &tables(400).unwrap(), &[])
        .await
        .unwrap();
    let sql = long(full_chunk(&site));
    let mut czar = site.connect_czar().await.unwrap();
    let asked =
        tokio::spawn(async move { ask_czar(&mut czar, Session::ANN, Format::Text, &sql).await });
    let mut lost = Vec::new();
    for _ in 0..2 {
        let id = running_on(&site).await;
        site.stack.workers.get_mut(&id).unwrap().kill();
        lost.push(id);
    }
    let told = tokio::time::timeout(Duration::from_secs(20), asked).await;
    let error = told.unwrap().unwrap().unwrap().unwrap_err();
    lost.sort_unstable();
    assert!(
        error
            .message
            .contains(&format!("workers {lost:?} were lost"))
            && error.message.contains("not sent to others"),
        "{error}"
    );
    let mut czar = site.connect_czar().await.unwrap();
    let answer = ask_czar(
        &mut czar,
        Session::ANN,
        Format::Text,
        "SELECT COUNT(*) FROM Object WHERE tiny >= 0",
    )
    .await;
    assert_eq!(
        answer.unwrap().unwrap().rows.len(),
        1,
        "the third still answers"
    );
}
