//! Files with types, as the writers of archives make them: every value reaches a real server as the
//! file has it.

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

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data")
            .join(name),
    )
    .unwrap()
}

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

const PARQUET: &[Case] = &[
    ("flag", "BIT(1)", &["flag = 1", "flag = 0"]),
    ("i8", "TINYINT", &["i8 = -128", "i8 = 127"]),
    ("i16", "SMALLINT", &["i16 = -32768", "i16 = 32767"]),
    ("i32", "INT", &["i32 = -2147483648", "i32 = 2147483647"]),
    (
        "i64",
        "BIGINT",
        &["i64 = -9223372036854775808", "i64 = 9223372036854775807"],
    ),
    ("u8", "TINYINT UNSIGNED", &["u8 = 0", "u8 = 255"]),
    ("u16", "BIT(16)", &["u16 = 0", "u16 = 65535"]),
    ("u32", "INT UNSIGNED", &["u32 = 0", "u32 = 4294967295"]),
    (
        "u64",
        "BIGINT UNSIGNED",
        &["u64 = 0", "u64 = 18446744073709551615"],
    ),
    ("f16", "FLOAT", &["f16 = 0.5e0", "f16 = -65504e0"]),
    (
        "f32",
        "FLOAT",
        &["f32 = 0.10000000149011612e0", "f32 = 3.4028234663852886e38"],
    ),
    (
        "f64",
        "DOUBLE",
        &["f64 = 0.1e0", "f64 = 1.7976931348623157e308"],
    ),
    ("d9", "DECIMAL(9,3)", &["d9 = -1.005", "d9 = 999999.999"]),
    (
        "d18",
        "DECIMAL(18,0)",
        &["d18 = -1", "d18 = 999999999999999999"],
    ),
    (
        "d38",
        "DECIMAL(38,10)",
        &[
            "d38 = -0.0000000001",
            "d38 = 9999999999999999999999999999.9999999999",
        ],
    ),
    (
        "d60",
        "DECIMAL(60,30)",
        &[
            "d60 = -0.000000000000000000000000000001",
            "d60 = 999999999999999999999999999999.999999999999999999999999999999",
        ],
    ),
    (
        "text",
        "VARCHAR(60)",
        &[
            "HEX(text) = HEX('tab\\there, line\\nthere, return\\rback\\\\slash')",
            "HEX(CONVERT(text USING utf8mb4)) = 'C3BC6EC3AF' OR HEX(text) = 'C3BC6EC3AFF09F94AD'",
        ],
    ),
    ("dict", "VARCHAR(10)", &["dict = 'star'", "dict = 'star'"]),
    (
        "bytes",
        "VARBINARY(10)",
        &["HEX(bytes) = '00FF5C4E'", "bytes = ''"],
    ),
    (
        "fixed",
        "BINARY(4)",
        &["HEX(fixed) = '000102FF'", "HEX(fixed) = '0A095C20'"],
    ),
    ("day", "DATE", &["day = '2020-02-29'", "day = '1900-03-01'"]),
    (
        "clock",
        "TIME(6)",
        &["clock = '23:59:59.123456'", "clock = '00:00:00'"],
    ),
    (
        "ms",
        "DATETIME(3)",
        &[
            "ms = '2020-02-29 23:59:59.123'",
            "ms = '1969-12-31 23:59:59.999'",
        ],
    ),
    (
        "us",
        "DATETIME(6)",
        &[
            "us = '2020-02-29 23:59:59.123456'",
            "us = '1969-12-31 23:59:59.999999'",
        ],
    ),
    (
        "ns",
        "DATETIME(6)",
        &[
            "ns = '2020-02-29 11:59:59.123456'",
            "ns = '1969-12-31 23:59:59.999999'",
        ],
    ),
];

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
async fn every_type_and_codec_of_parquet_is_stored_exactly() {
    check(FileFormat::Parquet, "kinds.parquet", PARQUET).await;
}

const FITS: &[Case] = &[
    ("flag", "TINYINT", &["flag = 1", "flag = 0", "flag = 0"]),
    ("u8", "TINYINT UNSIGNED", &["u8 = 0", "u8 = 255"]),
    ("i8", "TINYINT", &["i8 = -128", "i8 = 127"]),
    ("i16", "SMALLINT", &["i16 = -32768", "i16 = 32767"]),
    ("u16", "SMALLINT UNSIGNED", &["u16 = 0", "u16 = 65535"]),
    ("i32", "INT", &["i32 = -2147483648", "i32 = 2147483647"]),
    ("u32", "INT UNSIGNED", &["u32 = 0", "u32 = 4294967295"]),
    (
        "i64",
        "BIGINT",
        &["i64 = -9223372036854775808", "i64 = 9223372036854775807"],
    ),
    (
        "u64",
        "BIGINT UNSIGNED",
        &["u64 = 0", "u64 = 18446744073709551615"],
    ),
    ("scaled", "FLOAT", &["scaled = -0.5e0", "scaled = 12.25e0"]),
    (
        "f32",
        "FLOAT",
        &["f32 = 0.10000000149011612e0", "f32 = 3.4028234663852886e38"],
    ),
    (
        "f64",
        "DOUBLE",
        &["f64 = 0.1e0", "f64 = 1.7976931348623157e308"],
    ),
    (
        "text",
        "VARCHAR(12)",
        &[
            "HEX(text) = HEX('M 31')",
            "HEX(text) = HEX(' a''b')",
            "text = ''",
        ],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_fits_is_stored_exactly() {
    check(FileFormat::Fits, "kinds.fits", FITS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_fits_file_is_read_as_it_is() {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&sample("kinds.fits")).unwrap();
    let place = Place::new();
    let file = place.file("kinds.fits.gz", gzip.finish().unwrap());
    let table = reference(&columns(FITS));
    let mut survey = survey_of(SurveyTarget::Reference { table }, vec![file]);
    survey.dialect = dialect(FileFormat::Fits);
    survey.dialect.not_finite = NotFinite::Null;
    let (finished, _) = place.survey(survey).await.unwrap();
    assert_eq!(finished.summary.rows, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_are_not_finite_follow_the_dialect() {
    let (finished, directory) = survey(FileFormat::Fits, "kinds.fits", &columns(FITS), |_| ())
        .await
        .unwrap();
    assert_eq!((finished.summary.rows, finished.summary.rejects), (2, 1));
    let rejects = rejects(&directory);
    assert!(
        rejects.contains("\t3\tf32\t`NaN` cannot be stored"),
        "{rejects}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn arrays_of_fits_are_refused_where_they_are_asked_for() {
    let columns = json!([
        {"name": "id", "type": "INT"}, {"name": "mags", "type": "FLOAT"}, {"name": "name", "type": "VARCHAR(9)", "charset": "utf8mb4"},
    ]);
    let fields = |mags: &str| {
        ["id", mags, "-flux", "-pixels", "-z", "name"]
            .map(str::to_owned)
            .to_vec()
    };
    let with = survey(FileFormat::Fits, "arrays.fits", &columns, |survey| {
        survey.fields = fields("mags");
    });
    let error = with.await.unwrap_err();
    assert!(
        error.to_string().contains("`mags` holds an array"),
        "{error}"
    );
    let (finished, directory) = survey(FileFormat::Fits, "arrays.fits", &columns, |survey| {
        survey.fields = fields("-mags");
    })
    .await
    .unwrap();
    assert_eq!(rows(&finished, &directory), b"1\t\\N\ta\n2\t\\N\tb\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_second_table_are_never_left_out_silently() {
    let error = survey(
        FileFormat::Fits,
        "two_tables.fits",
        &columns(FITS),
        |survey| {
            survey.fields = std::iter::once("id")
                .chain(FITS.iter().map(|case| case.0))
                .map(str::to_owned)
                .collect();
        },
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("second table"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_fits_file_is_an_error_that_names_it() {
    let whole = sample("kinds.fits");
    for length in [0, 100, 2880, 8640, 14_400, 17_280 + 10] {
        let place = Place::new();
        let file = place.file("b.fits", &whole[..length]);
        let table = reference(&columns(FITS));
        let mut survey = survey_of(SurveyTarget::Reference { table }, vec![file]);
        survey.dialect = dialect(FileFormat::Fits);
        survey.max_rejects = 9;
        let error = place.survey(survey).await.unwrap_err();
        assert_eq!(
            (error.reason(), error.retry()),
            ("BadFile", false),
            "{length}: {error}"
        );
        assert!(error.to_string().contains("b.fits"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_times_of_96_bits_are_read() {
    let columns = json!([{"name": "id", "type": "INT"}, {"name": "seen", "type": "DATETIME(6)"}]);
    let (finished, directory) = survey(FileFormat::Parquet, "int96.parquet", &columns, |_| ())
        .await
        .unwrap();
    assert_eq!(
        rows(&finished, &directory),
        b"1\t2020-02-29 23:59:59.123456\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_parquet_that_do_not_fit_are_rejects_with_their_row_and_column() {
    let columns = json!([
        {"name": "U8", "type": "TINYINT"}, {"name": "TEXT", "type": "VARCHAR(60)", "charset": "latin1", "nullable": true},
    ]);
    let names = [
        "-id", "-flag", "-i8", "-i16", "-i32", "-i64", "u8", "-u16", "-u32", "-u64", "-f16",
        "-f32", "-f64", "-d9", "-d18", "-d38", "-d60", "text", "-dict", "-bytes", "-fixed", "-day",
        "-clock", "-ms", "-us", "-ns",
    ];
    let (finished, directory) = survey(FileFormat::Parquet, "kinds.parquet", &columns, |survey| {
        survey.fields = names.map(str::to_owned).to_vec();
    })
    .await
    .unwrap();
    assert_eq!((finished.summary.rows, finished.summary.rejects), (2, 1));
    let rejects = rejects(&directory);
    assert!(
        rejects.ends_with("kinds.parquet\t2\tU8\t`255` is outside -128 to 127\n"),
        "{rejects}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_columns_of_parquet_are_refused_where_they_are_asked_for() {
    let columns = json!([
        {"name": "objectId", "type": "INT"}, {"name": "name", "type": "VARCHAR(9)", "charset": "utf8mb4"},
        {"name": "spectrum", "type": "BLOB"},
    ]);
    let fields = |spectrum: &str| {
        ["objectId", "-ra", "-decl", "name", spectrum, "-cutout"]
            .map(str::to_owned)
            .to_vec()
    };
    let error = survey(FileFormat::Parquet, "nested.parquet", &columns, |survey| {
        survey.fields = fields("spectrum");
    })
    .await
    .unwrap_err();
    assert_eq!((error.reason(), error.retry()), ("BadFile", false));
    assert!(
        error.to_string().contains("`spectrum` holds a list"),
        "{error}"
    );
    let (finished, directory) = survey(FileFormat::Parquet, "nested.parquet", &columns, |survey| {
        survey.fields = fields("-spectrum");
    })
    .await
    .unwrap();
    assert_eq!(rows(&finished, &directory), b"1\ta\t\\N\n2\t\\N\t\\N\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_parquet_file_is_an_error_that_names_it() {
    let columns = json!([{"name": "id", "type": "INT"}, {"name": "seen", "type": "DATETIME(6)"}]);
    let whole = sample("int96.parquet");
    for broken in [
        &whole[..whole.len() - 9],
        &whole[..10],
        b"PAR1PAR1",
        b"",
        &[b"PAR1", &whole[7..]].concat()[..],
    ] {
        let place = Place::new();
        let file = place.file("b.parquet", broken);
        let mut survey = survey_of(
            SurveyTarget::Reference {
                table: reference(&columns),
            },
            vec![file],
        );
        survey.dialect = dialect(FileFormat::Parquet);
        let error = place.survey(survey).await.unwrap_err();
        assert_eq!(
            (error.reason(), error.retry()),
            ("BadFile", false),
            "{error}"
        );
        assert!(error.to_string().contains("b.parquet"), "{error}");
    }
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

const VOTABLE: &[Case] = &[
    ("flag", "TINYINT", &["flag = 1", "flag = 0", "flag = 1"]),
    ("u8", "TINYINT UNSIGNED", &["u8 = 0", "u8 = 255"]),
    ("i16", "SMALLINT", &["i16 = -32768", "i16 = 32767"]),
    ("i32", "INT", &["i32 = -2147483648", "i32 = 2147483647"]),
    (
        "i64",
        "BIGINT",
        &["i64 = -9223372036854775808", "i64 = 9223372036854775807"],
    ),
    (
        "f32",
        "FLOAT",
        &["f32 = 0.10000000149011612e0", "f32 = 3.4028234663852886e38"],
    ),
    (
        "f64",
        "DOUBLE",
        &["f64 = 0.1e0", "f64 = 1.7976931348623157e308"],
    ),
    (
        "text",
        "VARCHAR(12)",
        &["HEX(text) = HEX('M 31')", "HEX(text) = '20613C2726C3BC'"],
    ),
    (
        "word",
        "VARCHAR(8)",
        &["word = 'star'", "HEX(word) = HEX('a\tb\\\\')"],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_votable_is_stored_exactly() {
    check(FileFormat::Votable, "tabledata.vot", VOTABLE).await;
    check(FileFormat::Votable, "binary2.vot", VOTABLE).await;
}

/// What the spool holds of a document that is changed by `change`, or the error.
async fn changed(name: &str, change: impl Fn(&str) -> String) -> Result<Vec<u8>, Fault> {
    let text = String::from_utf8(sample(name)).unwrap();
    let place = Place::new();
    let changed = change(&text);
    assert_ne!(changed, text);
    let file = place.file("c.vot", changed);
    let table = reference(&columns(VOTABLE));
    let mut survey = survey_of(SurveyTarget::Reference { table }, vec![file]);
    survey.dialect = dialect(FileFormat::Votable);
    survey.dialect.not_finite = NotFinite::Null;
    let (finished, directory) = place.survey(survey).await?;
    Ok(rows(&finished, &directory))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_votable_gives_the_same_rows() {
    let columns = columns(VOTABLE);
    let mut forms = Vec::new();
    for name in ["tabledata.vot", "binary2.vot", "binary.vot"] {
        let missing = |survey: &mut Survey| survey.dialect.not_finite = NotFinite::Null;
        let (finished, directory) = survey(FileFormat::Votable, name, &columns, missing)
            .await
            .unwrap();
        let text = String::from_utf8(rows(&finished, &directory)).unwrap();
        forms.push(text.replace("e+308", "e308"));
    }
    assert_eq!(forms[1], forms[0]);
    let first_two: Vec<&str> = forms[0].lines().take(2).collect();
    assert_eq!(forms[2].lines().collect::<Vec<_>>(), first_two);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_hexadecimal_and_the_declared_null_of_a_votable_are_values() {
    let stored = changed("tabledata.vot", |text| {
        text.replace("datatype=\"bit\"", "datatype=\"boolean\"")
            .replace(
                "<TD>1</TD>\n      <TD>1</TD>",
                "<TD>1</TD>\n      <TD>True</TD>",
            )
            .replace(
                "<TD>2</TD>\n      <TD>0</TD>",
                "<TD>2</TD>\n      <TD>?</TD>",
            )
            .replace("<TD>2147483647</TD>", "<TD>0x7F</TD>")
            .replace(
                "name=\"u8\"/>",
                "name=\"u8\"><VALUES null=\"255\"/></FIELD>",
            )
            .replace("<TD>M 31</TD>", "<TD><![CDATA[M 31]]>&#33;</TD>")
    });
    let stored = String::from_utf8(stored.await.unwrap()).unwrap();
    let fields: Vec<Vec<&str>> = stored
        .lines()
        .map(|row| row.split('\t').collect())
        .collect();
    assert_eq!((fields[0][1], fields[1][1]), ("1", "\\N"));
    assert_eq!((fields[1][2], fields[1][4]), ("\\N", "127"));
    assert_eq!(fields[0][8], "M 31!");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_votable_that_lacks_rows_is_refused() {
    let info = |status: &str| format!("</TABLE><INFO name=\"QUERY_STATUS\" value=\"{status}\"/>");
    for name in ["tabledata.vot", "binary2.vot"] {
        for (what, from, to) in [
            ("OVERFLOW", "</TABLE>", info("OVERFLOW")),
            (
                "ERROR",
                "<TABLE>",
                "<INFO name=\"QUERY_STATUS\" value=\"ERROR\"/><TABLE>".into(),
            ),
            (
                "second table",
                "</TABLE>",
                "</TABLE><TABLE><DATA/></TABLE><TABLE><DATA></DATA></TABLE>".into(),
            ),
            ("ends before", "</VOTABLE>", String::new()),
        ] {
            let error = changed(name, |text| text.replace(from, &to))
                .await
                .unwrap_err();
            assert_eq!(
                (error.reason(), error.retry()),
                ("BadFile", false),
                "{error}"
            );
            assert!(error.to_string().contains(what), "{what}: {error}");
        }
        for tenth in 1..10 {
            let error = changed(name, |text| text[..text.len() * tenth / 10].into()).await;
            let error = error.unwrap_err();
            assert_eq!(
                (error.reason(), error.retry()),
                ("BadFile", false),
                "{error}"
            );
        }
    }
    let error = changed("tabledata.vot", |text| text.replacen("<TD>0</TD>", "", 1))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("row 1 has 9 TDs, its table 10 FIELDs"),
        "{error}"
    );
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
