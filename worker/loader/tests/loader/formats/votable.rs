//! VOTable.

use super::*;

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
