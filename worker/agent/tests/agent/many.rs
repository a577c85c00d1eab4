//! What an attempt of many small tables costs: the rows of a small ingest lie in a hundred chunks.

use std::time::{Duration, Instant};

use futures::StreamExt;
use orrery_worker_api::agent::{LoadTarget, OpenAttempt, StagedTable, TablePart};

use super::support::{Setup, attempt, setup};

const CHUNKS: u32 = 132;

pub fn many() -> OpenAttempt {
    let table = |chunk, part| {
        let mark = if part == TablePart::Overlap {
            "FullOverlap"
        } else {
            ""
        };
        StagedTable {
            table: format!("Object{mark}_{chunk}__7"),
            chunk,
            part,
        }
    };
    let parts = [TablePart::Home, TablePart::Overlap];
    let tables = (1..=CHUNKS).flat_map(|chunk| parts.map(|part| table(chunk, part)));
    OpenAttempt {
        tables: tables.collect(),
        ..attempt(7)
    }
}

/// Loads so many rows into each table.
pub async fn load(setup: &Setup, open: &OpenAttempt, rows: u32) {
    let loads = open.tables.iter().map(|table| async {
        let target = LoadTarget {
            part: table.part,
            chunk: table.chunk,
            file: 0,
            file_part: 0,
        };
        let row = |id| format!("{id}\tname\t1.5\t{}\n", table.chunk);
        let rows: String = (0..rows).map(row).collect();
        setup.load(7, &target, &rows).await.unwrap()
    });
    let loaded: Vec<_> = futures::stream::iter(loads)
        .buffer_unordered(8)
        .collect()
        .await;
    assert_eq!(loaded.len(), open.tables.len());
}

/// Five thousand rows over 132 chunks are to be visible within ten seconds on a small cluster,
/// where several workers share a disk; a worker that has one to itself takes a part of that.
#[tokio::test]
async fn an_attempt_of_many_small_tables_takes_seconds() {
    let setup = setup().await;
    let open = many();
    let began = Instant::now();
    setup.open(&open).await.unwrap();
    let opened = began.elapsed();
    load(&setup, &open, 1).await;
    let loaded = began.elapsed();
    let rows = setup.seal(7).await.unwrap();
    let sealed = began.elapsed();
    assert_eq!(rows.len(), open.tables.len());
    assert!(rows.iter().all(|row| row.rows == 1));
    println!("opened {opened:?}, loaded {loaded:?}, sealed {sealed:?}");
    assert!(sealed < Duration::from_secs(60), "{sealed:?}");
}
