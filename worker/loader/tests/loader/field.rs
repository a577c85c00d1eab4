//! What public trouble reports sent in, each with its kind: loaded exactly, or refused in words that
//! say what to change, never stored as something else.

use crate::common::*;
use orrery_archive::catalog::AcceptedTable;
use orrery_archive::ingest::{BlankLines, Dialect, NotFinite};
use orrery_archive::names::RowSet;
use orrery_loader::fault::Fault;
use serde_json::json;

/// The table of the reports.
fn table() -> AcceptedTable {
    object(&json!({"key": "id", "columns": [
        {"name": "id", "type": "BIGINT", "nullable": false},
        {"name": "ra", "type": "DOUBLE", "nullable": false},
        {"name": "decl", "type": "DOUBLE", "nullable": false},
        {"name": "mag", "type": "DOUBLE"},
        {"name": "n", "type": "INT"},
        {"name": "flag", "type": "TINYINT"},
        {"name": "name", "type": "VARCHAR(64)", "charset": "utf8mb4", "collation": "utf8mb4_bin"},
        {"name": "seen", "type": "DATETIME"},
    ]}))
}

/// What an ingest of one file gave.
struct Outcome {
    /// Rows as loaded, in order, without chunk and sub-chunk.
    rows: Vec<String>,
    rejects: String,
}

async fn ingest(name: &str, content: &[u8], dialect: Dialect) -> Result<Outcome, Fault> {
    let place = Place::new();
    let mut survey = director(table(), vec![place.file(name, content)]);
    survey.dialect = dialect;
    survey.max_rejects = 100;
    let (finished, directory) = place.survey(survey).await?;
    let mut rows: Vec<(u64, String)> = spooled(&finished, &directory)
        .into_iter()
        .filter(|row| row.0 == RowSet::Home)
        .map(|row| {
            let columns: Vec<&str> = row.3.split('\t').take(8).collect();
            (row.2, columns.join("|"))
        })
        .collect();
    rows.sort_unstable();
    Ok(Outcome {
        rows: rows.into_iter().map(|row| row.1).collect(),
        rejects: rejects(&directory),
    })
}

/// The dialect of a CSV file with a header, as most archives publish them.
fn published() -> Dialect {
    Dialect {
        header: true,
        comment: "#".into(),
        quote: Some("\"".into()),
        escape: String::new(),
        nulls: ["", "null", "NULL", "\\N", "--", "N/A"]
            .map(str::to_owned)
            .to_vec(),
        not_finite: NotFinite::Null,
        blank_lines: BlankLines::Skip,
        booleans: true,
        trim: true,
        ..Dialect::default()
    }
}

const HEADER: &str = "id,ra,decl,mag,n,flag,name,seen\n";

/// A row of the table with these values for `mag`, `n`, `flag` and `name`.
fn row(mag: &str, n: &str, flag: &str, name: &str) -> String {
    format!("1,10.1,-5.1,{mag},{n},{flag},{name},2020-01-01 00:00:00\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_spelling_of_a_value_is_stored_as_what_it_stands_for() {
    for (what, text, stored) in [
        ("null", row("null", "NULL", "--", ""), "\\N|\\N|\\N|\\N"),
        ("masked", row("N/A", "\\N", " -- ", " "), "\\N|\\N|\\N|\\N"),
        ("quoted", row("1", "1", "1", "\"null\""), "1|1|1|null"),
        ("nan", row("nan", "1", "1", "nan"), "\\N|1|1|nan"),
        ("signed nan", row("-NaN", "1", "1", "a"), "\\N|1|1|a"),
        ("inf", row("+Inf", "1", "1", "a"), "\\N|1|1|a"),
        ("infinity", row("-INFINITY", "1", "1", "a"), "\\N|1|1|a"),
        ("float integer", row("1", "1.0", "1.", "a"), "1|1|1|a"),
        ("exponent", row("1e0", "1e3", "1.0e0", "a"), "1e0|1000|1|a"),
        ("word", row("1", "T", "False", "True"), "1|1|0|True"),
        ("letter", row("1", "y", "NO", "y"), "1|1|0|y"),
        (
            "padded",
            row(" \t1.5", "\t 7\t", " 1 ", " a b "),
            "1.5|7|1|a b",
        ),
        ("plus", row("+1.5", "+7", "+1", "+a"), "+1.5|7|1|+a"),
        (
            "quoted lines",
            row("1", "1", "1", "\"a\r\nb\""),
            "1|1|1|a\r\\nb",
        ),
        (
            "backslash",
            row("1", "1", "1", "\"C:\\sky\\\""),
            "1|1|1|C:\\\\sky\\\\",
        ),
        (
            "doubled quote",
            row("1", "1", "1", "\"a\"\"b\""),
            "1|1|1|a\"b",
        ),
    ] {
        let content = format!("{HEADER}{text}");
        let outcome = ingest("a.csv", content.as_bytes(), published())
            .await
            .unwrap();
        assert_eq!(outcome.rejects, "", "{what}");
        let stored = format!("1|10.1|-5.1|{stored}|2020-01-01 00:00:00");
        assert_eq!(outcome.rows, [stored], "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spelling_that_stands_for_nothing_is_rejected_with_its_text() {
    for (text, shown) in [
        (
            row("1.5D+03", "1", "1", "a"),
            "mag\t`1.5D+03` is not a number",
        ),
        (
            row("\u{2212}5", "1", "1", "a"),
            "mag\t`\u{2212}5` is not a number",
        ),
        (
            row("1", "\u{2212}5", "1", "a"),
            "n\t`\u{2212}5` is not an integer",
        ),
        (row("1", "0x1F", "1", "a"), "n\t`0x1F` is not an integer"),
        (row("0x1p3", "1", "1", "a"), "mag\t`0x1p3` is not a number"),
        (
            row("1.#QNAN", "1", "1", "a"),
            "mag\t`1.#QNAN` is not a number",
        ),
        (row("NaN()", "1", "1", "a"), "mag\t`NaN()` is not a number"),
        (row("1", "NaN", "1", "a"), "n\t`NaN` is not an integer"),
        (row("1", "12.7", "1", "a"), "n\t`12.7` is not an integer"),
        (
            row("1", "\"1,234\"", "1", "a"),
            "n\t`1,234` is not an integer",
        ),
        (row("1", "1\u{a0}", "1", "a"), "is not an integer"),
        (
            row("1", "1", "maybe", "a"),
            "flag\t`maybe` is not an integer",
        ),
        (
            row("1", "1", "1", "a,"),
            "\ttoo many fields: 9, the table's fields are 8",
        ),
        (
            "1,10.1,-5.1\n".into(),
            "\ttoo few fields: 3, the table's fields are 8",
        ),
        (
            row("1", "1", "1", "\"a\"b"),
            "field 7 has text after its closing quote",
        ),
    ] {
        let content = format!("{HEADER}{text}");
        let outcome = ingest("a.csv", content.as_bytes(), published())
            .await
            .unwrap();
        assert!(outcome.rows.is_empty(), "{text}: {:?}", outcome.rows);
        assert!(
            outcome.rejects.contains(shown),
            "{text}: {}",
            outcome.rejects
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_are_no_rows_are_left_out_wherever_they_stand() {
    let row = row("1", "1", "1", "a");
    let units = Dialect {
        skip_after_header: 2,
        ..published()
    };
    for (what, dialect, text) in [
        (
            "comments",
            published(),
            format!("# %ECSV 1.0\n# \"\n{HEADER}# a\n{row}#,,\n"),
        ),
        (
            "end of lines",
            published(),
            format!("#\r\n{HEADER}{row}").replace('\n', "\r\n"),
        ),
        ("mark", published(), format!("\u{feff}#\n{HEADER}{row}")),
        (
            "mark and quote",
            published(),
            format!("\u{feff}\"id\"{}{row}", &HEADER[2..]),
        ),
        (
            "no end of line",
            published(),
            format!("{HEADER}{}\r", row.trim_end()),
        ),
        (
            "units",
            units,
            format!("{HEADER},deg,deg,mag,,,,\n--,--,--,--,--,--,--,--\n{row}\n\n"),
        ),
    ] {
        let outcome = ingest("a.csv", text.as_bytes(), dialect).await.unwrap();
        assert_eq!(outcome.rejects, "", "{what}");
        assert_eq!(
            outcome.rows,
            ["1|10.1|-5.1|1|1|1|a|2020-01-01 00:00:00"],
            "{what}"
        );
    }
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_another_encoding_or_line_end_is_refused_with_what_to_do() {
    let rows = format!("{HEADER}{}", row("1", "1", "1", "a"));
    let marked = format!("\u{feff}{rows}");
    let wide: Vec<u8> = marked
        .chars()
        .flat_map(|c| u32::from(c).to_le_bytes())
        .collect();
    let many: Vec<String> = (0..5_000).map(|number| format!("c{number}")).collect();
    for (content, said) in [
        (utf16(&marked, u16::to_le_bytes), "UTF-16"),
        (utf16(&marked, u16::to_be_bytes), "UTF-16"),
        (utf16(&rows, u16::to_le_bytes), "UTF-16"),
        (utf16(&rows, u16::to_be_bytes), "UTF-16"),
        (wide, "UTF-32"),
        (
            rows.replace('\n', "\r").into_bytes(),
            "lines must end with a line feed",
        ),
        (rows.replace(',', ";").into_bytes(), "dialect.delimiter"),
        (
            HEADER.replace('\n', ",\n").into_bytes(),
            "the table has no column ``",
        ),
        (
            HEADER.replace("n,", "n,n,").into_bytes(),
            "the field `n` stands twice",
        ),
        (many.join(",").into_bytes(), "and 4995 more"),
    ] {
        let fault = ingest("a.csv", &content, published()).await.err().unwrap();
        let text = fault.to_string();
        assert!(text.contains(said), "{said}: {text}");
        assert!(
            text.len() < 700 && !text.contains(char::is_control),
            "{text:?}"
        );
    }
}
