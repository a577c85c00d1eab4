//! The loader's memory does not follow the size of files.
//!
//! `ROWS=200000 cargo test --release -p orrery-loader --test loader memory -- --include-ignored --nocapture`
//! prints the figures, also for a file of a hundred times as many rows.

use std::fmt::Write as _;

use crate::common::cluster::*;
use crate::common::program::Program;
use crate::common::*;
use orrery_archive::catalog::AcceptedTable;
use orrery_archive::ingest::IngestSource;
use orrery_worker_api::loader::LoaderStep;
use serde_json::json;

/// Rows of the small file, by default: enough to fill the buffers, so that what a larger one takes
/// in addition is what follows the size.
const ROWS: usize = 100_000;
/// Most memory that a larger file may take, as a share of what the small one takes.
const MOST: f64 = 1.15;

fn table() -> AcceptedTable {
    object(&json!({"columns": [
        {"name": "objectId", "type": "BIGINT", "nullable": false},
        {"name": "ra", "type": "DOUBLE"},
        {"name": "decl", "type": "DOUBLE"},
        {"name": "name", "type": "VARCHAR(90)", "charset": "utf8mb4", "collation": "utf8mb4_bin"},
    ]}))
}

/// Rows in no order; the last has the key of the first.
fn file(place: &Place, rows: usize) -> IngestSource {
    let mut text = String::new();
    for row in 0..rows {
        let key = (row + 1) % rows;
        let (x, y) = (row * 7919 % 40_009, row * 104_729 % 40_013);
        let (ra, decl) = (10.0 + x as f64 * 1e-4, 1.0 + y as f64 * 1e-4);
        writeln!(text, "{},{ra},{decl},{row:0>90}", key.max(1)).unwrap();
    }
    place.file(&format!("{rows}.csv"), text)
}

/// The most memory of a loader that surveys `rows` rows, and of another one that sends them.
struct Memory {
    read: u64,
    sent: Option<u64>,
}

async fn memory(cluster: &Cluster, number: u64, rows: usize, send: bool) -> Memory {
    let source = file(&cluster.place, rows);
    let loader = Program::start(&cluster.archive, &cluster.place).await;
    let mut survey = director(table(), vec![source]);
    survey.id = format!("uid/{number}");
    survey.max_rejects = 1;
    loader.api.survey(&survey).await.unwrap();
    let status = operator::until(&loader.api, LoaderStep::Surveyed).await;
    let (summary, surveyed) = (status.summary, status.surveyed.unwrap());
    assert_eq!(
        (summary.rows, summary.duplicates),
        (rows as u64 - 1, 1),
        "a key that stands twice is found, however many stand between"
    );
    let read = loader.peak_memory();
    let mut memory = Memory { read, sent: None };
    if send {
        // The next process finds the survey, and has used no memory for it.
        loader.kill();
        operator::until(&loader.api, LoaderStep::Surveyed).await;
        let numbers = Numbers::of(number);
        cluster
            .open(&table(), "Object", true, &surveyed, numbers)
            .await;
        let load = cluster.load_request(&survey, &surveyed, numbers);
        loader.api.load(&load).await.unwrap();
        operator::until(&loader.api, LoaderStep::Loaded).await;
        memory.sent = Some(loader.peak_memory());
    }
    let kib = |bytes| bytes >> 10;
    println!(
        "{rows} rows: {} KiB to read, {:?} KiB to send",
        kib(memory.read),
        memory.sent.map(kib)
    );
    memory
}

/// Ingests a file of `rows` rows, and others of so many times as many.
async fn compare(rows: usize, factors: &[usize], send: bool) {
    let cluster = Cluster::start(1).await;
    let small = memory(&cluster, 0, rows, send).await;
    for (number, factor) in (1..).zip(factors) {
        let large = memory(&cluster, number, factor * rows, send).await;
        let ratios = [(small.read, large.read)].into_iter();
        for (small, large) in ratios.chain(small.sent.zip(large.sent)) {
            let ratio = large as f64 / small as f64;
            assert!(ratio < MOST, "{factor} times the rows: {ratio:.2}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_ten_times_the_size_takes_no_more_memory_to_read() {
    compare(rows(ROWS), &[10], false).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "sends millions of rows"]
async fn a_file_of_ten_times_the_size_takes_no_more_memory_to_send() {
    compare(rows(ROWS), &[10], true).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "reads ten million rows"]
async fn a_file_of_a_hundred_times_the_size_takes_no_more_memory_to_read() {
    compare(rows(ROWS), &[10, 100], false).await;
}
