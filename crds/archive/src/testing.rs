//! Catalogs for tests: accepted tables with their segments, and who holds the chunks. Database
//! `sky`, family `f` of pool `main`, whose director is `Object`.

use std::collections::BTreeMap;

use crate::catalog::{
    AcceptedReference, AcceptedTable, Catalog, Family, FamilyGrid, IndexTable, Segment, Table,
    TableKey, TableKind,
};
use crate::names::{ChunkId, WorkerId};
use crate::replicas::FamilyReplicas;
use crate::table::{Column, OnDeletion, UniqueKey};

/// A schema in family `f`: one column `id`, which is the key.
pub fn accepted() -> AcceptedTable {
    AcceptedTable {
        family: "f".into(),
        key: "id".into(),
        position: None,
        columns: vec![id()],
        indexes: Vec::new(),
        unique_key: UniqueKey::Enforced,
        charset: "utf8mb4".into(),
        collation: "utf8mb4_bin".into(),
        scan_rating: 1,
        qserv_compat: false,
    }
}

/// The schema of a reference table: one column `id`.
pub fn accepted_reference() -> AcceptedReference {
    AcceptedReference {
        columns: vec![id()],
        primary_key: Vec::new(),
        indexes: Vec::new(),
        charset: "utf8mb4".into(),
        collation: "utf8mb4_bin".into(),
    }
}

fn id() -> Column {
    Column::new("id", "BIGINT")
}

/// A published segment of one row and byte, with home rows in these chunks; its attempt has the
/// same number.
pub fn segment(id: u64, home: impl IntoIterator<Item = ChunkId>) -> Segment {
    Segment {
        id,
        attempt: id,
        schema_version: 1,
        home: home.into_iter().collect(),
        overlap: [].into(),
        rows: 1,
        bytes: 1,
        ingest: "i".into(),
        origin: None,
        published: 1,
        revoked: None,
    }
}

/// A director with these segments; its index, in family `f-index`, has the next incarnation and no
/// segments.
pub fn director(incarnation: u64, segments: impl IntoIterator<Item = Segment>) -> Table {
    let index = IndexTable {
        incarnation: incarnation + 1,
        family: "f-index".into(),
        segments: Vec::new(),
        revoked: Vec::new(),
    };
    table(
        incarnation,
        TableKind::Director(accepted(), index),
        segments,
    )
}

/// A child of `Object` with these segments.
pub fn child(incarnation: u64, segments: impl IntoIterator<Item = Segment>) -> Table {
    let kind = TableKind::Child(accepted(), "Object".into());
    table(incarnation, kind, segments)
}

/// A reference table with these segments.
pub fn reference(incarnation: u64, segments: impl IntoIterator<Item = Segment>) -> Table {
    let kind = TableKind::Reference(accepted_reference());
    table(incarnation, kind, segments)
}

fn table(incarnation: u64, kind: TableKind, segments: impl IntoIterator<Item = Segment>) -> Table {
    Table {
        incarnation,
        object: "table".into(),
        schema_version: 1,
        kind,
        segments: segments.into_iter().collect(),
        revoked: Vec::new(),
        on_deletion: OnDeletion::Retain,
    }
}

/// A family of pool `main` that wants so many copies, with these chunks on these workers.
pub fn family(
    desired: u32,
    placement: impl IntoIterator<Item = (ChunkId, Vec<WorkerId>)>,
) -> Family {
    let replicas = FamilyReplicas {
        desired,
        minimum: 1,
    };
    Family {
        placement: placement.into_iter().collect(),
        ..Family::new(1, "main", replicas, FamilyGrid::Hash { chunks: 100_000 })
    }
}

/// An archive with family `f`, in each chunk of which table `Source` has rows.
pub fn filled(family: Family) -> Catalog {
    let rows = segment(1, family.placement.keys().copied());
    catalog(family, [("Source", child(7, [rows]))])
}

/// An archive with family `f` and these tables of database `sky`.
pub fn catalog<'a>(family: Family, tables: impl IntoIterator<Item = (&'a str, Table)>) -> Catalog {
    let tables = tables.into_iter();
    Catalog {
        families: BTreeMap::from([("f".to_owned(), family)]),
        tables: tables
            .map(|(name, table)| (TableKey::new("sky", name), table))
            .collect(),
        ..Catalog::default()
    }
}
