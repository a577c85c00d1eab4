//! FITS.

use super::*;

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
