//! The loader's memory does not follow the size of files.

use std::fmt::Write as _;

use crate::common::program::Program;
use crate::common::*;
use orrery_archive::ingest::IngestSource;
use orrery_kit_worker::Archive;
use orrery_worker_api::loader::LoaderStep;
use serde_json::json;

/// Rows of the small file, by default. The large one has so many that buffers are full and the keys
/// of a hash chunk are too many to be sorted at once.
const ROWS: usize = 30_000;

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

/// The most memory of a loader that surveys `rows` rows.
async fn memory(archive: &Archive, rows: usize) -> u64 {
    let place = Place::new();
    let source = file(&place, rows);
    let loader = Program::start(archive, &place).await;
    let table = object(&json!({"columns": [
        {"name": "objectId", "type": "BIGINT", "nullable": false},
        {"name": "ra", "type": "DOUBLE"},
        {"name": "decl", "type": "DOUBLE"},
        {"name": "name", "type": "VARCHAR(90)", "charset": "utf8mb4", "collation": "utf8mb4_bin"},
    ]}));
    let mut survey = director(table, vec![source]);
    survey.max_rejects = 1;
    loader.api.survey(&survey).await.unwrap();
    let status = operator::until(&loader.api, LoaderStep::Surveyed).await;
    let summary = status.summary;
    assert_eq!(
        (summary.rows, summary.duplicates),
        (rows as u64 - 1, 1),
        "a key that stands twice is found, however many stand between"
    );
    loader.peak_memory()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_ten_times_the_size_takes_no_more_memory() {
    let rows = rows(ROWS);
    let archive = Archive::new();
    let (small, large) = (
        memory(&archive, rows).await,
        memory(&archive, 10 * rows).await,
    );
    println!(
        "{rows} rows: {} MiB, ten times as many: {} MiB",
        small >> 20,
        large >> 20
    );
    assert!(
        large < small + (40 << 20),
        "{} MiB and {} MiB",
        small >> 20,
        large >> 20
    );
}
