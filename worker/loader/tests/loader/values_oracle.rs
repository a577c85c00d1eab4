//! What a checker accepts, a strict MariaDB stores with the value the field's own text would have
//! given; what MariaDB refuses, the checker refuses too.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use orrery_archive::table::Column;
use orrery_kit_worker::Mysqld;
use orrery_loader::dialect::{Charset, Dialect};
use orrery_loader::values::Checker;
use orrery_wire::load_data::escape;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRng, TestRunner};

/// The default dialect with text in `charset`.
fn dialect(charset: Charset) -> Dialect {
    Dialect {
        charset,
        ..Dialect::new(&orrery_archive::ingest::Dialect::default()).unwrap()
    }
}

/// The settings of an agent's session, without its `sql_notes = 0`: accepted fields must not give
/// notes either.
const SESSION: &str = "SET SESSION time_zone = '+00:00', \
    sql_mode = 'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'";

/// A type, the characters random fields of it are made of, fields that are good, and fields that
/// are bad.
struct Family {
    sql_type: &'static str,
    alphabet: &'static str,
    good: &'static [&'static str],
    bad: &'static [&'static str],
}

const FAMILIES: &[Family] = &[
    Family {
        sql_type: "TINYINT",
        alphabet: "0123-+ .e",
        good: &[
            "0", "-128", "127", "+5", " 7", "-0", "000012", "1.0", "1e1", "-1.20e2", "12700e-2",
            ".0", "3.", "0e9",
        ],
        bad: &[
            "",
            " ",
            "128",
            "-129",
            "128.0",
            "1e3",
            "0x1",
            "--1",
            "1 2",
            "7 ",
            "NULL",
            "x",
            "99999999999999999999999",
        ],
    },
    Family {
        sql_type: "TINYINT UNSIGNED",
        alphabet: "01256-+.e",
        good: &["0", "255", "+1", "255.0", "2.55e2"],
        bad: &[
            "256",
            "-1",
            "-0",
            "-0.0",
            "-1.0",
            "0.5",
            "255.00000000000000000001",
            "1e99999999999",
            "",
        ],
    },
    Family {
        sql_type: "SMALLINT",
        alphabet: "0123456789-",
        good: &["-32768", "32767"],
        bad: &["32768", "-32769", ""],
    },
    Family {
        sql_type: "MEDIUMINT",
        alphabet: "0123456789-",
        good: &["-8388608", "8388607"],
        bad: &["8388608", ""],
    },
    Family {
        sql_type: "INT(11)",
        alphabet: "0123456789-",
        good: &["-2147483648", "2147483647"],
        bad: &["2147483648", ""],
    },
    Family {
        sql_type: "INT(6) ZEROFILL",
        alphabet: "0123456789",
        good: &["0", "42", "4294967295"],
        bad: &["4294967296", "-1"],
    },
    Family {
        sql_type: "BIGINT",
        alphabet: "0123456789-",
        good: &["-9223372036854775808", "9223372036854775807"],
        bad: &["9223372036854775808", "-9223372036854775809", ""],
    },
    Family {
        sql_type: "BIGINT UNSIGNED",
        alphabet: "0123456789",
        good: &["18446744073709551615", "00000000000000000000000000001"],
        bad: &["18446744073709551616", "-1"],
    },
    Family {
        sql_type: "DECIMAL(6,3)",
        alphabet: "0123459.-e",
        good: &[
            "0", "-999.999", "1.2345", "1.2355", "-1.2345", "999.9994", ".5", "5.", "1e2", "12e-1",
            "1E-9", "-0.0004", "+1.5", " 2",
        ],
        bad: &[
            "", "1000", "999.9995", "1e3", "1.2.3", ".", "-", "e5", "1e", "nan", "1,5",
        ],
    },
    Family {
        sql_type: "DECIMAL(20,0) UNSIGNED",
        alphabet: "0123456789.",
        good: &["99999999999999999999", "0.5", "1.49"],
        bad: &["100000000000000000000", "-1", ""],
    },
    Family {
        sql_type: "DECIMAL(65,30)",
        alphabet: "0123456789.-",
        good: &["12345678901234567890123456789012345.123456789012345678901234567890"],
        bad: &["123456789012345678901234567890123456"],
    },
    Family {
        sql_type: "FLOAT",
        alphabet: "0123456789.-e+",
        good: &[
            "0",
            "-0",
            "1.5",
            "3.4e38",
            "-3.40282e38",
            "1e-50",
            "1e-38",
            ".5",
            "5.",
            "+1",
            " 1",
            "2.4373e+06",
        ],
        bad: &[
            "",
            "3.5e38",
            "nan",
            "NaN",
            "inf",
            "-Infinity",
            "1e",
            "1e+",
            ".",
            "1 2",
            "0x10",
            "1_0",
            "e5",
        ],
    },
    Family {
        sql_type: "FLOAT UNSIGNED",
        alphabet: "0123456789.-",
        good: &["0", "1.5"],
        bad: &["-1", ""],
    },
    Family {
        sql_type: "FLOAT(6,2)",
        alphabet: "0123456789.-",
        good: &["1234.56", "9999.99", "1.005", "-9999.99"],
        bad: &["10000", "9999.999", "nan"],
    },
    Family {
        sql_type: "DOUBLE",
        alphabet: "0123456789.-e+",
        good: &[
            "0",
            "1.7976931348623157e308",
            "2.2250738585072014e-308",
            "0.1",
            "123456789.123456789",
            "9007199254740993",
            "1.13454822151113",
            "1e23",
            "8.5e-300",
        ],
        bad: &[
            "", "1.8e308", "1e999", "nan", "inf", "infinity", "abc", "1d5",
        ],
    },
    Family {
        sql_type: "DOUBLE(8,3) UNSIGNED",
        alphabet: "0123456789.",
        good: &["12345.678", "99999.999", "0.0005"],
        bad: &["100000", "-1"],
    },
    Family {
        sql_type: "BIT(1)",
        alphabet: "\u{0}\u{1}\u{2}",
        good: &["\u{0}", "\u{1}", "\u{0}\u{1}"],
        bad: &["1", "0", "\u{2}"],
    },
    Family {
        sql_type: "BIT(10)",
        alphabet: "\u{0}\u{1}\u{3}\u{4}a",
        good: &["\u{3}a", "a"],
        bad: &["\u{4}a", "aaa"],
    },
    Family {
        sql_type: "DATE",
        alphabet: "0129-",
        good: &[
            "2011-02-28",
            "2012-02-29",
            "0000-00-00",
            "2011-00-00",
            "2011-05-00",
            "9999-12-31",
            "2011-1-2",
            " 2011-01-02",
            "0001-01-01",
        ],
        bad: &[
            "",
            "2011-02-29",
            "2011-13-01",
            "2011-04-31",
            "11-1-2",
            "2011/01/01",
            "20110101",
            "yesterday",
            "2011-01-01 00:00:00",
            "1900-02-29",
            "2011-1-001",
        ],
    },
    Family {
        sql_type: "DATETIME",
        alphabet: "0129-: T",
        good: &[
            "2011-01-01 23:59:59",
            "2011-01-01T00:00:00",
            "2011-01-01",
            "0000-00-00 00:00:00",
            "2011-01-01 10:20",
            "2011-01-01 10:20:30.999999",
            "2011-1-1 1:2:3",
        ],
        bad: &[
            "",
            "2011-01-01 24:00:00",
            "2011-01-01 23:60:00",
            "2011-01-01 23:59:60",
            "2011-02-30 00:00:00",
            "2011-01-01  1:2:3",
            "2011-01-01 10:20:30 UTC",
        ],
    },
    Family {
        sql_type: "DATETIME(3)",
        alphabet: "0129-:. ",
        good: &[
            "2011-01-01 10:20:30.1234567",
            "2011-01-01 10:20:30.9996",
            "2011-01-01 10:20:30.5",
            "2011-01-01 10:20:30.",
        ],
        bad: &["2011-01-01 10:20:30.12x", "x"],
    },
    Family {
        sql_type: "TIMESTAMP",
        alphabet: "0129-: ",
        good: &[
            "1970-01-01 00:00:01",
            "2038-01-19 03:14:07",
            "0000-00-00 00:00:00",
            "2011-07-01 12:00:00",
        ],
        bad: &[
            "",
            "1970-01-01 00:00:00",
            "2038-01-19 03:14:08",
            "1969-12-31 23:59:59",
            "2011-00-01 00:00:00",
            "2039-01-01 00:00:00",
        ],
    },
    Family {
        sql_type: "TIMESTAMP(6)",
        alphabet: "0129-:. ",
        good: &["2011-07-01 12:00:00.123456", "2011-07-01T12:00:00.1234567"],
        bad: &["2038-01-19 03:14:08.0"],
    },
    Family {
        sql_type: "TIME",
        alphabet: "012589-:",
        good: &[
            "00:00:00",
            "-838:59:59",
            "838:59:59",
            "1:2:3",
            "10:11",
            "23:59:59.9",
        ],
        bad: &[
            "",
            "839:00:00",
            "00:60:00",
            "00:00:60",
            "noon",
            "-",
            "12",
            "1 12:00:00",
        ],
    },
    Family {
        sql_type: "TIME(2)",
        alphabet: "012589-:.",
        good: &["10:11:12.345", "-00:00:00.99"],
        bad: &["838:59:59x"],
    },
    Family {
        sql_type: "YEAR",
        alphabet: "0129",
        good: &["1901", "2155", "0000", "2026"],
        bad: &["", "1900", "2156", "26", "x", "20 1"],
    },
    Family {
        sql_type: "CHAR(3)",
        alphabet: "aé😀 ",
        good: &["", "abc", "éé😀", "ab   ", "   "],
        bad: &["abcd", "abc d", "éééé"],
    },
    Family {
        sql_type: "VARCHAR(3)",
        alphabet: "aé😀 \\\t\n\u{0}",
        good: &[
            "",
            "abc",
            "é😀é",
            "a\tb",
            "a\nb",
            "\\N",
            "abc  ",
            "\u{0}\u{1a}\r",
            "\\",
        ],
        bad: &["abcd", "é😀éa"],
    },
    Family {
        sql_type: "TINYTEXT",
        alphabet: "aé",
        good: &["", "some text"],
        bad: &[TEXT_256],
    },
    Family {
        sql_type: "BINARY(3)",
        alphabet: "a\u{0} \\",
        good: &["", "a", "abc", "a  "],
        bad: &["abcd", "abc "],
    },
    Family {
        sql_type: "VARBINARY(3)",
        alphabet: "a\u{0} \\\n",
        good: &["", "abc", "a  "],
        bad: &["abcd", "abc "],
    },
    Family {
        sql_type: "TINYBLOB",
        alphabet: "a\u{0}\u{7f}\\",
        good: &["", "\u{0}\\\n\t"],
        bad: &[TEXT_256],
    },
    Family {
        sql_type: "ENUM('a','b c','é','1')",
        alphabet: "abcé1 ",
        good: &["a", "b c", "é", "1"],
        bad: &["", "c", "2", "a,b c", "0"],
    },
    Family {
        sql_type: "SET('a','b','é')",
        alphabet: "abé,",
        good: &["", "a", "a,b", "b,a,é", "a,a"],
        bad: &["c", "a,", ",", "a b", "a,c"],
    },
    Family {
        sql_type: "JSON",
        alphabet: "{}[]\":,1a ",
        good: &[
            "{}",
            "[1,2.5e3,\"é\"]",
            "null",
            "\"x\"",
            "{\"a\":{\"b\":[true,false]}}",
            " 1",
            NESTED_31,
        ],
        bad: &["", "{", "{a:1}", "[1,]", "nul", "'x'", NESTED_32],
    },
];

const NESTED_31: &str = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]";
const NESTED_32: &str = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]";

const TEXT_256: &str = concat!(
    "0123456789012345678901234567890123456789012345678901234567890123",
    "0123456789012345678901234567890123456789012345678901234567890123",
    "0123456789012345678901234567890123456789012345678901234567890123",
    "0123456789012345678901234567890123456789012345678901234567890123",
);

struct Server {
    mysqld: Mysqld,
    conn: Conn,
}

impl Server {
    async fn start() -> Self {
        let mysqld = Mysqld::start();
        let options = OptsBuilder::default()
            .socket(Some(mysqld.socket().display().to_string()))
            .user(Some("root"));
        let mut conn = Conn::new(options).await.unwrap();
        conn.query_drop(SESSION).await.unwrap();
        conn.query_drop("CREATE DATABASE IF NOT EXISTS t")
            .await
            .unwrap();
        Self { mysqld, conn }
    }

    async fn table(&mut self, column: &Column) {
        let charset = column
            .charset
            .as_ref()
            .map_or(String::new(), |charset| format!("CHARACTER SET {charset}"));
        self.conn
            .query_drop("DROP TEMPORARY TABLE IF EXISTS t.v")
            .await
            .unwrap();
        let create = format!(
            "CREATE TEMPORARY TABLE t.v (id INT, v {} {charset} NULL) ENGINE=InnoDB",
            column.sql_type
        );
        self.conn.query_drop(create).await.unwrap();
    }

    /// The stored values, as hexadecimal digits, of rows loaded in one LOAD; the error or the
    /// warnings else.
    async fn load(&mut self, rows: &[Vec<u8>]) -> Result<Vec<Option<String>>, String> {
        let path = self.mysqld.pipe_dir().join("rows");
        let mut text = Vec::new();
        for (id, row) in rows.iter().enumerate() {
            text.extend_from_slice(format!("{id}\t").as_bytes());
            text.extend_from_slice(row);
            text.push(b'\n');
        }
        std::fs::write(&path, text).unwrap();
        let load = format!(
            "LOAD DATA INFILE '{}' INTO TABLE t.v CHARACTER SET binary FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' \
             LINES TERMINATED BY '\\n' (id, v)",
            path.display()
        );
        self.conn.query_drop("DELETE FROM t.v").await.unwrap();
        self.conn
            .query_drop(load)
            .await
            .map_err(|error| error.to_string())?;
        let warnings: Vec<(String, u32, String)> = self.conn.query("SHOW WARNINGS").await.unwrap();
        if let Some((level, code, message)) = warnings.first() {
            return Err(format!("{level} {code} {message}"));
        }
        let stored = "SELECT HEX(CAST(v AS BINARY)) FROM t.v ORDER BY id";
        Ok(self.conn.query(stored).await.unwrap())
    }
}

fn column(sql_type: &str, charset: &str) -> Column {
    let text = ["CHAR", "VARCHAR", "TINYTEXT", "ENUM", "SET"]
        .iter()
        .any(|name| sql_type.starts_with(name));
    serde_json::from_value(serde_json::json!({
        "name": "v", "type": sql_type, "charset": text.then_some(charset),
    }))
    .unwrap()
}

fn checked(checker: &Checker, field: &[u8]) -> Result<Vec<u8>, String> {
    let mut row = Vec::new();
    checker
        .check(Some(field), &mut row)
        .map(|()| row)
        .map_err(|bad| bad.to_string())
}

fn escaped(field: &[u8]) -> Vec<u8> {
    let mut row = Vec::new();
    escape(field, &mut row);
    row
}

/// Whether a LOAD's complaint is only a note: MariaDB stores the value, with less than was written.
fn is_note(error: &str) -> bool {
    error.starts_with("Note ")
}

#[tokio::test]
async fn accepted_fields_are_stored_as_strict_mariadb_stores_their_text() {
    let mut server = Server::start().await;
    let mut problems = Vec::new();
    for family in FAMILIES {
        let column = column(family.sql_type, "utf8mb4");
        let checker = Checker::new(&column, &dialect(Charset::Utf8)).unwrap();
        server.table(&column).await;
        for field in random(family)
            .iter()
            .map(String::as_str)
            .chain(family.good.iter().copied())
        {
            if let Err(problem) = server.compare(&checker, field).await {
                problems.push(format!("{} {field:?}: {problem}", family.sql_type));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Whether a checker may refuse what MariaDB stores without a word: it rounds to integers, takes a
/// minus before a zero where there are no signs, guesses dates, times and members, cuts tabs at the
/// end of a CHAR, and takes `3.` for JSON.
fn may_refuse(sql_type: &str, field: &str) -> bool {
    let guessed = [
        "DATE",
        "DATETIME",
        "TIME",
        "TIMESTAMP",
        "YEAR",
        "ENUM",
        "SET",
    ];
    let name = sql_type.split(['(', ' ']).next().unwrap_or(sql_type);
    let (whole, fraction) = field
        .trim_start()
        .split_once('.')
        .unwrap_or((field.trim_start(), ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_fraction = fraction.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    let minus_zero = whole == "-0" && !has_fraction;
    let number = field.trim_start().parse::<f64>();
    let small = number.is_ok_and(|number| number.fract() != 0.0);
    match name {
        _ if guessed.contains(&name) => true,
        "CHAR" => field.ends_with('\t'),
        "JSON" => is_digits(whole) && field.ends_with('.'),
        _ if name.ends_with("INT") => minus_zero || has_fraction || small,
        _ => false,
    }
}

/// The fields are those of all types, so that each type meets what is good or bad for the others.
#[tokio::test]
async fn a_field_of_any_type_is_judged_at_every_type_as_strict_mariadb_judges_it() {
    let mut server = Server::start().await;
    let fields: std::collections::BTreeSet<&str> = FAMILIES
        .iter()
        .flat_map(|family| family.good.iter().chain(family.bad).copied())
        .collect();
    let mut problems = Vec::new();
    for family in FAMILIES {
        let column = column(family.sql_type, "utf8mb4");
        let checker = Checker::new(&column, &dialect(Charset::Utf8)).unwrap();
        server.table(&column).await;
        for field in &fields {
            let result = match checked(&checker, field.as_bytes()) {
                Ok(_) => server.compare(&checker, field).await,
                Err(_) if may_refuse(family.sql_type, field) => Ok(()),
                Err(reason) => match server.load(&[escaped(field.as_bytes())]).await {
                    Ok(stored) => Err(format!("refused: {reason}; stored as {stored:?}")),
                    Err(_) => Ok(()),
                },
            };
            if let Err(problem) = result {
                problems.push(format!("{} {field:?}: {problem}", family.sql_type));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn good_fields_are_accepted_and_bad_ones_rejected() {
    let mut problems = Vec::new();
    for family in FAMILIES {
        let checker =
            Checker::new(&column(family.sql_type, "utf8mb4"), &dialect(Charset::Utf8)).unwrap();
        let good = family.good.iter().map(|field| (field, true));
        for (field, good) in good.chain(family.bad.iter().map(|field| (field, false))) {
            let answer = checked(&checker, field.as_bytes());
            if answer.is_ok() != good {
                problems.push(format!("{} {field:?}: {answer:?}", family.sql_type));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

impl Server {
    /// Loads `field` as it is and as the checker writes it, if it accepts it; both must be stored
    /// alike.
    async fn compare(&mut self, checker: &Checker, field: &str) -> Result<(), String> {
        let Ok(row) = checked(checker, field.as_bytes()) else {
            return Ok(());
        };
        let stored = match self.load(&[escaped(field.as_bytes())]).await {
            Err(note) if is_note(&note) => {
                self.conn.query_drop("SET sql_notes = 0").await.unwrap();
                let stored = self.load(&[escaped(field.as_bytes())]).await;
                self.conn.query_drop("SET sql_notes = 1").await.unwrap();
                stored
            }
            other => other,
        };
        let stored = stored.map_err(|error| format!("MariaDB refuses it: {error}"))?;
        let written = self.load(std::slice::from_ref(&row)).await;
        if written.as_ref() == Ok(&stored) {
            return Ok(());
        }
        let row = String::from_utf8_lossy(&row).into_owned();
        Err(format!(
            "stored as {stored:?}, written as {row:?} and so stored as {written:?}"
        ))
    }
}

/// Random fields, and the good ones with one character put in, taken out or changed; the same in
/// every run.
fn random(family: &Family) -> Vec<String> {
    let config = Config::default();
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let alphabet: Vec<char> = family.alphabet.chars().collect();
    let good: Vec<String> = family.good.iter().map(|good| (*good).to_owned()).collect();
    let letter = proptest::sample::select(alphabet);
    let free = proptest::collection::vec(letter.clone(), 0..8)
        .prop_map(|letters| letters.into_iter().collect::<String>());
    let bent = (
        proptest::sample::select(good),
        letter,
        any::<proptest::sample::Index>(),
        0..3,
    )
        .prop_map(|(good, letter, at, what)| {
            let mut letters: Vec<char> = good.chars().collect();
            let at = at.index(letters.len() + 1);
            match what {
                0 => letters.insert(at, letter),
                1 if at < letters.len() => letters[at] = letter,
                _ if at < letters.len() => {
                    letters.remove(at);
                }
                _ => {}
            }
            letters.into_iter().collect::<String>()
        });
    let mut fields: Vec<String> = (0..60)
        .map(|_| free.new_tree(&mut runner).unwrap().current())
        .collect();
    fields.extend((0..90).map(|_| bent.new_tree(&mut runner).unwrap().current()));
    fields
}

#[tokio::test]
async fn text_reaches_every_charset_as_the_same_characters() {
    let mut server = Server::start().await;
    let text = "aé€Ž\u{81}ÿ";
    let latin1: &[u8] = b"a\xe9\x80\x8e\x81\xff";
    for (target, expected) in [
        ("utf8mb4", text.as_bytes()),
        ("utf8mb3", text.as_bytes()),
        ("latin1", latin1),
    ] {
        let column = column("VARCHAR(6)", target);
        server.table(&column).await;
        for (source, field) in [
            (Charset::Utf8, text.as_bytes()),
            (Charset::Latin1, latin1),
            (Charset::Binary, expected),
        ] {
            let checker = Checker::new(&column, &dialect(source)).unwrap();
            let row = checked(&checker, field).unwrap();
            let stored = server.load(&[row]).await.unwrap();
            let hex = hex::encode_upper(expected);
            assert_eq!(stored, [Some(hex)], "{source:?} to {target}");
        }
        let characters: Vec<Option<String>> = server
            .conn
            .query("SELECT CONVERT(v USING utf8mb4) FROM t.v")
            .await
            .unwrap();
        assert_eq!(characters, [Some(text.to_owned())], "{target}");
    }
}

#[test]
fn text_outside_its_charset_is_rejected_with_the_reason() {
    let reason = |target: &str, source, field: &[u8]| {
        checked(
            &Checker::new(&column("VARCHAR(9)", target), &dialect(source)).unwrap(),
            field,
        )
        .unwrap_err()
    };
    assert_eq!(
        reason("utf8mb4", Charset::Utf8, b"a\xff"),
        "`a\u{fffd}` is not valid utf8mb4"
    );
    assert_eq!(
        reason("utf8mb3", Charset::Utf8, "😀".as_bytes()),
        "`😀` is not valid utf8mb3"
    );
    assert_eq!(
        reason("ascii", Charset::Utf8, "é".as_bytes()),
        "`é` is not valid ascii"
    );
    assert_eq!(
        reason("latin1", Charset::Utf8, "ł".as_bytes()),
        "`ł` does not exist in latin1"
    );
    assert_eq!(
        reason("utf8mb4", Charset::Binary, b"\xed\xa0\x80"),
        "`\u{fffd}\u{fffd}\u{fffd}` is not valid utf8mb4"
    );
}

#[test]
fn null_is_stored_where_it_is_allowed_only() {
    let mut column = column("INT", "utf8mb4");
    let mut row = Vec::new();
    Checker::new(&column, &dialect(Charset::Utf8))
        .unwrap()
        .check(None, &mut row)
        .unwrap();
    assert_eq!(row, b"\\N");
    column.nullable = false;
    let bad = Checker::new(&column, &dialect(Charset::Utf8))
        .unwrap()
        .check(None, &mut row)
        .unwrap_err();
    assert_eq!(bad.to_string(), "NULL in a column that is NOT NULL");
}

#[test]
fn every_family_of_types_names_the_reason() {
    let reason = |sql_type: &str, field: &str| {
        checked(
            &Checker::new(&column(sql_type, "utf8mb4"), &dialect(Charset::Utf8)).unwrap(),
            field.as_bytes(),
        )
        .unwrap_err()
    };
    for (sql_type, field, expected) in [
        ("TINYINT", "300", "`300` is outside -128 to 127"),
        ("INT", "", "an empty field is not an integer"),
        ("INT", "12x", "`12x` is not an integer"),
        ("INT", "12.5", "`12.5` is not an integer"),
        ("DECIMAL(4,2)", "123", "`123` is outside DECIMAL(4,2)"),
        (
            "DOUBLE",
            "NaN",
            "`NaN` cannot be stored: columns hold finite numbers or NULL; dialect.notFinite: null stores NULL",
        ),
        ("FLOAT", "1e40", "`1e40` is outside FLOAT"),
        (
            "DATE",
            "2011-02-30",
            "`2011-02-30` is not a date (YYYY-MM-DD)",
        ),
        (
            "YEAR",
            "1900",
            "`1900` is not a year (1901 to 2155, or 0000)",
        ),
        (
            "TIME",
            "25h",
            "`25h` is not a time (HH:MM:SS, at most 838:59:59)",
        ),
        (
            "CHAR(2)",
            "abc",
            "`abc` has 3 characters, the column holds 2",
        ),
        (
            "VARBINARY(2)",
            "abc",
            "3 bytes are more than the 2 the column holds",
        ),
        (
            "BIT(2)",
            "\u{4}",
            "`\\u{4}` taken as bytes does not fit BIT(2)",
        ),
        ("ENUM('a')", "b", "`b` is not one of the column's members"),
        ("SET('a')", "a,b", "`b` is not one of the column's members"),
    ] {
        assert_eq!(reason(sql_type, field), expected);
    }
}

#[test]
fn a_dialect_with_defaults_is_utf8() {
    let dialect = Dialect::new(&orrery_archive::ingest::Dialect::default()).unwrap();
    assert_eq!(dialect.charset, Charset::Utf8);
}
