//! A child of Object with values at the edges of their types.

use orrery_dev::archive::{Declaration, TableData};
use orrery_dev::rows::Row;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::data::{self, BASE, ColumnRow, SEGMENTS, chunked, maybe, one_of, pick, push, text};

const COLUMNS: &[ColumnRow] = &[
    ("extremeId", "BIGINT", false),
    ("objectId", "BIGINT", false),
    ("big", "DOUBLE", true),
    ("small", "FLOAT", true),
    ("wide", "DECIMAL(65,30)", true),
    ("whole", "DECIMAL(65,0)", true),
    ("huge", "BIGINT UNSIGNED", true),
    ("moment", "DATETIME(6)", true),
    ("zero", "DATE", true),
    ("span", "TIME(3)", true),
    ("mask", "BIT(64)", true),
    ("grade", "ENUM('low','high','')", true),
    ("tags", "SET('x','y','z')", true),
    ("pad", "VARCHAR(10)", true),
    ("nopad", "VARCHAR(10)", true),
    ("raw", "VARBINARY(8)", true),
    ("lone", "INT", true),
];

/// The tables of [`data::tables`] and `Extreme`.
pub fn tables(objects: i64) -> anyhow::Result<Vec<TableData>> {
    let mut tables = data::tables(objects)?;
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut segments = vec![Vec::new(); SEGMENTS];
    let mut next = 1;
    for object in 1..=objects {
        for _ in 0..random.random_range(0..3) {
            let row = row(&mut random, next, BASE + object);
            push(&mut segments, &mut random, row);
            next += 1;
        }
    }
    tables.push(TableData {
        declaration: Declaration::Chunked(chunked("Extreme", "child", COLUMNS)?),
        segments,
    });
    Ok(tables)
}

const BIG: &[&str] = &[
    "1e300",
    "-1e300",
    "1e-300",
    "0",
    "-0.0",
    "1.7976931348623157e308",
    "4.9e-324",
    "0.1",
    "12345678.9",
];
const SMALL: &[&str] = &["3.4e38", "-1e-38", "0.1", "16777217", "0"];
const WIDE: &[&str] = &[
    "99999999999999999999999999999999999.999999999999999999999999999999",
    "-99999999999999999999999999999999999.999999999999999999999999999999",
    "0.000000000000000000000000000001",
    "1.5",
    "0",
];
const WHOLE: &[&str] = &[
    "99999999999999999999999999999999999999999999999999999999999999999",
    "-1",
    "0",
    "18446744073709551616",
];
const HUGE: &[&str] = &[
    "18446744073709551615",
    "9223372036854775808",
    "9223372036854775807",
    "0",
    "7",
];
const MOMENTS: &[&str] = &[
    "0000-00-00 00:00:00.000000",
    "9999-12-31 23:59:59.999999",
    "1000-01-01 00:00:00.000001",
    "2024-02-29 12:00:00.500000",
];
const DAYS: &[&str] = &["0000-00-00", "2024-00-00", "2024-02-29", "9999-12-31"];
const SPANS: &[&str] = &[
    "838:59:59.000",
    "-838:59:59.000",
    "00:00:00.001",
    "-00:00:01.500",
    "12:30:00.000",
];
const PADS: &[&str] = &["a", "b", "ö", "", "zz", "10"];
const NOPADS: &[&str] = &["a", "a ", "A", "b", "", " "];

fn row(random: &mut ChaCha8Rng, id: i64, object: i64) -> Row {
    let bits: [u8; 8] = match random.random_range(0..4) {
        0 => [255; 8],
        1 => [128, 1, 1, 1, 1, 1, 1, 1],
        2 => [1, 2, 3, 4, 5, 6, 7, 11],
        _ => [1; 8],
    };
    let raw = match random.random_range(0..4) {
        0 => vec![0xff, 0xfe],
        1 => vec![0, 1, 0],
        2 => Vec::new(),
        _ => b"raw".to_vec(),
    };
    // A column that is NULL in most chunks.
    let lone = if object % 37 == 0 {
        text(pick(random, &["1", "-7"]))
    } else {
        None
    };
    vec![
        text(id),
        text(object),
        one_of(random, BIG),
        one_of(random, SMALL),
        one_of(random, WIDE),
        one_of(random, WHOLE),
        one_of(random, HUGE),
        one_of(random, MOMENTS),
        one_of(random, DAYS),
        one_of(random, SPANS),
        maybe(random, "").map(|_| bits.to_vec()),
        one_of(random, &["low", "high", ""]),
        one_of(random, &["", "x", "x,z", "y", "x,y,z"]),
        one_of(random, PADS),
        one_of(random, NOPADS),
        maybe(random, "").map(|_| raw),
        lone,
    ]
}
