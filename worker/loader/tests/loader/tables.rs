//! Which table of a file is read, and in which order and from where.

use std::io::{BufRead, BufReader, Seek, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use crate::common::*;
use crate::same_rows::{ROWS, parquet_file, sky};
use orrery_archive::ingest::{Dialect, FileFormat, IngestSource};
use orrery_formats::{FormatError, Rows, Wanted, fits, parquet, votable};
use orrery_worker_api::loader::SurveyTarget;
use serde_json::json;

fn all(mut rows: impl Rows) -> Result<String, FormatError> {
    let mut text = Vec::new();
    while rows.next(&mut text)? {}
    Ok(String::from_utf8(text).unwrap())
}

fn fits_rows(bytes: Vec<u8>, choice: Option<&str>) -> Result<String, FormatError> {
    let table = fits::Table::open(Box::new(std::io::Cursor::new(bytes)), choice)?;
    let wanted = vec![Wanted::Values; table.fields().len()];
    all(table.rows(&wanted)?)
}

fn votable_rows(text: &str, choice: Option<&str>) -> Result<String, FormatError> {
    let source = std::io::Cursor::new(text.as_bytes().to_vec());
    let table = votable::Table::open(Box::new(source), choice)?;
    let wanted = vec![Wanted::Values; table.fields().len()];
    let mut rows = table.rows(&wanted)?;
    let mut text = Vec::new();
    while rows.next(&mut text)? {}
    Ok(String::from_utf8(text).unwrap())
}

#[test]
fn one_of_several_fits_tables_is_read_by_number_or_name() {
    let both = || sample("two_tables.fits");
    let first = fits_rows(both(), Some("1")).unwrap();
    assert_eq!(first.lines().count(), 3);
    assert!(first.starts_with("1\t1\t0\t-128\t"), "{first}");
    assert_eq!(fits_rows(both(), Some("objects")).unwrap(), first);
    // The second holds arrays alone.
    let error = fits_rows(both(), Some("2")).unwrap_err().to_string();
    assert!(error.contains("leave it out"), "{error}");
    let error = fits_rows(both(), None).unwrap_err().to_string();
    assert!(error.contains("choose one with dialect.table"), "{error}");
    let error = fits_rows(both(), Some("nebulae")).unwrap_err().to_string();
    assert!(
        error.contains("no table `nebulae` among its 2: `OBJECTS`"),
        "{error}"
    );
    // Two of one name are none that a name can choose.
    let mut twins = both();
    let end = twins
        .windows(80)
        .rposition(|card| card.starts_with(b"END     "))
        .unwrap();
    for (place, card) in [(end, "EXTNAME = 'objects'"), (end + 80, "END")] {
        twins[place..place + 80].copy_from_slice(format!("{card:<80}").as_bytes());
    }
    let error = fits_rows(twins, Some("OBJECTS")).unwrap_err().to_string();
    assert!(error.contains("a second table of the name"), "{error}");
}

#[test]
fn one_of_several_votable_tables_is_read_by_number_name_or_id() {
    let (plain, binary) = (sample("tabledata.vot"), sample("binary2.vot"));
    let (plain, binary) = (text(&plain), text(&binary));
    let rows = |document: &str| votable_rows(document, None).unwrap();
    let table = |document: &str, naming: &str| {
        let start = document.find("<TABLE").unwrap();
        let end = document.find("</TABLE>").unwrap() + "</TABLE>".len();
        let fields = document[start..].find('>').unwrap() + start;
        format!("<TABLE {naming}>{}", &document[fields + 1..end])
    };
    let start = plain.find("<TABLE").unwrap();
    let end = plain.find("</TABLE>").unwrap() + "</TABLE>".len();
    let other = "<TABLE name=\"other\"><FIELD name=\"x\" datatype=\"int\"/><DATA><TABLEDATA>\
                 <TR><TD>1</TD></TR></TABLEDATA></DATA></TABLE>";
    let several = [
        &plain[..start],
        &table(&binary, "name=\"binary\""),
        other,
        &table(&plain, "ID=\"plain\""),
        &plain[end..],
    ]
    .concat();
    for (choice, document) in [
        ("binary", &binary),
        ("1", &binary),
        ("plain", &plain),
        ("3", &plain),
    ] {
        let chosen = votable_rows(&several, Some(choice)).unwrap();
        assert_eq!(chosen, rows(document), "{choice}");
    }
    assert_eq!(votable_rows(&several, Some("Other")).unwrap(), "1\n");
    for choice in [None, Some("4"), Some("none")] {
        let error = votable_rows(&several, choice).unwrap_err().to_string();
        assert!(error.contains("table"), "{error}");
    }
    // A document that is cut short in a table that nobody asked for.
    let cut = &several[..several.len() - 40];
    votable_rows(cut, Some("binary")).unwrap_err();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_is_for_files_that_may_hold_several_tables() {
    let place = Place::new();
    for format in [FileFormat::Text, FileFormat::Parquet] {
        let table = reference(&json!([{"name": "id", "type": "INT"}]));
        let file = place.file("a", "1\n");
        let mut survey = survey_of(SurveyTarget::Reference { table }, vec![file]);
        survey.dialect = Dialect {
            format,
            table: Some("a".into()),
            ..Dialect::default()
        };
        let fault = place.survey(survey).await.unwrap_err();
        assert_eq!(fault.reason(), "BadDialect");
    }
}

fn parquet_rows(bytes: &[u8], threads: usize, wanted: Wanted) -> Result<String, FormatError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    let table = parquet::Table::open(file)?;
    let wanted = vec![wanted; table.fields().len()];
    all(table.rows(&wanted, threads)?)
}

#[test]
fn row_groups_come_in_order_however_many_threads_decode_them() {
    let file = parquet_file(&sky(ROWS));
    let one = parquet_rows(&file, 1, Wanted::Values).unwrap();
    assert_eq!(one.lines().count(), ROWS);
    assert!(one.starts_with("-5000000000\t"));
    for threads in [2, 3, 16] {
        assert!(
            parquet_rows(&file, threads, Wanted::Values).unwrap() == one,
            "{threads} threads"
        );
    }
}

/// Answers with a third of the file at a time; the ranges that were asked for.
fn serve(file: Vec<u8>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a.parquet", listener.local_addr().unwrap());
    let ranges = Arc::new(Mutex::new(Vec::new()));
    let seen = ranges.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let lines = lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty());
            let head: Vec<String> = lines.map(|line| line.to_ascii_lowercase()).collect();
            let range = head
                .iter()
                .find_map(|line| line.strip_prefix("range: bytes="));
            let start: usize =
                range.map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
            let status = match range {
                None => "200 OK".to_owned(),
                Some(_) => format!(
                    "206 Partial Content\r\ncontent-range: bytes {start}-{}/{}",
                    file.len() - 1,
                    file.len()
                ),
            };
            let rest = &file[start..];
            let head_only = head.first().is_some_and(|line| line.starts_with("head "));
            let part = if head_only {
                0
            } else {
                rest.len().min(file.len() / 3 + 1)
            };
            seen.lock().unwrap().extend(range.map(str::to_owned));
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\netag: \"p\"\r\nconnection: close\r\n\r\n",
                rest.len()
            );
            // The client may have gone.
            let _ = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(&rest[..part]));
        }
    });
    (url, ranges)
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_behind_a_server_that_breaks_off_is_read_by_ranges() {
    let file = parquet_file(&sky(ROWS));
    let third = file.len() / 3 + 1;
    let expected = parquet_rows(&file, 1, Wanted::Singles).unwrap();
    let (url, ranges) = serve(file);
    let place = Place::new();
    let table = reference(&json!([
        {"name": "id", "type": "BIGINT"}, {"name": "ra", "type": "DOUBLE"},
        {"name": "decl", "type": "DOUBLE"}, {"name": "mag", "type": "FLOAT"},
        {"name": "n", "type": "INT"},
        {"name": "name", "type": "VARCHAR(40)", "charset": "utf8mb4", "collation": "utf8mb4_bin"},
    ]));
    let source = IngestSource {
        url: Some(url),
        claim: None,
        path: None,
        s3: None,
    };
    let mut survey = survey_of(SurveyTarget::Reference { table }, vec![source]);
    survey.dialect.format = FileFormat::Parquet;
    let (finished, directory) = place.survey(survey).await.unwrap();
    let rows: String = spooled(&finished, &directory)
        .into_iter()
        .map(|row| row.3)
        .collect();
    assert!(rows == expected, "rows differ");
    assert_eq!(
        *ranges.lock().unwrap(),
        [format!("{third}-"), format!("{}-", 2 * third)]
    );
}
