//! Tables with every kind of column, and rows that are the same for the same seed.

use orrery_crds::kinds::{ChunkedTableSpec, ReferenceTableSpec};
use orrery_dev::archive::{Declaration, Shape, TableData};
use orrery_dev::rows::Row;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// First key less one.
pub(crate) const BASE: i64 = 390_030_275_138_000;
/// Segments of Object and Source.
pub(crate) const SEGMENTS: usize = 3;

/// Shape of the oracle's archive: small chunks, so that few rows fill many.
pub const SHAPE: Shape = Shape {
    workers: 3,
    replicas: 2,
    stripes: 18,
    sub_stripes: 10,
    overlap: 0.05,
    index_chunks: 4,
};

/// Name, type, and whether NULL is allowed.
pub(crate) type ColumnRow = (&'static str, &'static str, bool);

const OBJECT: &[ColumnRow] = &[
    ("objectId", "BIGINT", false),
    ("ra", "DOUBLE", false),
    ("decl", "DOUBLE", false),
    ("mag", "FLOAT", true),
    ("flux", "DOUBLE", true),
    ("kind", "ENUM('star','galaxy','agn')", true),
    ("flags", "SET('bright','moving','odd')", true),
    ("name", "VARCHAR(20)", true),
    ("code", "VARCHAR(8)", true),
    ("price", "DECIMAL(10,3)", true),
    ("run", "INT", true),
    ("tiny", "TINYINT UNSIGNED", false),
    ("padded", "INT(6) ZEROFILL", true),
    ("seen", "TIMESTAMP(3)", true),
    ("day", "DATE", true),
    ("at", "DATETIME(2)", true),
    ("bits", "BIT(4)", true),
    ("born", "YEAR", true),
    ("fixed", "DOUBLE(10,3)", true),
    ("note", "TEXT", true),
];

const SOURCE: &[ColumnRow] = &[
    ("sourceId", "BIGINT", false),
    ("objectId", "BIGINT", false),
    ("ra", "DOUBLE", false),
    ("decl", "DOUBLE", false),
    ("filterId", "TINYINT", false),
    ("psfFlux", "DOUBLE", true),
    ("psfMag", "FLOAT", true),
    ("quality", "ENUM('good','bad')", true),
    ("amount", "DECIMAL(12,4)", true),
    ("mjd", "DOUBLE", true),
];

const FILTER: &[ColumnRow] = &[
    ("filterId", "TINYINT", false),
    ("filterName", "VARCHAR(5)", true),
    ("lambda", "DOUBLE", true),
];

/// Database `sky`: `Object`, `Source`, `Filter`.
pub fn tables(objects: i64) -> anyhow::Result<Vec<TableData>> {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut object_rows = vec![Vec::new(); SEGMENTS];
    let mut source_rows = vec![Vec::new(); SEGMENTS];
    let mut next_source = 1;
    for number in 1..=objects {
        let id = BASE + number;
        let (ra, decl) = (
            random.random_range(0.0..45.0_f64),
            random.random_range(-20.0..20.0_f64),
        );
        let row = object(&mut random, id, ra, decl);
        push(&mut object_rows, &mut random, row);
        for _ in 0..random.random_range(0..6) {
            let row = source(&mut random, next_source, id, ra, decl);
            push(&mut source_rows, &mut random, row);
            next_source += 1;
        }
    }
    let filters = ["u", "g", "r", "i", "z", "y"].iter().enumerate();
    let filter =
        |(number, name): (usize, &&str)| vec![text(number), text(name), text(300 + 100 * number)];
    let filters: Vec<Row> = filters.map(filter).collect();
    Ok(vec![
        TableData {
            declaration: Declaration::Reference(reference("Filter", FILTER)?),
            segments: vec![filters],
        },
        TableData {
            declaration: Declaration::Chunked(chunked("Object", "director", OBJECT)?),
            segments: object_rows,
        },
        TableData {
            declaration: Declaration::Chunked(chunked("Source", "child", SOURCE)?),
            segments: source_rows,
        },
    ])
}

fn columns(columns: &[ColumnRow]) -> Vec<Value> {
    let column = |(name, sql_type, nullable): &ColumnRow| {
        let mut column = json!({ "name": name, "type": sql_type, "nullable": nullable });
        match *name {
            "code" => column["collation"] = json!("utf8mb4_bin"),
            "nopad" => column["collation"] = json!("utf8mb4_nopad_bin"),
            _ => {}
        }
        column
    };
    columns.iter().map(column).collect()
}

pub(crate) fn chunked(
    table: &str,
    role: &str,
    list: &[ColumnRow],
) -> anyhow::Result<ChunkedTableSpec> {
    let mut spec = json!({
        "database": "sky",
        "table": table,
        "family": "sky",
        "role": role,
        "key": "objectId",
        "columns": columns(list),
    });
    if list.iter().any(|(name, ..)| *name == "ra") {
        spec["position"] = json!({ "longitude": "ra", "latitude": "decl" });
    }
    if role == "child" {
        spec["director"] = json!("Object");
    }
    Ok(serde_json::from_value(spec)?)
}

fn reference(table: &str, list: &[ColumnRow]) -> anyhow::Result<ReferenceTableSpec> {
    Ok(serde_json::from_value(json!({
        "database": "sky",
        "table": table,
        "columns": columns(list),
        "primaryKey": ["filterId"],
    }))?)
}

pub(crate) fn push(segments: &mut [Vec<Row>], random: &mut ChaCha8Rng, row: Row) {
    let place = random.random_range(0..segments.len());
    if let Some(segment) = segments.get_mut(place) {
        segment.push(row);
    }
}

#[expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "a row reads as a list of cells, some of which may be NULL"
)]
pub(crate) fn text(value: impl ToString) -> Option<Vec<u8>> {
    Some(value.to_string().into_bytes())
}

pub(crate) fn maybe(random: &mut ChaCha8Rng, value: impl ToString) -> Option<Vec<u8>> {
    if random.random_ratio(1, 8) {
        None
    } else {
        text(value)
    }
}

pub(crate) fn pick<'v>(random: &mut ChaCha8Rng, values: &[&'v str]) -> &'v str {
    values
        .get(random.random_range(0..values.len()))
        .copied()
        .unwrap_or_default()
}

pub(crate) fn one_of(random: &mut ChaCha8Rng, values: &[&str]) -> Option<Vec<u8>> {
    let value = pick(random, values).to_owned();
    maybe(random, value)
}

/// Some that a FLOAT rounds.
const MAGNITUDES: &[&str] = &[
    "17.123456",
    "17.123457",
    "17.12346",
    "0.1",
    "21.5",
    "-3.25",
    "16777216",
    "1e-20",
];
const NAMES: &[&str] = &[
    "Vega", "vega", "Sirius", "Bärnard", "o'Neil", "", "a\\b", "Zeta ",
];
const NOTES: &[&str] = &[
    "short",
    "some longer text; with, punctuation",
    "line\nbreak",
];

fn object(random: &mut ChaCha8Rng, id: i64, ra: f64, decl: f64) -> Row {
    let flux = random.random_range(-1e3..1e6_f64);
    let price = format!(
        "{}.{:03}",
        random.random_range(-5000..5000_i32),
        random.random_range(0..1000)
    );
    let run = random.random_range(-3..6_i32);
    let tiny = random.random_range(0..4_u8);
    let padded = random.random_range(0..30_u32);
    // Around the end of summer time in Europe, where an hour comes twice.
    let minute = random.random_range(0..3) * 20;
    let seen = format!(
        "2026-10-25 0{}:{minute:02}:00.{:03}",
        random.random_range(0..4),
        random.random_range(0..2) * 500
    );
    let day = format!(
        "2026-0{}-1{}",
        random.random_range(1..4),
        random.random_range(0..3)
    );
    let at = format!(
        "2026-01-0{} 12:00:0{}.25",
        random.random_range(1..5),
        random.random_range(0..9)
    );
    let born = random.random_range(1999..2003);
    let fixed = format!(
        "{}.{:03}",
        random.random_range(0..50),
        random.random_range(0..1000)
    );
    // A BIT is loaded from its bytes; 0 would end a C string, so it is left out.
    let bits = vec![random.random_range(1..16_u8)];
    let bits = maybe(random, "").map(|_| bits);
    vec![
        text(id),
        text(ra),
        text(decl),
        one_of(random, MAGNITUDES),
        maybe(random, flux),
        one_of(random, &["star", "galaxy", "agn"]),
        one_of(random, &["", "bright", "moving,odd", "bright,odd", "odd"]),
        one_of(random, NAMES),
        one_of(random, &["a", "A", "b", "B", "ä"]),
        maybe(random, price),
        maybe(random, run),
        text(tiny),
        maybe(random, padded),
        maybe(random, seen),
        maybe(random, day),
        maybe(random, at),
        bits,
        maybe(random, born),
        maybe(random, fixed),
        one_of(random, NOTES),
    ]
}

fn source(random: &mut ChaCha8Rng, id: i64, object: i64, ra: f64, decl: f64) -> Row {
    let flux = random.random_range(-10.0..1e4_f64);
    let amount = format!(
        "{}.{:04}",
        random.random_range(0..1000),
        random.random_range(0..10_000)
    );
    let mjd = format!("{:.5}", random.random_range(51_000.0..51_010.0_f64));
    vec![
        text(id),
        text(object),
        text(ra),
        text(decl),
        text(random.random_range(0..7)),
        maybe(random, flux),
        one_of(random, &["17.1", "17.25", "18.333333", "19.99"]),
        one_of(random, &["good", "bad"]),
        text(amount),
        text(mjd),
    ]
}
