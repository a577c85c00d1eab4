use std::io::Read;

use super::fields::{FieldError, Fields};
use super::records::{Batch, RecordError, Records};
use super::*;

fn dialect(patch: &str) -> Dialect {
    Dialect::new(&serde_json::from_str(patch).unwrap()).unwrap()
}

/// Hands out one byte at a time, so that every state survives the border of a read.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut one = buffer.len().min(1);
        if let (Some(target), Some((first, rest))) = (buffer.first_mut(), self.0.split_first()) {
            *target = *first;
            self.0 = rest;
        } else {
            one = 0;
        }
        Ok(one)
    }
}

type Row = Vec<Option<Vec<u8>>>;

fn read(text: &[u8], dialect: &Dialect) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    let mut records = Records::new(Drip(text), dialect, 1 << 40);
    while let Some(batch) = records.next_batch().map_err(|error| error.to_string())? {
        for (_, record) in batch.records(dialect) {
            rows.push(split(record, dialect).map_err(|error| error.to_string())?);
        }
    }
    Ok(rows)
}

fn split(record: &[u8], dialect: &Dialect) -> Result<Row, FieldError> {
    let mut fields = Fields::default();
    fields.split(record, dialect)?;
    Ok((0..fields.len())
        .map(|index| {
            fields
                .value(index, record, dialect, &mut Vec::new())
                .map(<[u8]>::to_vec)
        })
        .collect())
}

fn row(values: &[Option<&str>]) -> Row {
    values
        .iter()
        .map(|value| value.map(|text| text.as_bytes().to_vec()))
        .collect()
}

#[test]
fn escapes_mean_what_they_mean_to_load_data() {
    let tab = dialect(r#"{"delimiter":"\\t"}"#);
    let rows = read(b"a\\0\\b\\n\\r\\t\\Z\\\\\\x\t\\N\tN\n", &tab).unwrap();
    assert_eq!(
        rows,
        [row(&[Some("a\0\u{8}\n\r\t\u{1a}\\x"), None, Some("N")])]
    );
}

#[test]
fn an_escaped_newline_or_delimiter_stays_in_the_field() {
    let tab = dialect(r#"{"delimiter":"\\t"}"#);
    let rows = read(b"1\ta\\\nb\\\tc\n2\t\\\\\n3\td", &tab).unwrap();
    assert_eq!(
        rows,
        [
            row(&[Some("1"), Some("a\nb\tc")]),
            row(&[Some("2"), Some("\\")]),
            row(&[Some("3"), Some("d")]),
        ]
    );
}

#[test]
fn quotes_hold_delimiters_newlines_and_doubled_quotes() {
    let csv = dialect(r#"{"quote":"\""}"#);
    let rows = read(
        b"\"a,\"\"b\"\"\n\",\"\\\"\",\"\\N\",\\N,\"\"\nx\"y,,\n",
        &csv,
    )
    .unwrap();
    assert_eq!(
        rows,
        [
            row(&[Some("a,\"b\"\n"), Some("\""), Some("N"), None, Some("")]),
            row(&[Some("x\"y"), Some(""), Some("")]),
        ]
    );
}

#[test]
fn a_carriage_return_before_the_newline_or_the_end_is_line_ending_unless_escaped() {
    let csv = dialect("{}");
    let rows = read(b"a,b\r\nc,d\\\r\ne,\\\\\r\nf,g\r", &csv).unwrap();
    assert_eq!(
        rows,
        [
            row(&[Some("a"), Some("b")]),
            row(&[Some("c"), Some("d\r")]),
            row(&[Some("e"), Some("\\")]),
            row(&[Some("f"), Some("g")]),
        ]
    );
}

#[test]
fn without_an_escape_a_backslash_is_a_character() {
    let plain = dialect(r#"{"escape":"","nulls":["NULL"]}"#);
    assert_eq!(
        read(b"a\\,\\N,NULL,\n", &plain).unwrap(),
        [row(&[Some("a\\"), Some("\\N"), None, Some("")])]
    );
}

#[test]
fn broken_quotes_are_named() {
    let csv = dialect(r#"{"quote":"\""}"#);
    assert_eq!(
        read(b"a,\"b\"c\n", &csv).unwrap_err(),
        "field 2 has text after its closing quote"
    );
    assert_eq!(
        read(b"a,b\nc,\"d\ne\n", &csv).unwrap_err(),
        "the file ends inside the quoted field of record 2"
    );
}

#[test]
fn a_record_without_end_is_refused_within_bounded_memory() {
    let csv = dialect(r#"{"quote":"\""}"#);
    let endless = b"a\n\"".chain(std::io::repeat(b'x'));
    let mut records = Records::new(endless, &csv, 1 << 40);
    let error = loop {
        match records.next_batch() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("an endless record ended"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, RecordError::TooLong(2)), "{error}");
}

/// Borders of parts are found by the dialect itself (docs/design/ingest.md#sources).
#[test]
fn parts_end_with_whole_records_whatever_the_reads() {
    let csv = dialect("{}");
    let text: Vec<u8> = (0..100)
        .flat_map(|i| format!("{i},a\\\nb\n").into_bytes())
        .collect();
    let batches = |source: &mut dyn Read| {
        let mut records = Records::new(source, &csv, 50);
        let mut batches: Vec<Batch> = Vec::new();
        while let Some(batch) = records.next_batch().unwrap() {
            batches.push(batch);
        }
        (batches, records.parts().to_vec())
    };
    let (whole, parts) = batches(&mut &text[..]);
    assert_eq!((whole, parts.clone()), batches(&mut Drip(&text)));
    assert_eq!(parts.first().unwrap().0, 0);
    assert_eq!(parts.last().unwrap().1, text.len() as u64);
    for pair in parts.windows(2) {
        assert_eq!(pair[0].1, pair[1].0);
        assert!(pair[0].1 - pair[0].0 >= 50);
        assert!(
            text[pair[0].1 as usize].is_ascii_digit(),
            "a part starts with a record"
        );
    }
}

#[test]
fn contradicting_dialects_are_refused() {
    for bad in [
        r#"{"delimiter":"ab"}"#,
        r#"{"delimiter":"é"}"#,
        r#"{"delimiter":"\n"}"#,
        r#"{"delimiter":"\\"}"#,
        r#"{"quote":"\\"}"#,
        r#"{"charset":"utf16"}"#,
        r#"{"compression":"lzma"}"#,
    ] {
        let error = Dialect::new(&serde_json::from_str(bad).unwrap()).unwrap_err();
        assert_eq!(error.reason(), "BadDialect", "{bad}");
    }
}
