//! Rows of the small archive, the same for the same seed, spread over chunks and segments.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::catalog::{Catalog, ChunkSet, TableKey};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{catalog, grid, segment};

/// A row as SQL literals, with the place it is loaded to.
pub struct Row {
    pub values: String,
    pub chunk: u32,
    pub sub_chunk: u32,
    /// Segment that holds it.
    pub segment: u64,
}

/// Rows of an archive with its catalog.
pub struct Archive {
    pub catalog: Catalog,
    pub rows: BTreeMap<&'static str, Vec<Row>>,
    /// Chunks of each key.
    pub index: BTreeMap<String, ChunkSet>,
}

fn maybe(rng: &mut ChaCha8Rng, value: String) -> String {
    if rng.random_ratio(1, 8) {
        "NULL".into()
    } else {
        value
    }
}

fn pick<'v>(rng: &mut ChaCha8Rng, values: &[&'v str]) -> &'v str {
    values[rng.random_range(0..values.len())]
}

/// Some that a FLOAT rounds.
const MAGNITUDES: [&str; 8] = [
    "17.123456",
    "17.123457",
    "17.12346",
    "0.1",
    "21.5",
    "-3.25",
    "16777216",
    "1e-20",
];
const NAMES: [&str; 8] = [
    "Vega", "vega", "Sirius", "Bärnard", "o''Neil", "", "a\\\\b", "Zeta ",
];
const NOTES: [&str; 3] = [
    "short",
    "some longer text; with, punctuation",
    "line\\nbreak",
];

fn object_row(rng: &mut ChaCha8Rng, id: i64, ra: f64, decl: f64) -> String {
    let mag = pick(rng, &MAGNITUDES).to_owned();
    let flux = format!("{:e}", rng.random_range(-1e3..1e6_f64));
    let kind = format!("'{}'", pick(rng, &["star", "galaxy", "agn"]));
    let flags = format!(
        "'{}'",
        pick(rng, &["", "bright", "moving,odd", "bright,odd", "odd"])
    );
    let name = format!("'{}'", pick(rng, &NAMES));
    let code = format!("'{}'", pick(rng, &["a", "A", "b", "B", "ä"]));
    let price = format!(
        "{}.{:03}",
        rng.random_range(-5000..5000_i32),
        rng.random_range(0..1000)
    );
    let run = rng.random_range(-3..6_i32).to_string();
    let tiny = rng.random_range(0..4_u8);
    let padded = rng.random_range(0..30_u32).to_string();
    let seen = format!(
        "'2026-10-25 0{}:{:02}:00.{:03}'",
        rng.random_range(0..4),
        rng.random_range(0..3) * 20,
        rng.random_range(0..2) * 500
    );
    let day = format!(
        "'2026-0{}-1{}'",
        rng.random_range(1..4),
        rng.random_range(0..3)
    );
    let at = format!(
        "'2026-01-0{} 12:00:0{}.25'",
        rng.random_range(1..5),
        rng.random_range(0..9)
    );
    let bits = format!("b'{:04b}'", rng.random_range(0..16_u8));
    let born = format!("{}", rng.random_range(1999..2003));
    let fixed = format!(
        "{}.{:03}",
        rng.random_range(0..50),
        rng.random_range(0..1000)
    );
    let note = format!("'{}'", pick(rng, &NOTES));
    let nullable = [mag, flux, kind, flags, name, code, price, run];
    let nullable: Vec<String> = nullable
        .into_iter()
        .map(|value| maybe(rng, value))
        .collect();
    let rest = [padded, seen, day, at, bits, born, fixed, note];
    let rest: Vec<String> = rest.into_iter().map(|value| maybe(rng, value)).collect();
    format!(
        "{id}, {ra:e}, {decl:e}, {}, {tiny}, {}",
        nullable.join(", "),
        rest.join(", ")
    )
}

fn source_row(rng: &mut ChaCha8Rng, id: i64, object: i64, ra: f64, decl: f64) -> String {
    let flux = format!("{:e}", rng.random_range(-10.0..1e4_f64));
    let flux = maybe(rng, flux);
    let mag = pick(rng, &["17.1", "17.25", "18.333333", "19.99"]).to_owned();
    let mag = maybe(rng, mag);
    let quality = format!("'{}'", pick(rng, &["good", "bad"]));
    let quality = maybe(rng, quality);
    let amount = format!(
        "{}.{:04}",
        rng.random_range(0..1000),
        rng.random_range(0..10000)
    );
    let mjd = format!("{:.5}", rng.random_range(51000.0..51010.0_f64));
    format!(
        "{id}, {object}, {ra:e}, {decl:e}, {}, {flux}, {mag}, {quality}, {amount}, {mjd}",
        rng.random_range(0..7)
    )
}

/// Makes an archive of `objects` objects.
pub fn archive(objects: i64) -> Archive {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let grid = grid();
    let mut index: BTreeMap<String, ChunkSet> = BTreeMap::new();
    let (mut object_rows, mut source_rows) = (Vec::new(), Vec::new());
    let mut source_id = 1;
    for number in 1..=objects {
        let id = 390_030_275_138_000 + number;
        let (ra, decl) = (
            rng.random_range(0.0..45.0_f64),
            rng.random_range(-20.0..20.0_f64),
        );
        let cell = grid.locate(ra, decl).unwrap();
        index.entry(id.to_string()).or_default().insert(cell.chunk);
        object_rows.push(Row {
            values: object_row(&mut rng, id, ra, decl),
            chunk: cell.chunk,
            sub_chunk: cell.sub_chunk,
            segment: 1 + u64::from(rng.random_ratio(1, 3)),
        });
        for _ in 0..rng.random_range(0..6) {
            source_rows.push(Row {
                values: source_row(&mut rng, source_id, id, ra + 1e-4, decl),
                chunk: cell.chunk,
                sub_chunk: cell.sub_chunk,
                segment: 3 + rng.random_range(0..2),
            });
            source_id += 1;
        }
    }
    let filters = ["u", "g", "r", "i", "z", "y"]
        .iter()
        .enumerate()
        .map(|(number, name)| Row {
            values: format!("{number}, '{name}', {}", 300 + 100 * number),
            chunk: 0,
            sub_chunk: 0,
            segment: 5 + u64::from(number > 3),
        });
    let rows = BTreeMap::from([
        ("Object", object_rows),
        ("Source", source_rows),
        ("Filter", filters.collect()),
    ]);
    Archive {
        catalog: catalog_of(&rows),
        rows,
        index,
    }
}

fn catalog_of(rows: &BTreeMap<&'static str, Vec<Row>>) -> Catalog {
    let mut catalog = catalog();
    for (name, rows) in rows {
        let table = catalog
            .tables
            .get_mut(&TableKey::new("sky", *name))
            .unwrap();
        let ids: BTreeSet<u64> = rows.iter().map(|row| row.segment).collect();
        for id in ids {
            let mine = || rows.iter().filter(|row| row.segment == id);
            let home = if *name == "Filter" {
                ChunkSet::new()
            } else {
                mine().map(|row| row.chunk).collect()
            };
            table
                .segments
                .push(segment(id, home, mine().count() as u64));
        }
    }
    catalog
}
