//! Files as archives publish them: comments, units, several spellings of NULL, marks and line ends
//! of other systems.

use crate::common::*;
use orrery_archive::ingest::{BlankLines, Dialect, NotFinite};
use orrery_loader::survey::Finished;
use serde_json::json;

/// Surveys `text` into `Object(objectId, ra, decl, name)`; rows as loaded by record, and the list
/// of rejects.
async fn survey(
    dialect: Dialect,
    text: impl AsRef<[u8]>,
) -> Result<(Vec<String>, String, Finished), String> {
    let place = Place::new();
    let file = place.file("a.csv", text);
    let mut survey = director(object(&json!({})), vec![file]);
    survey.dialect = dialect;
    survey.max_rejects = 100;
    let (finished, directory) = place
        .survey(survey)
        .await
        .map_err(|fault| fault.to_string())?;
    let mut rows: Vec<(u64, String)> = spooled(&finished, &directory)
        .into_iter()
        .filter(|row| row.0 == orrery_archive::names::RowSet::Home)
        .map(|row| {
            let columns: Vec<&str> = row.3.split('\t').take(4).collect();
            (row.2, columns.join("|"))
        })
        .collect();
    rows.sort_unstable();
    let rows = rows.into_iter().map(|row| row.1).collect();
    Ok((rows, rejects(&directory), finished))
}

fn header() -> Dialect {
    Dialect {
        header: true,
        ..Dialect::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_units_and_blank_lines_are_no_rows() {
    let text = "#\n# VizieR \"unbalanced\n#Column\tid\nobjectId\tra\tdecl\tname\n \tdeg\tdeg\t \n----\t---\t---\t---\n\
                1\t10\t20\ta\n# 9\t9\t9\tnine\n\n2\t11\t21\tb\n\n";
    let dialect = Dialect {
        delimiter: "\\t".into(),
        quote: Some("\"".into()),
        comment: "#".into(),
        skip_after_header: 2,
        blank_lines: BlankLines::Skip,
        ..header()
    };
    let (rows, rejects, finished) = survey(dialect.clone(), text).await.unwrap();
    assert_eq!(rows, ["1|10|20|a", "2|11|21|b"]);
    assert_eq!(rejects, "");
    assert_eq!(finished.records, 2);
    let as_records = Dialect {
        blank_lines: BlankLines::Records,
        ..dialect
    };
    let (rows, rejects, _) = survey(as_records, text).await.unwrap();
    assert_eq!(rows.len(), 2);
    let reason = "too few fields: 1, the table's fields are 4";
    assert!(rejects.contains(&format!("\t9\t\t{reason}")), "{rejects}");
    assert!(rejects.contains(&format!("\t11\t\t{reason}")), "{rejects}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_of_comments_longer_than_a_batch_is_read_over() {
    let mut text = "# ECSV, and much more\n".repeat(100_000);
    text.push_str("objectId,ra,decl,name\n1,10,20,a\n");
    let dialect = Dialect {
        comment: "# ".into(),
        ..header()
    };
    let (rows, _, _) = survey(dialect, text).await.unwrap();
    assert_eq!(rows, ["1|10|20|a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_is_a_comment_says_how_to_skip_it() {
    let error = survey(header(), "# %ECSV 1.0\n1,10,20,a\n")
        .await
        .unwrap_err();
    assert!(error.contains("dialect.comment"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_of_many_unknown_names_is_told_in_short() {
    let names: Vec<String> = (0..500).map(|number| format!("column_{number}")).collect();
    let error = survey(header(), format!("{}\n", names.join(",")))
        .await
        .unwrap_err();
    assert!(error.contains("`column_4` and 495 more"), "{error}");
    assert!(error.len() < 400, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_spellings_of_a_missing_value_are_null() {
    let dialect = Dialect {
        nulls: ["", "null", "\\N"].map(str::to_owned).to_vec(),
        quote: Some("\"".into()),
        ..Dialect::default()
    };
    let text =
        "1,10,20,null\n2,10,20,\n3,10,20,\\N\n4,10,20,\"\"\n5,10,20,\"null\"\n6,10,20,nullx\n";
    let (rows, rejects, _) = survey(dialect, text).await.unwrap();
    assert_eq!(rejects, "");
    assert_eq!(
        rows,
        [
            "1|10|20|\\N",
            "2|10|20|\\N",
            "3|10|20|\\N",
            "4|10|20|",
            "5|10|20|null",
            "6|10|20|nullx"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_are_not_finite_are_null_where_asked_for() {
    let place = Place::new();
    let text = "1,0.5\n2,NaN\n3, -INF\n4,infinity\n5,nano\n";
    let table = reference(&json!([
        {"name": "id", "type": "INT", "nullable": false},
        {"name": "mag", "type": "DOUBLE", "nullable": true},
    ]));
    let target = orrery_worker_api::loader::SurveyTarget::Reference { table };
    let mut survey = survey_of(target, vec![place.file("a.csv", text)]);
    survey.dialect.not_finite = NotFinite::Null;
    survey.max_rejects = 9;
    let (finished, directory) = place.survey(survey).await.unwrap();
    let rows: Vec<String> = spooled(&finished, &directory)
        .into_iter()
        .map(|row| row.3)
        .collect();
    assert_eq!(rows, ["1\t0.5\n", "2\t\\N\n", "3\t\\N\n", "4\t\\N\n"]);
    assert!(rejects(&directory).contains("`nano` is not a number"));
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_booleans_and_blanks_are_left_out_where_asked_for() {
    let place = Place::new();
    let text = "1 ,True, a b \n  2,f,\\ c\\ \n3,0,d\n4,maybe,e\n";
    let table = reference(&json!([
        {"name": "id", "type": "INT", "nullable": false},
        {"name": "flag", "type": "TINYINT", "nullable": true},
        {"name": "name", "type": "VARCHAR(20)", "charset": "utf8mb4", "collation": "utf8mb4_bin"},
    ]));
    let target = orrery_worker_api::loader::SurveyTarget::Reference { table };
    let mut survey = survey_of(target, vec![place.file("a.csv", text)]);
    survey.max_rejects = 9;
    let (_, directory) = place.survey(survey.clone()).await.unwrap();
    assert!(
        rejects(&directory).contains("`1 ` is not an integer"),
        "without being asked"
    );
    survey.dialect.booleans = true;
    survey.dialect.trim = true;
    let (finished, directory) = place.survey(survey).await.unwrap();
    let rows: Vec<String> = spooled(&finished, &directory)
        .into_iter()
        .map(|row| row.3)
        .collect();
    assert_eq!(rows, ["1\t1\ta b\n", "2\t0\t c \n", "3\t0\td\n"]);
    assert!(rejects(&directory).contains("`maybe` is not an integer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_and_a_lone_carriage_return_are_no_text() {
    let (rows, rejects, _) = survey(Dialect::default(), "\u{feff}1,10,20,a\r\n2,11,21,b\r")
        .await
        .unwrap();
    assert_eq!(
        (rows, rejects.as_str()),
        (["1|10|20|a", "2|11|21|b"].map(str::to_owned).to_vec(), "")
    );
    // An escaped one is text.
    let (rows, _, _) = survey(Dialect::default(), "1,10,20,a\\\r").await.unwrap();
    assert_eq!(rows, ["1|10|20|a\r"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn text_in_sixteen_bits_is_named() {
    let utf16: Vec<u8> = "\u{feff}objectId,ra\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let error = survey(header(), utf16).await.unwrap_err();
    assert!(error.contains("UTF-16") && !error.contains('\0'), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reject_says_how_many_lines_it_swallowed() {
    let dialect = Dialect {
        quote: Some("\"".into()),
        ..Dialect::default()
    };
    let text = "1,10,20,\"C:\\sky\\\"\n2,10,20,\"b\"\n3,10,20,\"c\"\n";
    let (_, rejects, _) = survey(dialect, text).await.unwrap();
    assert!(rejects.contains("spans 2 lines of the file"), "{rejects}");
    let (_, rejects, _) = survey(Dialect::default(), "1,10,20,a\r2,10,20,b\r3,10,20,c\r")
        .await
        .unwrap();
    assert!(rejects.contains("holds 2 carriage returns"), "{rejects}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quoted_field_is_null_where_a_spelling_has_its_quotes() {
    let dialect = Dialect {
        quote: Some("\"".into()),
        delimiter: " ".into(),
        nulls: vec!["\"\"".into(), String::new()],
        ..Dialect::default()
    };
    let text = "1 10 20 \"\"\n2 10 20 \"a b\"\n3 10 20 \n";
    let (rows, rejects, _) = survey(dialect, text).await.unwrap();
    assert_eq!(rejects, "");
    assert_eq!(rows, ["1|10|20|\\N", "2|10|20|a b", "3|10|20|\\N"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn blanks_around_quotes_are_left_out_and_those_within_stay() {
    let dialect = Dialect {
        quote: Some("\"".into()),
        trim: true,
        ..Dialect::default()
    };
    let text = "1 , 10,20 ,  \" a, \nb \"  \n2,10,20,\"c\" x\n3,10,20, d \n";
    let (rows, rejects, _) = survey(dialect, text).await.unwrap();
    assert_eq!(rows, ["1|10|20| a, \\nb ", "3|10|20|d"]);
    assert!(
        rejects.contains("text after its closing quote"),
        "{rejects}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_read_in_another_dialect_is_told_in_short_with_what_to_look_at() {
    let names: Vec<String> = (0..500).map(|number| format!("column_{number}")).collect();
    for (separator, end, hint) in [
        ("\t", "\n", "look at dialect.delimiter"),
        (",", "\r", "lines must end with a line feed"),
        (";\u{1}", "\n", "look at dialect.delimiter"),
    ] {
        let text = format!("{}{end}1{separator}2{end}", names.join(separator));
        let error = survey(header(), text).await.unwrap_err();
        assert!(error.contains(hint), "{error}");
        assert!(error.len() < 700, "{} bytes: {error}", error.len());
        assert!(!error.contains(char::is_control), "{error:?}");
    }
}
