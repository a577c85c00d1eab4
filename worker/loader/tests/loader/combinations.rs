//! The same rows in any dialect that can write them, with any line ends, mark, character set and
//! compression, are the rows of the plain dialect.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::common::*;
use orrery_archive::ingest::{BlankLines, Dialect, NotFinite};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use serde_json::json;

/// Texts with what means something to one dialect or another.
const TEXTS: [&str; 20] = [
    "star",
    "a,b",
    "tab\there",
    "semi;colon",
    "p|pe",
    "two words",
    "back\\slash",
    "ends\\",
    "quo\"te",
    "\"",
    "line\nbreak",
    "cr\rin",
    "cr\r",
    " lead",
    "trail ",
    "#no comment",
    "grün",
    "null",
    "NaN",
    "",
];
const NULLS: [&str; 4] = ["\\N", "", "null", "\"\""];

/// How rows are written.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a choice of its own, and all combinations are meant"
)]
struct Shape {
    delimiter: char,
    quote: bool,
    escape: bool,
    quote_all: bool,
    null: &'static str,
    not_finite: bool,
    header: bool,
    units: bool,
    comments: bool,
    blank_lines: bool,
    padded: bool,
    words: bool,
    decimals: bool,
    crlf: bool,
    end: &'static str,
    mark: bool,
    latin1: bool,
    packing: &'static str,
}

prop_compose! {
    fn shape()(
        (delimiter, null, end, packing) in (
            select(&[',', '\t', ';', '|', ' '][..]), select(&NULLS[..]),
            select(&["whole", "bare", "cr"][..]),
            select(&["plain", "gzip", "gzip members", "zstd", "zstd frames", "pzstd"][..]),
        ),
        flags in prop::array::uniform14(any::<bool>()),
    ) -> Shape {
        let [quote, escape, quote_all, not_finite, header, units, comments, blank_lines, padded,
             words, decimals, crlf, mark, latin1] = flags;
        Shape {
            delimiter, null, end, packing, quote, escape, not_finite, header, comments, blank_lines,
            words, decimals, crlf,
            quote_all: quote && quote_all,
            units: header && units,
            padded: padded && delimiter != ' ',
            mark: mark && !latin1,
            latin1,
        }
    }
}

#[derive(Clone, Debug)]
struct Row {
    id: u32,
    n: Option<i32>,
    flag: bool,
    mag: Option<f32>,
    name: Option<&'static str>,
}

fn row() -> impl Strategy<Value = Row> {
    (
        0..100_000_u32,
        proptest::option::of(-9..9_i32),
        any::<bool>(),
        proptest::option::of((0..999_u32).prop_map(|mag| mag as f32 / 8.0)),
        proptest::option::of(select(&TEXTS[..])),
    )
        .prop_map(|(id, n, flag, mag, name)| Row {
            id,
            n,
            flag,
            mag,
            name,
        })
}

impl Shape {
    fn dialect(&self) -> Dialect {
        Dialect {
            delimiter: if self.delimiter == '\t' {
                "\\t".into()
            } else {
                self.delimiter.into()
            },
            quote: self.quote.then(|| "\"".into()),
            escape: if self.escape {
                "\\".into()
            } else {
                String::new()
            },
            nulls: vec![self.null.into()],
            header: self.header,
            skip_after_header: if self.units { 2 } else { 0 },
            comment: if self.comments {
                "#".into()
            } else {
                String::new()
            },
            blank_lines: if self.blank_lines {
                BlankLines::Skip
            } else {
                BlankLines::Records
            },
            trim: self.padded,
            not_finite: if self.not_finite {
                NotFinite::Null
            } else {
                NotFinite::Reject
            },
            booleans: self.words,
            charset: if self.latin1 { "latin1" } else { "utf8mb4" }.into(),
            ..Dialect::default()
        }
    }

    /// A text as this dialect writes it; `None` when it cannot.
    fn text(&self, value: &str) -> Option<String> {
        let edges = value.trim_matches([' ', '\t']) != value;
        // Without quotes nothing may look like their beginning, a NULL or an end.
        let special = value.contains([self.delimiter, '\n', '\r'])
            || (self.escape && value.contains('\\'))
            || (self.quote && value.contains('"'))
            || (self.padded && edges);
        let bare = !special && value != self.null;
        let quoted = format!("\"{}\"", value.replace('"', "\"\""));
        let is_null = quoted == self.null;
        if self.quote && (self.quote_all || !bare) && !is_null {
            let escaped = || quoted.replace('\\', "\\\\");
            return Some(if self.escape { escaped() } else { quoted });
        }
        if bare {
            return Some(value.to_owned());
        }
        if !self.escape || value.is_empty() {
            return None;
        }
        // Some letters mean something else behind an escape.
        let mut text = String::new();
        for (index, character) in value.chars().enumerate() {
            match character {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\\' | '"' | ' ' => text.extend(['\\', character]),
                'u' if index == 1 => text.push_str("\\u"),
                other if other == self.delimiter => text.extend(['\\', other]),
                other => text.push(other),
            }
        }
        Some(text)
    }

    /// A value that is no text, with the blanks and quotes of this dialect.
    fn plain(&self, value: &str) -> String {
        let quoted = if self.quote_all {
            format!("\"{value}\"")
        } else {
            value.to_owned()
        };
        self.pad(quoted)
    }

    fn pad(&self, value: String) -> String {
        if self.padded {
            format!(" {value}  ")
        } else {
            value
        }
    }

    /// A missing value; where NULL is written in quotes alone a dialect without them has no other.
    fn null(&self) -> String {
        self.pad(self.null.to_owned())
    }

    fn fields(&self, row: &Row) -> Option<Vec<String>> {
        let point = if self.decimals { ".0" } else { "" };
        let integer = |number: i64| self.plain(&format!("{number}{point}"));
        let flag = match (self.words, row.flag) {
            (true, true) => self.plain("True"),
            (true, false) => self.plain("f"),
            (false, flag) => integer(flag.into()),
        };
        let mag = match row.mag {
            Some(mag) => self.plain(&mag.to_string()),
            None if self.not_finite => self.plain("NaN"),
            None => self.null(),
        };
        Some(vec![
            integer(row.id.into()),
            self.plain("10.25"),
            self.plain("-5.5"),
            row.n.map_or_else(|| self.null(), |n| integer(n.into())),
            flag,
            mag,
            match row.name {
                None => self.null(),
                Some(name) => self.pad(self.text(name)?),
            },
        ])
    }

    /// A file of the rows that this dialect can write, and those.
    fn file(&self, rows: &[Row]) -> (Vec<u8>, Vec<Row>) {
        let end = if self.crlf { "\r\n" } else { "\n" };
        let separator = self.delimiter.to_string();
        let line = |cells: &[&str]| {
            let cells = cells.iter().map(|cell| self.plain(cell));
            cells.collect::<Vec<_>>().join(&separator) + end
        };
        let mut text = String::new();
        if self.comments {
            let _ = write!(text, "# a \"comment{end}#{end}");
        }
        if self.header {
            text += &line(&["objectId", "ra", "decl", "n", "flag", "mag", "name"]);
        }
        if self.units {
            text += &line(&["-", "deg", "deg", "-", "-", "mag", "-"]);
            text += &line(&["---"; 7]);
        }
        let mut written = Vec::new();
        for row in rows {
            let Some(fields) = self.fields(row) else {
                continue;
            };
            if self.blank_lines && row.id % 3 == 0 {
                text += end;
            }
            if self.comments && row.id % 5 == 0 {
                // A comment is one line.
                let line = fields.join(&separator).replace(['\n', '\r'], " ");
                text += &format!("#{line}{end}");
            }
            text += &fields.join(&separator);
            text += end;
            written.push(row.clone());
        }
        if self.end != "whole" && !written.is_empty() {
            text.truncate(text.len() - end.len());
            if self.end == "cr" {
                text.push('\r');
            }
        }
        let mut bytes: Vec<u8> = if self.latin1 {
            text.chars().map(|c| u8::try_from(c).unwrap()).collect()
        } else {
            text.into_bytes()
        };
        if self.mark {
            bytes.splice(0..0, *b"\xef\xbb\xbf");
        }
        (self.pack(&bytes), written)
    }

    fn pack(&self, bytes: &[u8]) -> Vec<u8> {
        let (first, second) = bytes.split_at(bytes.len() / 3);
        let gzip = |bytes: &[u8]| {
            let level = flate2::Compression::fast();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
        let skippable = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3].to_vec();
        match self.packing {
            "plain" => bytes.to_vec(),
            "gzip" => gzip(bytes),
            "gzip members" => [gzip(first), gzip(b""), gzip(second), vec![0; 700]].concat(),
            "zstd" => zstd(bytes),
            "zstd frames" => [zstd(first), zstd(b""), zstd(second)].concat(),
            _ => [
                skippable.clone(),
                zstd(first),
                skippable.clone(),
                zstd(second),
                skippable,
            ]
            .concat(),
        }
    }
}

/// Surveys a file; rows as loaded, in the order of the file, and the list of rejects.
async fn surveyed(dialect: Dialect, file: &[u8]) -> (Vec<String>, String) {
    let place = Place::new();
    let table = reference(&json!([
        {"name": "objectId", "type": "BIGINT", "nullable": false},
        {"name": "ra", "type": "DOUBLE", "nullable": false},
        {"name": "decl", "type": "DOUBLE", "nullable": false},
        {"name": "n", "type": "INT", "nullable": true},
        {"name": "flag", "type": "TINYINT", "nullable": false},
        {"name": "mag", "type": "FLOAT", "nullable": true},
        {"name": "name", "type": "VARCHAR(40)", "charset": "utf8mb4", "collation": "utf8mb4_bin"},
    ]));
    let target = orrery_worker_api::loader::SurveyTarget::Reference { table };
    let mut survey = survey_of(target, vec![place.file("rows", file)]);
    survey.dialect = dialect;
    survey.max_rejects = 1000;
    let (finished, directory) = place.survey(survey).await.unwrap();
    let rows = spooled(&finished, &directory).into_iter();
    (rows.map(|row| row.3).collect(), rejects(&directory))
}

/// Rows as `LOAD DATA` writes them.
fn plainly(rows: &[Row]) -> Vec<u8> {
    let null = || "\\N".to_owned();
    let mut text = String::new();
    for row in rows {
        let name = row.name.map_or_else(null, |name| {
            name.replace('\\', "\\\\")
                .replace('\t', "\\\t")
                .replace('\n', "\\\n")
                .replace('\r', "\\\r")
        });
        let n = row.n.map_or_else(null, |n| n.to_string());
        let mag = row.mag.map_or_else(null, |mag| mag.to_string());
        let flag = u8::from(row.flag);
        let _ = writeln!(text, "{}\t10.25\t-5.5\t{n}\t{flag}\t{mag}\t{name}", row.id);
    }
    text.into_bytes()
}

#[test]
fn rows_are_the_same_in_every_dialect() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let plain = Dialect {
        delimiter: "\\t".into(),
        ..Dialect::default()
    };
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(
            &(shape(), prop::collection::vec(row(), 1..12)),
            |(shape, rows)| {
                let (file, written) = shape.file(&rows);
                let expected = runtime.block_on(surveyed(plain.clone(), &plainly(&written)));
                prop_assert_eq!(expected.0.len(), written.len());
                let found = runtime.block_on(surveyed(shape.dialect(), &file));
                prop_assert_eq!(found, expected);
                Ok(())
            },
        )
        .unwrap();
}
