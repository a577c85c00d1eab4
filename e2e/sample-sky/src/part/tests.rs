use std::collections::{BTreeMap, BTreeSet};

use orrery_sky::Grid;

use super::*;
use crate::area::{OVERLAP, STRIPES, SUB_STRIPES};
use crate::schema::columns;

fn text(sky: &Sky, table: Table, file: u32, files: u32) -> String {
    let bytes: Vec<u8> = sky
        .part(table, file, files)
        .unwrap()
        .blocks()
        .flatten()
        .collect();
    String::from_utf8(bytes).unwrap()
}

/// Fields of a line, escapes kept.
fn fields(line: &str) -> Vec<&str> {
    let mut start = 0;
    let mut escaped = false;
    let mut fields = Vec::new();
    for (place, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => {
                fields.push(&line[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    fields.push(&line[start..]);
    fields
}

#[test]
fn files_of_any_cut_hold_the_same_rows() {
    let sky = Sky::new(1000, 5).unwrap();
    for table in Table::ALL {
        let whole = text(&sky, table, 0, 1);
        for files in [2, 7, 1000, 1500] {
            let cut: String = (0..files)
                .map(|file| text(&sky, table, file, files))
                .collect();
            assert_eq!(cut, whole, "{table} in {files} files");
        }
    }
}

#[test]
fn the_rows_of_a_seed_are_the_same_and_of_another_seed_different() {
    let rows = |seed| text(&Sky::new(500, seed).unwrap(), Table::Source, 0, 1);
    assert_eq!(rows(1), rows(1));
    assert_ne!(rows(1), rows(2));
}

#[test]
fn a_larger_sky_of_the_same_seed_begins_with_the_smaller_one() {
    let small = text(&Sky::new(100, 3).unwrap(), Table::Object, 0, 1);
    assert!(text(&Sky::new(300, 3).unwrap(), Table::Object, 0, 1).starts_with(&small));
}

/// A digest of rows that are out in the world. When it changes, `GENERATOR_VERSION` must change
/// with it.
#[test]
fn the_generator_version_stands_for_these_rows() {
    let sky = Sky::new(2000, 42).unwrap();
    let mut digest = Sha256::new();
    for table in Table::ALL {
        digest.update(text(&sky, table, 0, 1));
    }
    let rows = hex::encode(digest.finalize());
    assert_eq!((GENERATOR_VERSION, &rows[..16]), (1, "925b94807e9dc6c5"));
}

#[test]
fn every_field_fits_its_column() {
    let sky = Sky::new(20_000, 9).unwrap();
    for table in Table::ALL {
        let columns = columns(table);
        let mut nulls = BTreeSet::new();
        for line in text(&sky, table, 0, 1).lines() {
            let fields = fields(line);
            assert_eq!(fields.len(), columns.len(), "{line}");
            for (field, column) in fields.iter().zip(columns) {
                if *field == "\\N" {
                    assert!(column.nullable, "{} is NULL in {line}", column.name);
                    nulls.insert(column.name);
                    continue;
                }
                let fits = match column.sql_type {
                    "BIGINT" => field.parse::<i64>().is_ok(),
                    "INT" => field.parse::<i32>().is_ok(),
                    "SMALLINT" => field.parse::<i16>().is_ok(),
                    "TINYINT" => field.parse::<i8>().is_ok(),
                    "DOUBLE" | "FLOAT" => field.parse::<f64>().is_ok_and(f64::is_finite),
                    "DECIMAL(7,5)" => field
                        .parse::<f64>()
                        .is_ok_and(|value| (0.0..100.0).contains(&value)),
                    "DATETIME" => field.len() == 19 && field.starts_with("202"),
                    "CHAR(1)" => field.len() == 1,
                    "VARCHAR(8)" => field.len() <= 8,
                    "VARCHAR(64)" => field.chars().count() <= 64,
                    other => panic!("no check for {other}"),
                };
                assert!(
                    fits,
                    "`{field}` is no {} in {}",
                    column.sql_type, column.name
                );
            }
        }
        if table == Table::Object {
            for column in columns.iter().filter(|column| column.nullable) {
                assert!(nulls.contains(column.name), "{} is never NULL", column.name);
            }
        }
    }
}

#[test]
fn a_million_objects_fill_100_to_400_chunks_with_5000_rows_each() {
    // A tenth of the objects and of the rows: positions are independent, so the shares are the
    // same.
    let grid = Grid::new(STRIPES, SUB_STRIPES, OVERLAP).unwrap();
    let mut rows: BTreeMap<u32, u32> = BTreeMap::new();
    for line in text(&Sky::new(100_000, 1).unwrap(), Table::Object, 0, 1).lines() {
        let fields = fields(line);
        let cell = grid
            .locate(fields[1].parse().unwrap(), fields[2].parse().unwrap())
            .unwrap();
        *rows.entry(cell.chunk).or_default() += 1;
    }
    assert!((100..=400).contains(&rows.len()), "{} chunks", rows.len());
    let least = rows.values().min().copied().unwrap_or_default();
    assert!(least >= 500, "{least} rows in the emptiest chunk");
}

#[test]
fn sources_follow_their_object() {
    let sky = Sky::new(3000, 4).unwrap();
    let objects = text(&sky, Table::Object, 0, 1);
    let objects: BTreeMap<&str, Vec<&str>> = objects
        .lines()
        .map(|line| (fields(line)[0], fields(line)))
        .collect();
    let sources = text(&sky, Table::Source, 0, 1);
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for line in sources.lines() {
        let source = fields(line);
        assert!(
            ids.insert(source[0].to_owned()),
            "source {} appears twice",
            source[0]
        );
        let object = &objects[source[1]];
        assert_eq!(
            (source[5], source[6]),
            (object[1], object[2]),
            "the object's position"
        );
        *counts.entry(source[1]).or_default() += 1;
        let place = |row: &[&str], at: usize| row[at].parse::<f64>().unwrap();
        let apart = orrery_sky::separation::spherical(
            place(&source, 3),
            place(&source, 4),
            place(object, 1),
            place(object, 2),
        );
        assert!(apart.unwrap() < 2.0 / 3600.0);
    }
    for (id, object) in &objects {
        assert_eq!(
            counts.get(id),
            Some(&object[20].parse().unwrap()),
            "sourceCount of {id}"
        );
    }
    let mean = ids.len() as f64 / objects.len() as f64;
    assert!((4.5..5.5).contains(&mean), "{mean} sources per object");
}

#[test]
fn files_that_are_not_there_are_refused() {
    let sky = Sky::new(10, 1).unwrap();
    assert_eq!(
        sky.part(Table::Object, 4, 4).unwrap_err(),
        PartError::File { file: 4, files: 4 }
    );
    assert_eq!(
        sky.part(Table::Object, 0, 0).unwrap_err(),
        PartError::Files(0)
    );
    assert_eq!(
        sky.part(Table::Object, 0, MAX_FILES + 1).unwrap_err(),
        PartError::Files(MAX_FILES + 1)
    );
    assert_eq!(
        Sky::new(MAX_OBJECTS + 1, 1).unwrap_err(),
        PartError::Objects(MAX_OBJECTS + 1)
    );
    assert!("object".parse::<Table>().is_err());
}

#[test]
fn entity_tags_differ_whenever_the_bytes_may() {
    let mut tags = BTreeSet::new();
    for (objects, seed) in [(10, 1), (11, 1), (10, 2)] {
        let sky = Sky::new(objects, seed).unwrap();
        for table in Table::ALL {
            for (file, files) in [(0, 1), (0, 2), (1, 2)] {
                assert!(tags.insert(sky.part(table, file, files).unwrap().etag()));
            }
        }
    }
}
