//! A small archive for tests: its catalog.

use std::collections::BTreeMap;

use orrery_archive::catalog::{
    AcceptedReference, AcceptedTable, Catalog, ChunkSet, Epochs, Family, FamilyGrid, IndexTable,
    Segment, Table, TableKey, TableKind,
};
use orrery_archive::replicas::FamilyReplicas;
use orrery_archive::table::{Column, SecondaryKey};
use orrery_archive::table::{OnDeletion, PositionColumns, UniqueKey};

pub const STRIPES: u32 = 18;
pub const SUB_STRIPES: u32 = 10;
pub const OVERLAP: f64 = 0.05;

pub fn grid() -> orrery_sky::Grid {
    orrery_sky::Grid::new(STRIPES, SUB_STRIPES, OVERLAP).unwrap()
}

fn column(definition: &str) -> Column {
    let (name, sql_type) = definition.split_once(' ').unwrap();
    let (sql_type, nullable) = match sql_type.strip_suffix(" NOT NULL") {
        Some(sql_type) => (sql_type, false),
        None => (sql_type, true),
    };
    let text = ["CHAR", "TEXT", "ENUM", "SET("]
        .iter()
        .any(|word| sql_type.contains(word));
    let collation = if sql_type == "VARCHAR(8)" {
        "utf8mb4_bin"
    } else {
        "utf8mb4_general_ci"
    };
    Column {
        nullable,
        charset: text.then(|| "utf8mb4".into()),
        collation: text.then(|| collation.into()),
        ..Column::new(name, sql_type)
    }
}

fn columns(definitions: &[&str]) -> Vec<Column> {
    definitions
        .iter()
        .map(|definition| column(definition))
        .collect()
}

pub fn object_columns() -> Vec<Column> {
    columns(&[
        "objectId BIGINT NOT NULL",
        "ra DOUBLE NOT NULL",
        "decl DOUBLE NOT NULL",
        "mag FLOAT",
        "flux DOUBLE",
        "kind ENUM('star','galaxy','agn')",
        "flags SET('bright','moving','odd')",
        "name VARCHAR(20)",
        "code VARCHAR(8)",
        "price DECIMAL(10,3)",
        "run INT",
        "tiny TINYINT UNSIGNED NOT NULL",
        "padded INT(6) ZEROFILL",
        "seen TIMESTAMP(3)",
        "day DATE",
        "at DATETIME(2)",
        "bits BIT(4)",
        "born YEAR",
        "fixed DOUBLE(10,3)",
        "note TEXT",
    ])
}

fn source_columns() -> Vec<Column> {
    columns(&[
        "sourceId BIGINT NOT NULL",
        "objectId BIGINT NOT NULL",
        "ra DOUBLE NOT NULL",
        "decl DOUBLE NOT NULL",
        "filterId TINYINT NOT NULL",
        "psfFlux DOUBLE",
        "psfMag FLOAT",
        "quality ENUM('good','bad')",
        "amount DECIMAL(12,4)",
        "mjd DOUBLE",
    ])
}

fn chunked(key: &str, columns: Vec<Column>) -> AcceptedTable {
    AcceptedTable {
        family: "sphere".into(),
        key: key.into(),
        position: Some(PositionColumns {
            longitude: "ra".into(),
            latitude: "decl".into(),
        }),
        columns,
        indexes: Vec::<SecondaryKey>::new(),
        unique_key: UniqueKey::Enforced,
        charset: "utf8mb4".into(),
        collation: "utf8mb4_general_ci".into(),
        scan_rating: 10,
        qserv_compat: false,
    }
}

fn table(incarnation: u64, kind: TableKind, segments: Vec<Segment>) -> Table {
    Table {
        incarnation,
        object: "table".into(),
        schema_version: 1,
        kind,
        segments,
        revoked: Vec::new(),
        on_deletion: OnDeletion::Retain,
    }
}

pub fn segment(id: u64, home: ChunkSet, rows: u64) -> Segment {
    Segment {
        id,
        attempt: 100 + id,
        schema_version: 1,
        home,
        overlap: ChunkSet::new(),
        rows,
        bytes: 1,
        ingest: format!("ingest-{id}"),
        origin: None,
        published: 1,
        revoked: None,
    }
}

fn director(columns: Vec<Column>) -> TableKind {
    let index = IndexTable {
        incarnation: 50,
        family: "sphere-index".into(),
        segments: Vec::new(),
        revoked: Vec::new(),
    };
    TableKind::Director(chunked("objectId", columns), index)
}

/// Tables without segments; tests add them.
pub fn catalog() -> Catalog {
    let family = Family::new(
        1,
        "pool",
        FamilyReplicas::default(),
        FamilyGrid::Sphere {
            stripes: STRIPES,
            sub_stripes: SUB_STRIPES,
            overlap: OVERLAP,
            index_chunks: 4,
        },
    );
    let filter = AcceptedReference {
        columns: columns(&[
            "filterId TINYINT NOT NULL",
            "filterName VARCHAR(5)",
            "lambda DOUBLE",
        ]),
        primary_key: vec!["filterId".into()],
        indexes: Vec::new(),
        charset: "utf8mb4".into(),
        collation: "utf8mb4_general_ci".into(),
    };
    let mut repeating = chunked(
        "objectId",
        columns(&[
            "objectId BIGINT NOT NULL",
            "ra DOUBLE NOT NULL",
            "decl DOUBLE NOT NULL",
        ]),
    );
    repeating.unique_key = UniqueKey::MayRepeat;
    let repeating = match director(Vec::new()) {
        TableKind::Director(_, index) => TableKind::Director(repeating, index),
        other => other,
    };
    let tables = [
        ("Object", table(7, director(object_columns()), Vec::new())),
        (
            "Source",
            table(
                8,
                TableKind::Child(chunked("objectId", source_columns()), "Object".into()),
                Vec::new(),
            ),
        ),
        ("Filter", table(9, TableKind::Reference(filter), Vec::new())),
        ("Repeating", table(10, repeating, Vec::new())),
        (
            "Other",
            table(
                11,
                director(columns(&[
                    "objectId BIGINT NOT NULL",
                    "ra DOUBLE NOT NULL",
                    "decl DOUBLE NOT NULL",
                ])),
                Vec::new(),
            ),
        ),
    ];
    Catalog {
        archive_uid: "test".into(),
        epochs: Epochs {
            data: 5,
            placement: 9,
        },
        families: BTreeMap::from([("sphere".to_owned(), family)]),
        tables: tables
            .into_iter()
            .map(|(name, table)| (TableKey::new("sky", name), table))
            .collect(),
        ..Catalog::default()
    }
}

/// The catalog with segments over given chunks.
pub fn catalog_with(segments: &[(&str, u64, &[u32])]) -> Catalog {
    let mut catalog = catalog();
    for (name, id, chunks) in segments {
        let table = catalog
            .tables
            .get_mut(&TableKey::new("sky", *name))
            .unwrap();
        table.segments.push(segment(
            *id,
            chunks.iter().copied().collect(),
            10 * chunks.len().max(1) as u64,
        ));
    }
    catalog
}

/// A typical archive: two segments of Object, one of Source, one of Filter.
pub fn typical() -> Catalog {
    catalog_with(&[
        ("Object", 1, &[324, 325, 360]),
        ("Object", 2, &[325, 361]),
        ("Source", 3, &[324, 325, 360, 361]),
        ("Filter", 4, &[]),
    ])
}
