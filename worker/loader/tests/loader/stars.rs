//! What few rows over the whole sky cost, as a ratio within one run: some thousand rows in two hundred
//! chunks with three copies on four workers, against the least that makes as many tables: their
//! statements, one after the other, on one of the servers.
//!
//! `cargo test --release -p orrery-loader --test loader -- --ignored --nocapture stars`

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use orrery_archive::catalog::FamilyGrid;
use orrery_archive::ingest::IngestSource;
use orrery_archive::table::ddl;
use orrery_worker_api::agent::{ManifestRow, TablePart};
use orrery_worker_api::loader::{LoaderStep, Survey, SurveyTarget};
use serde_json::json;

use crate::common::cluster::*;
use crate::common::program::Program;
use crate::common::*;

const ROWS: u32 = 5_000;
/// Rounds; the first one warms the servers up, and the best of the others counts: other work on the
/// machine only adds.
const ROUNDS: u64 = 3;
/// Most that the ingest may take, as a multiple: four workers share cores and disk with the loader
/// and have four times the tables.
const MOST: f64 = 4.0;

/// Rows that are spread evenly over the sphere.
fn rows() -> String {
    let golden = 180.0 * (3.0 - 5.0_f64.sqrt());
    let mut text = String::new();
    for row in 0..ROWS {
        let height = 1.0 - (2.0 * f64::from(row) + 1.0) / f64::from(ROWS);
        let (ra, decl) = (
            (f64::from(row) * golden) % 360.0,
            height.asin().to_degrees(),
        );
        let _ = writeln!(text, "{},{ra:.9},{decl:.9},star {row}", row + 1);
    }
    text
}

/// By hand: the tables that one worker has of the ingest, made, filled with its rows, and moved.
async fn by_hand(cluster: &Cluster, sealed: &[ManifestRow]) -> Duration {
    let table = object(&json!({}));
    let mut conn = cluster.conn(0).await;
    let databases = [
        "DROP DATABASE IF EXISTS bare",
        "DROP DATABASE IF EXISTS moved",
    ];
    let made = ["CREATE DATABASE bare", "CREATE DATABASE moved"];
    for statement in databases.into_iter().chain(made) {
        conn.query_drop(statement).await.unwrap();
    }
    let fields = ddl::chunked_fields(&table).join(", ");
    let began = Instant::now();
    for row in sealed {
        let create = if row.part == TablePart::Overlap {
            ddl::overlap(&table)
        } else {
            ddl::home(&table, true)
        };
        let (database, name) = (&row.database, &row.table);
        for statement in [
            format!("CREATE TABLE bare.{name} {create}"),
            format!("INSERT INTO bare.{name} ({fields}) SELECT {fields} FROM {database}.{name}"),
            format!("RENAME TABLE bare.{name} TO moved.{name}"),
        ] {
            conn.query_drop(statement).await.unwrap();
        }
    }
    began.elapsed()
}

/// The survey of the rows into 16 hash chunks of an index.
fn survey(source: IngestSource, round: u64) -> Survey {
    let mut survey = director(object(&json!({})), vec![source]);
    survey.id = format!("uid/{round}");
    if let SurveyTarget::Director { grid, index, .. } = &mut survey.target {
        index.chunks = 16;
        *grid = FamilyGrid::Sphere {
            stripes: 12,
            sub_stripes: 10,
            overlap: 0.5,
            index_chunks: 16,
        };
    }
    survey
}

/// Brings the rows in; how long it took, and what the workers have.
async fn ingest(
    cluster: &Cluster,
    survey: &Survey,
    numbers: Numbers,
) -> (Duration, Vec<Vec<ManifestRow>>) {
    let loader = Program::start(&cluster.archive, &cluster.place).await;
    let began = Instant::now();
    loader.api.survey(survey).await.unwrap();
    let status = operator::until(&loader.api, LoaderStep::Surveyed).await;
    let surveyed = status.surveyed.unwrap();
    let mut lap = Instant::now();
    let mut laps = vec![lap.duration_since(began)];
    let mut next = || {
        let now = Instant::now();
        laps.push(now.duration_since(lap));
        lap = now;
    };
    let table = object(&json!({}));
    cluster
        .open(&table, "Object", true, &surveyed, numbers)
        .await;
    next();
    let load = cluster.load_request(survey, &surveyed, numbers);
    loader.api.load(&load).await.unwrap();
    operator::until(&loader.api, LoaderStep::Loaded).await;
    next();
    let sealed = cluster.seal(numbers.attempt).await;
    cluster.seal(numbers.index_attempt).await;
    next();
    println!(
        "{} chunks: read, opened, sent, sealed in {laps:.2?}",
        surveyed.chunks.len()
    );
    (began.elapsed(), sealed)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; give it an idle machine"]
async fn few_rows_over_the_whole_sky_against_the_same_tables_by_hand() {
    let cluster = Cluster::with_copies(4, 3).await;
    let source = cluster.place.file("stars.csv", rows());
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let numbers = Numbers::of(round);
        let survey = survey(source.clone(), round);
        let (all, sealed) = ingest(&cluster, &survey, numbers).await;
        let home = sealed.iter().flatten();
        let home = home.filter(|row| row.part == TablePart::Home);
        let rows: u64 = home.map(|row| row.rows).sum();
        assert_eq!(rows, 3 * u64::from(ROWS));
        let bare = by_hand(&cluster, &sealed[0]).await;
        let ratio = all.as_secs_f64() / bare.as_secs_f64();
        println!(
            "{} tables in {all:.2?}, {} by hand in {bare:.2?}, ratio {ratio:.2}",
            sealed.iter().map(Vec::len).sum::<usize>(),
            sealed[0].len(),
        );
        ratios.push(ratio);
    }
    let best = ratios.iter().skip(1).copied().fold(f64::INFINITY, f64::min);
    println!("best ratio {best:.2}");
    assert!(best < MOST, "{ratios:?}");
}
