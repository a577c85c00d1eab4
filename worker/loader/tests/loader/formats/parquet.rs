//! Parquet.

use super::*;

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

#[tokio::test(flavor = "multi_thread")]
async fn every_type_and_codec_of_parquet_is_stored_exactly() {
    check(FileFormat::Parquet, "kinds.parquet", PARQUET).await;
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
