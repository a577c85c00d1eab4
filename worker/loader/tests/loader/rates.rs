//! What bringing rows in costs, as ratios within one run: a survey and a load against `LOAD DATA` of
//! the same rows into a plain table of the same server.
//!
//! `ROWS=1000000 cargo test --release -p orrery-loader --test loader -- --ignored --nocapture rates`
//!
//! And one file of many rows, for whoever wants to see where the time goes: the same with `a_long_file`
//! after `perf record -F 499 -g`.

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::cluster::*;
use crate::common::program::{Program, cpu_seconds};
use crate::common::*;
use orrery_archive::catalog::AcceptedTable;
use orrery_archive::ingest::{Dialect, FileFormat, IngestSource};
use orrery_worker_api::loader::LoaderStep;
use parquet::data_type::{DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use serde_json::json;

/// Rounds; the medians count.
const ROUNDS: u64 = 3;
/// Columns that are numbers of 32 and of 64 bits, next to key, position, flags and counts.
const FLOATS: usize = 8;
const DOUBLES: usize = 7;
/// Rows of the long file.
const LONG: usize = 10_000_000;
/// Rows of a row group.
const GROUP: usize = 100_000;

/// A number between 0 and 1 that depends on both.
fn value(row: usize, column: usize) -> f64 {
    let mixed = (row as u64 * 31 + column as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64
        / (1_u64 << 53) as f64
}

fn position(row: usize) -> (f64, f64) {
    (10.0 + 4.0 * value(row, 90), 1.0 + 4.0 * value(row, 91))
}

/// 20 columns as Gaia has them.
fn table() -> AcceptedTable {
    let mut columns = vec![
        json!({"name": "source_id", "type": "BIGINT", "nullable": false}),
        json!({"name": "ra", "type": "DOUBLE"}),
        json!({"name": "decl", "type": "DOUBLE"}),
        json!({"name": "visits", "type": "INT"}),
        json!({"name": "flags", "type": "INT"}),
    ];
    columns.extend((0..FLOATS).map(|i| json!({"name": format!("f{i}"), "type": "FLOAT"})));
    columns.extend((0..DOUBLES).map(|i| json!({"name": format!("d{i}"), "type": "DOUBLE"})));
    object(&json!({"key": "source_id", "columns": columns}))
}

fn csv(path: &Path, rows: usize) {
    let mut file = BufWriter::new(std::fs::File::create(path).unwrap());
    let mut text = String::new();
    for row in 0..rows {
        text.clear();
        let (ra, decl) = position(row);
        let _ = write!(
            text,
            "{},{ra},{decl},{},{}",
            row * 7 + 1,
            row % 300,
            row % 5
        );
        for column in 0..FLOATS {
            let _ = write!(text, ",{}", value(row, column) as f32);
        }
        for column in 0..DOUBLES {
            let _ = write!(text, ",{}", value(row, FLOATS + column));
        }
        text.push('\n');
        file.write_all(text.as_bytes()).unwrap();
    }
    file.flush().unwrap();
}

/// A CSV file of so many rows.
fn csv_source(place: &Place, name: &str, rows: usize) -> (IngestSource, Dialect) {
    csv(&place.source_path(name), rows);
    (source(name), Dialect::default())
}

fn write<T: DataType>(column: &mut SerializedColumnWriter<'_>, values: &[T::T]) {
    column.typed::<T>().write_batch(values, None, None).unwrap();
}

fn parquet(rows: usize) -> Vec<u8> {
    let mut schema =
        "message gaia { required int64 source_id; required double ra; required double decl; \
                      required int32 visits; required int32 flags; "
            .to_owned();
    for column in 0..FLOATS {
        let _ = write!(schema, "required float f{column}; ");
    }
    for column in 0..DOUBLES {
        let _ = write!(schema, "required double d{column}; ");
    }
    let schema = Arc::new(parse_message_type(&(schema + "}")).unwrap());
    let codec = ::parquet::basic::Compression::SNAPPY;
    let properties = Arc::new(WriterProperties::builder().set_compression(codec).build());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    for first in (0..rows).step_by(GROUP) {
        let rows = first..rows.min(first + GROUP);
        let mut group = file.next_row_group().unwrap();
        let mut index = 0;
        while let Some(mut column) = group.next_column().unwrap() {
            let doubles = |of: &dyn Fn(usize) -> f64| rows.clone().map(of).collect::<Vec<f64>>();
            match index {
                0 => write::<Int64Type>(
                    &mut column,
                    &rows
                        .clone()
                        .map(|row| row as i64 * 7 + 1)
                        .collect::<Vec<_>>(),
                ),
                1 => write::<DoubleType>(&mut column, &doubles(&|row| position(row).0)),
                2 => write::<DoubleType>(&mut column, &doubles(&|row| position(row).1)),
                3 => write::<Int32Type>(
                    &mut column,
                    &rows.clone().map(|row| row as i32 % 300).collect::<Vec<_>>(),
                ),
                4 => write::<Int32Type>(
                    &mut column,
                    &rows.clone().map(|row| row as i32 % 5).collect::<Vec<_>>(),
                ),
                own if own < 5 + FLOATS => {
                    let values = rows.clone().map(|row| value(row, own - 5) as f32);
                    write::<FloatType>(&mut column, &values.collect::<Vec<_>>());
                }
                own => write::<DoubleType>(&mut column, &doubles(&|row| value(row, own - 5))),
            }
            column.close().unwrap();
            index += 1;
        }
        group.close().unwrap();
    }
    file.into_inner().unwrap()
}

/// What an ingest cost.
struct Cost {
    took: Duration,
    /// Most that the loader had, in bytes.
    memory: u64,
}

/// Seconds of CPU that the first worker's mysqld has used.
fn mysqld_seconds(cluster: &Cluster) -> f64 {
    cpu_seconds(cluster.workers[0].mysqld.pid().unwrap())
}

/// A survey and a load.
async fn ingest(
    cluster: &Cluster,
    number: u64,
    (source, dialect): (IngestSource, Dialect),
    rows: usize,
) -> Cost {
    let numbers = Numbers::of(number);
    let mut survey = director(table(), vec![source]);
    survey.id = format!("uid/{number}");
    survey.dialect = dialect;
    let loader = Program::start(&cluster.archive, &cluster.place).await;
    let began = Instant::now();
    loader.api.survey(&survey).await.unwrap();
    let status = operator::until(&loader.api, LoaderStep::Surveyed).await;
    let surveyed = status.surveyed.unwrap();
    let (read, cpu_read) = (began.elapsed(), loader.cpu_seconds());
    assert_eq!(
        (status.summary.rows, status.summary.rejects),
        (rows as u64, 0)
    );
    cluster
        .open(&table(), "Object", true, &surveyed, numbers)
        .await;
    let load = cluster.load_request(&survey, &surveyed, numbers);
    let server = mysqld_seconds(cluster);
    let began = Instant::now();
    loader.api.load(&load).await.unwrap();
    operator::until(&loader.api, LoaderStep::Loaded).await;
    let sent = began.elapsed();
    let memory = loader.peak_memory();
    println!(
        "  read {read:.2?} (CPU of the loader {cpu_read:.2} s), sent {sent:.2?} (loader {:.2} s, \
         mysqld {:.2} s), {} MiB",
        loader.cpu_seconds() - cpu_read,
        mysqld_seconds(cluster) - server,
        memory >> 20
    );
    Cost {
        took: read + sent,
        memory,
    }
}

/// `LOAD DATA` of the CSV file into a plain table.
async fn plain_load(cluster: &Cluster, file: &Path) -> Duration {
    let server = mysqld_seconds(cluster);
    let took = plain_table(cluster, &table(), file, ",").await;
    println!(
        "  LOAD DATA {took:.2?} (mysqld {:.2} s)",
        mysqld_seconds(cluster) - server
    );
    took
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; give it an idle machine"]
async fn rates_of_a_survey_and_a_load_against_load_data() {
    let rows = rows(100_000);
    let cluster = Cluster::start(1).await;
    let place = &cluster.place;
    let small = csv_source(place, "small.csv", rows / 10);
    let text = csv_source(place, "rows.csv", rows);
    let typed = Dialect {
        format: FileFormat::Parquet,
        ..Dialect::default()
    };
    let typed = (place.file("rows.parquet", parquet(rows)), typed);
    let (mut plain, mut by_csv, mut by_parquet) = (Vec::new(), Vec::new(), Vec::new());
    let mut memory = 0;
    for round in 0..ROUNDS {
        plain.push(plain_load(&cluster, &place.source_path("rows.csv")).await);
        let csv = ingest(&cluster, 2 * round, text.clone(), rows).await;
        by_csv.push(csv.took);
        memory = memory.max(csv.memory);
        let parquet = ingest(&cluster, 2 * round + 1, typed.clone(), rows).await;
        by_parquet.push(parquet.took);
    }
    let small = ingest(&cluster, 2 * ROUNDS, small, rows / 10).await;
    let (plain, by_csv, by_parquet) = (median(plain), median(by_csv), median(by_parquet));
    println!("{rows} rows of 20 columns, medians of {ROUNDS} rounds");
    println!("LOAD DATA: {:.0} rows/s", rows as f64 / plain);
    println!(
        "survey and load of CSV: {:.2} times that rate",
        plain / by_csv
    );
    println!(
        "survey and load of Parquet: {:.2} times that of CSV",
        by_csv / by_parquet
    );
    println!(
        "memory of the loader: {} MiB, {} MiB with a tenth of the rows",
        memory >> 20,
        small.memory >> 20
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes many minutes"]
async fn a_long_file_of_20_columns_is_read_and_sent() {
    let rows = rows(LONG);
    let cluster = Cluster::start(1).await;
    let file = csv_source(&cluster.place, "long.csv", rows);
    println!("{rows} rows of 20 columns");
    let cost = ingest(&cluster, 0, file, rows).await;
    println!("{:.0} rows/s", rows as f64 / cost.took.as_secs_f64());
}
