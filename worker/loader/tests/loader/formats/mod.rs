//! Files with types, as the writers of archives make them: every value reaches a real server as the
//! file has it.

mod fits;
mod parquet;
mod votable;

use crate::common::*;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use orrery_archive::catalog::AcceptedReference;
use orrery_archive::ingest::{Dialect, FileFormat, NotFinite};
use orrery_archive::table::ddl;
use orrery_kit_worker::Mysqld;
use orrery_loader::fault::Fault;
use orrery_loader::survey::Finished;
use orrery_worker_api::loader::{Survey, SurveyTarget};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn dialect(format: FileFormat) -> Dialect {
    Dialect {
        format,
        ..Dialect::default()
    }
}

/// Surveys the sample `name` into a reference table of `columns`.
async fn survey(
    format: FileFormat,
    name: &str,
    columns: &Value,
    change: impl FnOnce(&mut Survey),
) -> Result<(Finished, PathBuf), Fault> {
    let place = Place::new();
    let file = place.file(name, sample(name));
    let table = reference(columns);
    let mut survey = survey_of(SurveyTarget::Reference { table }, vec![file]);
    survey.dialect = dialect(format);
    survey.max_rejects = 100;
    change(&mut survey);
    let result = place.survey(survey).await;
    // The spool is read after this.
    let _ = place.directory.keep();
    result
}

/// A server with the spooled rows in the table `t.v`.
struct Server {
    conn: Conn,
    _mysqld: Mysqld,
}

impl Server {
    async fn with(table: &AcceptedReference, finished: &Finished, directory: &Path) -> Self {
        let mysqld = Mysqld::start();
        let options = OptsBuilder::default()
            .socket(Some(mysqld.socket().display().to_string()))
            .user(Some("root"));
        let mut conn = Conn::new(options).await.unwrap();
        let path = mysqld.pipe_dir().join("rows");
        std::fs::write(&path, rows(finished, directory)).unwrap();
        let create = format!("CREATE TABLE t.v {}", ddl::reference(table));
        let load = format!(
            "LOAD DATA INFILE '{}' INTO TABLE t.v CHARACTER SET binary FIELDS ESCAPED BY '\\\\'",
            path.display()
        );
        let session = "SET SESSION time_zone = '+00:00', sql_mode = \
                       'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO'";
        for statement in [session, "CREATE DATABASE t", &create, &load] {
            conn.query_drop(statement).await.unwrap();
        }
        Self {
            conn,
            _mysqld: mysqld,
        }
    }

    /// Whether `condition` holds for the row `id`.
    async fn holds(&mut self, id: usize, condition: &str) -> bool {
        let sql = format!("SELECT COUNT(*) FROM t.v WHERE id = {id} AND ({condition})");
        self.conn.query_first(sql).await.unwrap() == Some(1_u64)
    }
}

fn rows(finished: &Finished, directory: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for parts in &finished.parts {
        for part in parts {
            let index = orrery_loader::survey::spool::index_path(directory, 0, *part);
            let index: orrery_loader::survey::spool::PartIndex =
                orrery_loader::disk::read_json(&index).unwrap();
            let data = orrery_loader::survey::spool::data_path(directory, 0, *part);
            let data = std::fs::File::open(data).unwrap();
            for block in &index.blocks {
                orrery_loader::survey::spool::read_block(&data, block, |_, text| {
                    bytes.extend_from_slice(text);
                })
                .unwrap();
            }
        }
    }
    bytes
}

/// A column, its type, and what holds for its value in each of the three rows; it is NULL where
/// nothing is said.
type Case = (&'static str, &'static str, &'static [&'static str]);

fn columns(cases: &[Case]) -> Value {
    let mut columns = vec![json!({"name": "id", "type": "BIGINT", "nullable": false})];
    for (name, sql_type, _) in cases {
        let text = sql_type.starts_with("VARCHAR") || sql_type.starts_with("CHAR");
        let mut column = json!({"name": name, "type": sql_type});
        if text {
            column["charset"] = json!("utf8mb4");
            column["collation"] = json!("utf8mb4_bin");
        }
        columns.push(column);
    }
    columns.into()
}

async fn check(format: FileFormat, name: &str, cases: &[Case]) {
    let columns = columns(cases);
    let missing = |survey: &mut Survey| survey.dialect.not_finite = NotFinite::Null;
    let (finished, directory) = survey(format, name, &columns, missing).await.unwrap();
    assert_eq!(rejects(&directory), "");
    assert_eq!(finished.summary.rows, 3);
    let mut server = Server::with(&reference(&columns), &finished, &directory).await;
    let mut wrong = Vec::new();
    for (column, _, conditions) in cases {
        let null = format!("{column} IS NULL");
        for id in 1..=3 {
            let condition = conditions.get(id - 1).copied().unwrap_or(&null);
            if !server.holds(id, condition).await {
                wrong.push(format!("row {id}: not {condition}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_text_are_no_settings_of_files_with_types() {
    let columns = json!([{"name": "id", "type": "INT"}]);
    let error = survey(FileFormat::Parquet, "int96.parquet", &columns, |survey| {
        survey.dialect.header = true;
    })
    .await
    .unwrap_err();
    assert_eq!(error.reason(), "BadDialect");
    let fits = survey(FileFormat::Parquet, "int96.parquet", &columns, |survey| {
        survey.dialect.not_finite = NotFinite::Null;
        survey.fields = vec!["id".into(), "-seen".into()];
    });
    assert_eq!(fits.await.unwrap().0.summary.rows, 1);
}

/// Reads all rows of a file that may be broken anywhere.
fn read_all(format: FileFormat, bytes: &[u8]) -> Result<Vec<u8>, orrery_formats::FormatError> {
    use orrery_formats::{Rows, Wanted, fits, parquet, votable};
    use std::io::{Seek, Write};
    let source = Box::new(std::io::Cursor::new(bytes.to_vec()));
    let mut rows: Box<dyn Rows> = match format {
        FileFormat::Parquet => {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            file.rewind().unwrap();
            let table = parquet::Table::open(file)?;
            let wanted = vec![Wanted::Values; table.fields().len()];
            Box::new(table.rows(&wanted, 2)?)
        }
        FileFormat::Fits => {
            let table = fits::Table::open(source, None)?;
            let wanted = vec![Wanted::Values; table.fields().len()];
            Box::new(table.rows(&wanted)?)
        }
        FileFormat::Votable | FileFormat::Text => {
            let table = votable::Table::open(source, None)?;
            let wanted = vec![Wanted::Values; table.fields().len()];
            table.rows(&wanted)?
        }
    };
    let mut text = Vec::new();
    while rows.next(&mut text)? {
        assert!(text.len() < 1 << 24, "rows without end");
    }
    Ok(text)
}

/// A panic would be taken for a fault of the loader, and the ingest tried again without end.
#[test]
fn a_byte_that_flipped_anywhere_is_an_error_or_a_value_and_no_panic() {
    for (format, name) in [
        (FileFormat::Parquet, "kinds.parquet"),
        (FileFormat::Parquet, "int96.parquet"),
        (FileFormat::Fits, "kinds.fits"),
        (FileFormat::Votable, "binary2.vot"),
        (FileFormat::Votable, "tabledata.vot"),
    ] {
        let whole = sample(name);
        read_all(format, &whole).unwrap();
        for at in (0..whole.len()).step_by(3) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x15;
            let _ = read_all(format, &flipped);
        }
    }
}
