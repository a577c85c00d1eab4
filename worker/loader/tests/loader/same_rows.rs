//! The same rows in every format and from every place are the same rows on the workers.
//!
//! `ROWS=1000000 cargo test --release -p orrery-loader --test loader same_rows` takes many minutes.

use std::io::Write as _;
use std::sync::Arc;

use crate::common::bucket::{self, Bucket};
use crate::common::cluster::*;
use crate::common::program::Program;
use crate::common::*;
use orrery_archive::ingest::{Dialect, FileFormat, IngestProgress, IngestSource, NotFinite};
use orrery_archive::names::ChunkId;
use orrery_worker_api::agent::TablePart;
use orrery_worker_api::loader::LoaderStep;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::json;

/// Rows, usually.
pub const ROWS: usize = 20_000;

pub struct Row {
    id: i64,
    ra: f64,
    decl: f64,
    mag: Option<f32>,
    n: Option<i32>,
    name: String,
}

/// Rows in some chunks, with numbers of all digits.
pub fn sky(rows: usize) -> Vec<Row> {
    let mut state = 42_u64;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let names = [
        "star",
        "a,b",
        "tab\there",
        "back\\slash",
        "quo\"te",
        "ünï<&>",
        " lead",
    ];
    (0..rows)
        .map(|i| Row {
            id: i as i64 * 1_000_003 - 5_000_000_000,
            ra: 10.0 + 3.0 * random(),
            decl: 1.0 + 3.0 * random(),
            mag: (i % 7 != 0).then(|| (30.0 * random() - 5.0) as f32),
            n: (i % 5 != 0).then(|| (random() * 4e9 - 2e9) as i32),
            name: names[i % names.len()].to_owned(),
        })
        .collect()
}

fn csv(rows: &[Row]) -> Vec<u8> {
    let mut text = String::from("id,ra,decl,mag,n,name\n");
    for row in rows {
        let mag = row.mag.map_or(String::new(), |mag| mag.to_string());
        let n = row.n.map_or(String::new(), |n| n.to_string());
        let name = row.name.replace('"', "\"\"");
        text += &format!("{},{},{},{mag},{n},\"{name}\"\n", row.id, row.ra, row.decl);
    }
    text.into_bytes()
}

pub fn parquet_file(rows: &[Row]) -> Vec<u8> {
    let schema = "message sky { required int64 id; required double ra; required double decl; \
                  optional float mag; optional int32 n; required binary name (UTF8); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let codec = parquet::basic::Compression::SNAPPY;
    let properties = Arc::new(WriterProperties::builder().set_compression(codec).build());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    for rows in rows.chunks(rows.len().div_ceil(3)) {
        let mut group = writer.next_row_group().unwrap();
        for index in 0..6 {
            let mut column = group.next_column().unwrap().unwrap();
            match index {
                0 => {
                    let values: Vec<i64> = rows.iter().map(|row| row.id).collect();
                    column
                        .typed::<Int64Type>()
                        .write_batch(&values, None, None)
                        .unwrap();
                }
                1 | 2 => {
                    let value = |row: &Row| if index == 1 { row.ra } else { row.decl };
                    let values: Vec<f64> = rows.iter().map(value).collect();
                    column
                        .typed::<DoubleType>()
                        .write_batch(&values, None, None)
                        .unwrap();
                }
                3 => {
                    let values: Vec<f32> = rows.iter().filter_map(|row| row.mag).collect();
                    let levels: Vec<i16> =
                        rows.iter().map(|row| row.mag.is_some().into()).collect();
                    column
                        .typed::<FloatType>()
                        .write_batch(&values, Some(&levels), None)
                        .unwrap();
                }
                4 => {
                    let values: Vec<i32> = rows.iter().filter_map(|row| row.n).collect();
                    let levels: Vec<i16> = rows.iter().map(|row| row.n.is_some().into()).collect();
                    column
                        .typed::<Int32Type>()
                        .write_batch(&values, Some(&levels), None)
                        .unwrap();
                }
                _ => {
                    let values: Vec<ByteArray> =
                        rows.iter().map(|row| row.name.as_str().into()).collect();
                    column
                        .typed::<ByteArrayType>()
                        .write_batch(&values, None, None)
                        .unwrap();
                }
            }
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn fits(rows: &[Row]) -> Vec<u8> {
    let block = |cards: &[String]| {
        let mut bytes: Vec<u8> = cards
            .iter()
            .flat_map(|card| format!("{card:<80}").into_bytes())
            .collect();
        bytes.extend_from_slice(format!("{:<80}", "END").as_bytes());
        bytes.resize(bytes.len().div_ceil(2880) * 2880, b' ');
        bytes
    };
    let card = |name: &str, value: &str| format!("{name:<8}= {value:>20}");
    let mut file = block(&[card("SIMPLE", "T"), card("BITPIX", "8"), card("NAXIS", "0")]);
    let mut cards = vec![
        card("XTENSION", "'BINTABLE'"),
        card("BITPIX", "8"),
        card("NAXIS", "2"),
        card("NAXIS1", "44"),
        card("NAXIS2", &rows.len().to_string()),
        card("PCOUNT", "0"),
        card("GCOUNT", "1"),
        card("TFIELDS", "6"),
        card("TNULL5", &i32::MIN.to_string()),
    ];
    for (number, (name, form)) in (1..).zip([
        ("id", "K"),
        ("ra", "D"),
        ("decl", "D"),
        ("mag", "E"),
        ("n", "J"),
        ("name", "12A"),
    ]) {
        cards.push(card(&format!("TTYPE{number}"), &format!("'{name}'")));
        cards.push(card(&format!("TFORM{number}"), &format!("'{form}'")));
    }
    file.extend(block(&cards));
    for row in rows {
        file.extend(row.id.to_be_bytes());
        file.extend(row.ra.to_be_bytes());
        file.extend(row.decl.to_be_bytes());
        file.extend(row.mag.unwrap_or(f32::NAN).to_be_bytes());
        file.extend(row.n.unwrap_or(i32::MIN).to_be_bytes());
        let mut name = row.name.clone().into_bytes();
        name.resize(12, b' ');
        file.extend(name);
    }
    file.resize(file.len().div_ceil(2880) * 2880, 0);
    file
}

fn votable(rows: &[Row]) -> Vec<u8> {
    let mut text = String::from(
        "<?xml version=\"1.0\"?><VOTABLE version=\"1.4\"><RESOURCE><TABLE>\
         <FIELD name=\"id\" datatype=\"long\"/><FIELD name=\"ra\" datatype=\"double\"/>\
         <FIELD name=\"decl\" datatype=\"double\"/><FIELD name=\"mag\" datatype=\"float\"/>\
         <FIELD name=\"n\" datatype=\"int\"/><FIELD name=\"name\" datatype=\"char\" arraysize=\"*\"/>\
         <DATA><TABLEDATA>\n",
    );
    for row in rows {
        let mag = row.mag.map_or(String::new(), |mag| mag.to_string());
        let n = row.n.map_or(String::new(), |n| n.to_string());
        let name = row.name.replace('&', "&amp;").replace('<', "&lt;");
        text += &format!(
            "<TR><TD>{}</TD><TD>{}</TD><TD>{}</TD><TD>{mag}</TD><TD>{n}</TD><TD>{name}</TD></TR>\n",
            row.id, row.ra, row.decl
        );
    }
    text += "</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>";
    text.into_bytes()
}

fn text() -> Dialect {
    Dialect {
        quote: Some("\"".into()),
        escape: String::new(),
        nulls: vec![String::new()],
        header: true,
        ..Dialect::default()
    }
}

fn typed(format: FileFormat) -> Dialect {
    Dialect {
        format,
        not_finite: NotFinite::Null,
        ..Dialect::default()
    }
}

/// Chunk, part, rows and checksum of every table that an ingest of `source` makes.
async fn stored(
    cluster: &Cluster,
    number: u64,
    (source, dialect): (IngestSource, Dialect),
    kills: Kills,
) -> Vec<(ChunkId, TablePart, u64, String)> {
    let numbers = Numbers::of(number);
    let table = object(&json!({"key": "id", "columns": [
        {"name": "id", "type": "BIGINT", "nullable": false}, {"name": "ra", "type": "DOUBLE"}, {"name": "decl", "type": "DOUBLE"},
        {"name": "mag", "type": "FLOAT"}, {"name": "n", "type": "INT"},
        {"name": "name", "type": "VARCHAR(20)", "charset": "utf8mb4", "collation": "utf8mb4_bin"},
    ]}));
    let mut survey = director(table.clone(), vec![source]);
    survey.id = format!("uid/{number}");
    survey.dialect = dialect;
    let loader = Program::start(&cluster.archive, &cluster.place).await;
    loader.api.survey(&survey).await.unwrap();
    if kills == Kills::InEachPhase {
        in_the_middle(&loader, |progress| progress.rows_read > 0).await;
    }
    let status = operator::until(&loader.api, LoaderStep::Surveyed).await;
    let surveyed = status.surveyed.unwrap();
    assert_eq!(status.summary.rejects, 0);
    cluster
        .open(&table, "Object", true, &surveyed, numbers)
        .await;
    let load = cluster.load_request(&survey, &surveyed, numbers);
    loader.api.load(&load).await.unwrap();
    if kills == Kills::InEachPhase {
        in_the_middle(&loader, |progress| progress.rows_loaded > 0).await;
        operator::until(&loader.api, LoaderStep::Surveyed).await;
        loader.api.load(&load).await.unwrap();
    }
    operator::until(&loader.api, LoaderStep::Loaded).await;
    let sealed = cluster.seal(numbers.attempt).await;
    sealed
        .into_iter()
        .flatten()
        .map(|row| (row.chunk, row.part, row.rows, row.checksum))
        .collect()
}

/// Whether the loader is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kills {
    None,
    /// While it reads, and while it sends.
    InEachPhase,
}

/// Kills the loader once it is as far as `reached` says.
async fn in_the_middle(loader: &Program, reached: fn(&IngestProgress) -> bool) {
    loop {
        let status = loader.api.status().await.unwrap();
        if reached(&status.progress) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    loader.kill();
}

/// Ingests the same rows in every format and from every place, and compares what workers store.
async fn compare(rows: &[Row], kills: Kills) {
    let cluster = Cluster::start(1).await;
    let bucket = Bucket::start().await;
    bucket::keys(&cluster.place, bucket::SECRET);
    let csv = csv(rows);
    let gzip = {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&csv).unwrap();
        gzip.finish().unwrap()
    };
    let place = &cluster.place;
    let zstd = zstd::encode_all(&csv[..], 1).unwrap();
    let parquet = parquet_file(rows);
    bucket.put("sky.parquet", &parquet);
    let sources = [
        ("CSV", place.file("o.csv", &csv), text()),
        ("gzip", place.file("o.csv.gz", gzip), text()),
        ("zstd", place.file("o.csv.zst", zstd), text()),
        (
            "Parquet",
            place.file("o.parquet", &parquet),
            typed(FileFormat::Parquet),
        ),
        (
            "S3",
            bucket.source("sky.parquet"),
            typed(FileFormat::Parquet),
        ),
        (
            "FITS",
            place.file("o.fits", fits(rows)),
            typed(FileFormat::Fits),
        ),
        (
            "VOTable",
            place.file("o.vot", votable(rows)),
            typed(FileFormat::Votable),
        ),
    ];
    let mut first = None;
    for (number, (what, source, dialect)) in (0..).zip(sources) {
        let stored = stored(&cluster, number, (source, dialect), kills).await;
        let homes = stored.iter().filter(|table| table.1 == TablePart::Home);
        let stored_rows = homes.map(|table| table.2).sum::<u64>();
        assert_eq!(stored_rows, rows.len() as u64, "{what}");
        let first = first.get_or_insert_with(|| stored.clone());
        assert_eq!(&stored, first, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_have_the_same_checksums_from_every_format_and_place() {
    compare(&sky(rows(ROWS)), Kills::None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_the_same_when_the_loader_is_killed_while_it_reads_and_while_it_sends() {
    compare(&sky(rows(ROWS)), Kills::InEachPhase).await;
}
