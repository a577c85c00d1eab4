//! Sources in buckets, at a real S3 server.

use std::path::PathBuf;

use crate::common::bucket::{self, Bucket, SECRET};
use crate::common::*;
use orrery_archive::ingest::{Dialect, FileFormat, IngestSource};
use orrery_loader::fault::Fault;
use orrery_loader::survey::Finished;
use orrery_worker_api::loader::SurveyTarget;
use serde_json::json;

/// A loader whose Secret `keys` holds this secret key.
fn loader(secret: &str) -> Place {
    let place = Place::new();
    bucket::keys(&place, secret);
    place
}

async fn survey(place: &Place, sources: Vec<IngestSource>) -> Result<(Finished, PathBuf), Fault> {
    survey_as(place, sources, FileFormat::Text, None).await
}

async fn survey_as(
    place: &Place,
    sources: Vec<IngestSource>,
    format: FileFormat,
    before: Option<&Finished>,
) -> Result<(Finished, PathBuf), Fault> {
    let columns = json!([{"name": "id", "type": "INT"}, {"name": "seen", "type": "DATETIME(6)"}]);
    let table = reference(&columns);
    let mut survey = survey_of(SurveyTarget::Reference { table }, sources);
    survey.dialect = Dialect {
        format,
        ..Dialect::default()
    };
    survey.expected_files = before.map(|finished| finished.surveyed.files.clone());
    place.survey(survey).await
}

fn names(finished: &Finished) -> Vec<&str> {
    let files = finished.surveyed.files.iter();
    files.map(|file| file.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_read_one_by_one_or_by_pattern_in_the_order_of_their_keys() {
    let (server, place) = (Bucket::start().await, loader(SECRET));
    server.put("dr3/b c+ü.csv", "2,2020-01-02\n");
    server.put("dr3/a.csv", "1,2020-01-01\n");
    server.put("dr3/deep/c.csv", "3,2020-01-03\n");
    server.put("dr3/a.txt", "no rows\n");
    let (finished, _) = survey(&place, vec![server.source("dr3/a.csv")])
        .await
        .unwrap();
    assert_eq!(names(&finished), ["s3://sky/dr3/a.csv"]);
    let file = &finished.surveyed.files[0];
    assert!(file.version.contains('"'), "the ETag: {}", file.version);
    let (finished, directory) = survey(&place, vec![server.source("dr3/*.csv")])
        .await
        .unwrap();
    assert_eq!(
        names(&finished),
        ["s3://sky/dr3/a.csv", "s3://sky/dr3/b c+ü.csv"]
    );
    let rows: Vec<String> = spooled(&finished, &directory)
        .into_iter()
        .map(|row| row.3)
        .collect();
    assert_eq!(
        rows,
        ["1\t2020-01-01 00:00:00\n", "2\t2020-01-02 00:00:00\n"]
    );
    let (finished, _) = survey(&place, vec![server.source("dr3/**.csv")])
        .await
        .unwrap();
    assert_eq!(finished.summary.rows, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_of_objects_is_read_to_its_end() {
    let (server, place) = (Bucket::start().await, loader(SECRET));
    for number in 0..1100 {
        server.put(
            &format!("many/{number}.csv"),
            format!("{number},2020-01-01\n"),
        );
    }
    let (finished, _) = survey(&place, vec![server.source("many/*.csv")])
        .await
        .unwrap();
    assert_eq!(finished.summary.rows, 1100);
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_of_a_bucket_has_the_rows_of_the_file() {
    let (server, place) = (Bucket::start().await, loader(SECRET));
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    server.put(
        "p.parquet",
        std::fs::read(data.join("int96.parquet")).unwrap(),
    );
    let sources = vec![server.source("p.parquet")];
    let (finished, directory) = survey_as(&place, sources, FileFormat::Parquet, None)
        .await
        .unwrap();
    let rows = spooled(&finished, &directory);
    assert_eq!(rows[0].3, "1\t2020-02-29 23:59:59.123456\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_object_and_a_changed_list_fail_with_what_differs() {
    let (server, place) = (Bucket::start().await, loader(SECRET));
    server.put("a.csv", "1,2020-01-01\n");
    let sources = vec![server.source("*.csv")];
    let (before, _) = survey(&place, sources.clone()).await.unwrap();
    let again = survey_as(&place, sources.clone(), FileFormat::Text, Some(&before)).await;
    assert_eq!(again.unwrap().0.surveyed, before.surveyed);
    // The same number of bytes: the ETag alone differs before it is read.
    server.put("a.csv", "2,2020-01-01\n");
    let error = survey_as(&place, sources.clone(), FileFormat::Text, Some(&before)).await;
    let error = error.unwrap_err();
    assert_eq!(error.reason(), "SourceChanged");
    server.put("a.csv", "1,2020-01-01\n");
    server.put("b.csv", "2,2020-01-01\n");
    let error = survey_as(&place, sources.clone(), FileFormat::Text, Some(&before)).await;
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("it had 1 files and has 2")
    );
    std::fs::remove_file(server.files.path().join("sky/a.csv")).unwrap();
    let error = survey_as(&place, sources, FileFormat::Text, Some(&before)).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("its name was s3://sky/a.csv"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_opens_no_bucket_is_said_without_the_signature() {
    let server = Bucket::start().await;
    server.put("a.csv", "1,2020-01-01\n");
    let missing = survey(&loader(SECRET), vec![server.source("b.csv")])
        .await
        .unwrap_err();
    assert_eq!(missing.reason(), "SourceMissing");
    assert!(
        missing.to_string().starts_with("s3://sky/b.csv: "),
        "{missing}"
    );
    for key in ["a.csv", "*.csv"] {
        let wrong = survey(&loader("wrong"), vec![server.source(key)])
            .await
            .unwrap_err();
        assert_eq!(
            (wrong.reason(), wrong.retry()),
            ("SourceMissing", false),
            "{wrong}"
        );
        assert!(wrong.to_string().contains("403"), "{wrong}");
    }
    let none = survey(&loader(SECRET), vec![server.source("x*")])
        .await
        .unwrap_err();
    assert!(none.to_string().contains("no object fits it"), "{none}");
    let no_secret = survey(&Place::new(), vec![server.source("a.csv")])
        .await
        .unwrap_err();
    assert!(no_secret.to_string().contains("accessKeyId"), "{no_secret}");
    let mut away = server.source("a.csv");
    if let Some(bucket) = &mut away.s3 {
        bucket.endpoint = Some("http://127.0.0.1:1".into());
    }
    let away = survey(&loader(SECRET), vec![away]).await.unwrap_err();
    assert_eq!((away.reason(), away.retry()), ("Unreachable", true));
    assert!(!away.to_string().contains("Signature"), "{away}");
}
