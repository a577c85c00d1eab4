//! Which tables a chunk and a reference table consist of, and how they are made. Pure.

use std::collections::BTreeSet;

use orrery_archive::catalog::{Catalog, Segment, TableKey, TableKind};
use orrery_archive::names::{
    ChunkId, RowSet, chunk_table, index_database, physical_database, reference_table,
};
use orrery_archive::table::ddl;
use orrery_crds::accept;
use orrery_worker_api::agent::{CopyDdl, TablePart};

/// A physical table: database and name.
pub type Physical = (String, String);

/// Physical tables of every segment of a chunk, over all tables of its family: of revoked ones and
/// of deleted tables too, which may come back at any time and must then be wherever the chunk is.
pub fn chunk_tables(catalog: &Catalog, family: &str, chunk: ChunkId) -> BTreeSet<Physical> {
    let mut tables = BTreeSet::new();
    for (key, table) in catalog.kept() {
        if table.kind.family() == Some(family) {
            let database = physical_database(&key.database, table.incarnation);
            tables.extend(
                segment_tables(&key.table, &table.segments, &table.revoked, chunk)
                    .map(|name| (database.clone(), name)),
            );
        }
        if let Some(index) = table.kind.index()
            && index.family == family
        {
            let database = index_database(index.incarnation);
            tables.extend(
                segment_tables(&key.table, &index.segments, &index.revoked, chunk)
                    .map(|name| (database.clone(), name)),
            );
        }
    }
    tables
}

fn segment_tables<'a>(
    table: &'a str,
    published: &'a [Segment],
    revoked: &'a [Segment],
    chunk: ChunkId,
) -> impl Iterator<Item = String> + 'a {
    published.iter().chain(revoked).flat_map(move |segment| {
        let sets = [
            (RowSet::Home, &segment.home),
            (RowSet::Overlap, &segment.overlap),
        ];
        sets.into_iter()
            .filter(move |(_, chunks)| chunks.contains(&chunk))
            .map(move |(set, _)| chunk_table(table, set, chunk, segment.attempt))
    })
}

/// Numbers of all published segments, of deleted tables too.
pub fn published(catalog: &Catalog) -> BTreeSet<u64> {
    let tables = catalog.kept();
    tables
        .flat_map(|(_, table)| &table.segments)
        .map(|segment| segment.id)
        .collect()
}

/// Physical tables of every reference table's segments, of revoked ones and of deleted tables too.
pub fn reference_tables(catalog: &Catalog) -> BTreeSet<Physical> {
    let references = catalog.kept().filter(|(_, table)| !table.kind.is_chunked());
    references
        .flat_map(|(key, table)| {
            let database = physical_database(&key.database, table.incarnation);
            table
                .segments
                .iter()
                .chain(&table.revoked)
                .map(move |segment| {
                    (
                        database.clone(),
                        reference_table(&key.table, segment.attempt),
                    )
                })
        })
        .collect()
}

/// DDL of the databases that `tables` are in, for every part.
pub fn creates(catalog: &Catalog, tables: &BTreeSet<Physical>) -> Vec<CopyDdl> {
    let databases: BTreeSet<&String> = tables.iter().map(|(database, _)| database).collect();
    let mut creates = Vec::new();
    for (key, table) in catalog.kept() {
        creates.extend(own_creates(key, table.incarnation, &table.kind));
        if let Some((accepted, index)) = table.kind.director()
            && let Some(key_column) = accepted
                .columns
                .iter()
                .find(|column| column.name == accepted.key)
            && let Ok(key_type) = accept::column_type(key_column)
        {
            let database = index_database(index.incarnation);
            creates.push(CopyDdl {
                database,
                part: TablePart::Index,
                create: ddl::index(&key_type),
            });
        }
    }
    creates.retain(|create| databases.contains(&create.database));
    creates
}

fn own_creates(key: &TableKey, incarnation: u64, kind: &TableKind) -> Vec<CopyDdl> {
    let database = physical_database(&key.database, incarnation);
    let create = |part, create| CopyDdl {
        database: database.clone(),
        part,
        create,
    };
    match kind {
        TableKind::Director(table, _) | TableKind::Child(table, _) => {
            vec![
                create(TablePart::Home, ddl::home(table, kind.is_director())),
                create(TablePart::Overlap, ddl::overlap(table)),
            ]
        }
        TableKind::Reference(table) => vec![create(TablePart::Reference, ddl::reference(table))],
    }
}

#[cfg(test)]
mod tests {
    use orrery_archive::testing::{self, director, family, segment};

    use super::*;

    /// A revocation is reversible, wherever the chunk is by then (docs/design/placement.md#copies).
    #[test]
    fn a_chunk_consists_of_revoked_segments_too() {
        let away = || Segment {
            revoked: Some(2),
            ..segment(2, [1])
        };
        let mut table = director(7, [segment(1, [1])]);
        table.revoked = vec![away()];
        let index = table.kind.index_mut().unwrap();
        (index.segments, index.revoked) = (vec![segment(1, [1])], vec![away()]);
        let catalog = testing::catalog(family(1, []), [("Object", table)]);
        assert_eq!(chunk_tables(&catalog, "f", 1).len(), 2);
        assert_eq!(chunk_tables(&catalog, "f-index", 1).len(), 2);
    }
}
