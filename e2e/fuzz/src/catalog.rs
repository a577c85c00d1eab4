//! The catalog that statements are planned over: two directors, a child of one of them and a
//! reference table in database `sky`, over a few chunks.

use std::collections::BTreeMap;

use orrery_archive::catalog::{
    AcceptedReference, AcceptedTable, Catalog, Epochs, Family, FamilyGrid, IndexTable, Segment,
    Table, TableKey, TableKind,
};
use orrery_archive::replicas::FamilyReplicas;
use orrery_archive::table::{Column, PositionColumns, UniqueKey};
use orrery_archive::testing;

const OBJECT: &[(&str, &str)] = &[
    ("objectId", "BIGINT"),
    ("ra", "DOUBLE"),
    ("decl", "DOUBLE"),
    ("mag", "FLOAT"),
    ("flux", "DOUBLE"),
    ("kind", "ENUM('star','galaxy','agn')"),
    ("flags", "SET('bright','moving','odd')"),
    ("name", "VARCHAR(20)"),
    ("code", "VARCHAR(8)"),
    ("price", "DECIMAL(10,3)"),
    ("run", "INT"),
    ("tiny", "TINYINT UNSIGNED"),
    ("padded", "INT(6) ZEROFILL"),
    ("seen", "TIMESTAMP(3)"),
    ("day", "DATE"),
    ("at", "DATETIME(2)"),
    ("bits", "BIT(4)"),
    ("born", "YEAR"),
    ("fixed", "DOUBLE(10,3)"),
    ("note", "TEXT"),
];
const SOURCE: &[(&str, &str)] = &[
    ("sourceId", "BIGINT"),
    ("objectId", "BIGINT"),
    ("ra", "DOUBLE"),
    ("decl", "DOUBLE"),
    ("filterId", "TINYINT"),
    ("psfFlux", "DOUBLE"),
    ("psfMag", "FLOAT"),
    ("quality", "ENUM('good','bad')"),
    ("amount", "DECIMAL(12,4)"),
    ("mjd", "DOUBLE"),
];
const FILTER: &[(&str, &str)] = &[
    ("filterId", "TINYINT"),
    ("filterName", "VARCHAR(5)"),
    ("lambda", "DOUBLE"),
];
const REPEATING: &[(&str, &str)] = &[("objectId", "BIGINT"), ("ra", "DOUBLE"), ("decl", "DOUBLE")];

/// The catalog.
pub(crate) fn catalog() -> Catalog {
    let grid = FamilyGrid::Sphere {
        stripes: 18,
        sub_stripes: 10,
        overlap: 0.05,
        index_chunks: 4,
    };
    let family = Family::new(1, "pool", FamilyReplicas::default(), grid);
    let repeating = AcceptedTable {
        unique_key: UniqueKey::MayRepeat,
        ..chunked(REPEATING)
    };
    let child = TableKind::Child(chunked(SOURCE), "Object".into());
    let object = [segment(1, &[324, 325, 360]), segment(2, &[325, 361])];
    let tables = [
        ("Object", director(chunked(OBJECT)), object.to_vec()),
        ("Source", child, vec![segment(3, &[324, 325, 360, 361])]),
        ("Filter", reference(), vec![segment(4, &[])]),
        (
            "Repeating",
            director(repeating),
            vec![segment(5, &[324, 361])],
        ),
    ];
    Catalog {
        archive_uid: "fuzz".into(),
        epochs: Epochs {
            data: 5,
            placement: 9,
        },
        families: BTreeMap::from([("sphere".to_owned(), family)]),
        tables: (7..)
            .zip(tables)
            .map(|(incarnation, (name, kind, segments))| {
                let table = Table {
                    kind,
                    ..testing::reference(incarnation, segments)
                };
                (TableKey::new("sky", name), table)
            })
            .collect(),
        ..Catalog::default()
    }
}

fn director(table: AcceptedTable) -> TableKind {
    let index = IndexTable {
        incarnation: 50,
        family: "sphere-index".into(),
        segments: Vec::new(),
        revoked: Vec::new(),
    };
    TableKind::Director(table, index)
}

fn reference() -> TableKind {
    TableKind::Reference(AcceptedReference {
        columns: columns(FILTER),
        primary_key: vec!["filterId".into()],
        ..testing::accepted_reference()
    })
}

fn chunked(list: &[(&str, &str)]) -> AcceptedTable {
    AcceptedTable {
        family: "sphere".into(),
        key: "objectId".into(),
        position: Some(PositionColumns {
            longitude: "ra".into(),
            latitude: "decl".into(),
        }),
        columns: columns(list),
        ..testing::accepted()
    }
}

fn columns(list: &[(&str, &str)]) -> Vec<Column> {
    let column = |(name, sql_type): &(&str, &str)| {
        let has_letters = ["CHAR", "TEXT", "ENUM", "SET("]
            .iter()
            .any(|word| sql_type.contains(word));
        Column {
            charset: has_letters.then(|| "utf8mb4".into()),
            collation: has_letters.then(|| "utf8mb4_general_ci".into()),
            nullable: !matches!(*name, "objectId" | "sourceId" | "ra" | "decl" | "filterId"),
            ..Column::new(*name, *sql_type)
        }
    };
    list.iter().map(column).collect()
}

fn segment(id: u64, home: &[u32]) -> Segment {
    let segment = testing::segment(id, home.iter().copied());
    Segment {
        overlap: segment.home.clone(),
        ..segment
    }
}
