//! Which tables a chunk consists of, which copies are missing, and from whom to take them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::catalog::{Catalog, Segment, TableKey, TableKind};
use orrery_archive::names::{
    ChunkId, RowSet, WorkerId, chunk_table, index_database, physical_database, reference_table,
};
use orrery_archive::table::ddl;
use orrery_crds::accept;
use orrery_worker_api::agent::{CopyDdl, TablePart};

use crate::placement::{self, Place, Wanted};

/// A physical table: database and name.
pub type Physical = (String, String);

/// Tables one worker takes from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Chunks that are complete on the target once the transfer is, by family.
    pub chunks: BTreeSet<(String, ChunkId)>,
    /// Tables to copy.
    pub tables: BTreeSet<Physical>,
}

/// Transfers by target and source.
pub type Transfers = BTreeMap<(WorkerId, WorkerId), Transfer>;

/// Physical tables of every segment of a chunk, over all tables of its family: of revoked ones too,
/// which may come back at any time and must then be wherever the chunk is.
pub fn chunk_tables(catalog: &Catalog, family: &str, chunk: ChunkId) -> BTreeSet<Physical> {
    let mut tables = BTreeSet::new();
    for (key, table) in &catalog.tables {
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

/// Numbers of all published segments.
pub fn published(catalog: &Catalog) -> BTreeSet<u64> {
    let tables = catalog.tables.values();
    tables
        .flat_map(|table| &table.segments)
        .map(|segment| segment.id)
        .collect()
}

/// Physical tables of every reference table's segments, revoked ones too.
pub fn reference_tables(catalog: &Catalog) -> BTreeSet<Physical> {
    let references = catalog
        .tables
        .iter()
        .filter(|(_, table)| !table.kind.is_chunked());
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

/// Transfers that bring every chunk to its desired replicas and every listed worker up to date, at
/// most `most` chunks in all. Chunks with the fewest copies come first.
pub fn transfers(catalog: &Catalog, places: &[Place], most: usize) -> Transfers {
    let serving: BTreeSet<WorkerId> = places
        .iter()
        .filter(|place| place.open)
        .map(|place| place.worker)
        .collect();
    let mut late: Vec<(usize, String, ChunkId, WorkerId)> = Vec::new();
    for (name, family) in &catalog.families {
        let wanted: Vec<Wanted> = placement::missing(family, |_| 1);
        for (chunk, workers) in placement::plan(&wanted, places, family.replicas.desired) {
            let copies = family.placement.get(&chunk).map_or(0, Vec::len);
            late.extend(
                workers
                    .into_iter()
                    .map(|worker| (copies, name.clone(), chunk, worker)),
            );
        }
        for behind in &family.behind {
            late.extend(
                behind
                    .chunks
                    .iter()
                    .map(|chunk| (1, name.clone(), *chunk, behind.worker)),
            );
        }
    }
    late.retain(|(_, _, _, target)| serving.contains(target));
    late.sort();
    late.dedup();
    // Chunks without a source must not take the places of others: a worker that is away may have
    // held many.
    let with_source = late.into_iter().filter_map(|(_, family, chunk, target)| {
        let source = source(catalog, &family, chunk, target, &serving)?;
        Some((family, chunk, target, source))
    });
    let mut transfers = Transfers::new();
    for (family, chunk, target, source) in with_source.take(most) {
        let transfer = transfers.entry((target, source)).or_default();
        transfer
            .tables
            .extend(chunk_tables(catalog, &family, chunk));
        transfer.chunks.insert((family, chunk));
    }
    transfers
}

/// A serving worker that holds the chunk completely; they take turns by chunk.
fn source(
    catalog: &Catalog,
    family: &str,
    chunk: ChunkId,
    target: WorkerId,
    serving: &BTreeSet<WorkerId>,
) -> Option<WorkerId> {
    let family = catalog.families.get(family)?;
    let complete: Vec<WorkerId> = family
        .complete_holders(chunk)
        .filter(|worker| *worker != target && serving.contains(worker))
        .collect();
    complete
        .get(chunk as usize % complete.len().max(1))
        .copied()
}

/// DDL of the databases that `tables` are in, for every part.
pub fn creates(catalog: &Catalog, tables: &BTreeSet<Physical>) -> Vec<CopyDdl> {
    let databases: BTreeSet<&String> = tables.iter().map(|(database, _)| database).collect();
    let mut creates = Vec::new();
    for (key, table) in &catalog.tables {
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
    use orrery_archive::catalog::{Behind, Family, FamilyGrid};
    use orrery_archive::replicas::FamilyReplicas;

    use super::*;

    fn place(worker: WorkerId) -> Place {
        Place {
            worker,
            node: format!("n{worker}"),
            zone: format!("z{worker}"),
            bytes: 0,
            open: true,
        }
    }

    fn catalog(placement: &[(ChunkId, &[WorkerId])], behind: Vec<Behind>) -> Catalog {
        let family = Family {
            incarnation: 1,
            pool: "p".into(),
            replicas: FamilyReplicas {
                desired: 2,
                minimum: 1,
            },
            grid: FamilyGrid::Hash { chunks: 10 },
            placement: placement
                .iter()
                .map(|(chunk, workers)| (*chunk, workers.to_vec()))
                .collect(),
            behind,
        };
        Catalog {
            families: BTreeMap::from([("f".to_owned(), family)]),
            ..Catalog::default()
        }
    }

    #[test]
    fn a_chunk_below_the_desired_replicas_is_copied_to_another_worker() {
        let transfers = transfers(
            &catalog(&[(1, &[1]), (2, &[1, 2])], Vec::new()),
            &[place(1), place(2)],
            10,
        );
        assert_eq!(transfers.keys().collect::<Vec<_>>(), [&(2, 1)]);
        assert_eq!(
            transfers[&(2, 1)].chunks,
            BTreeSet::from([("f".to_owned(), 1)])
        );
    }

    #[test]
    fn a_worker_that_is_behind_catches_up_from_one_that_is_not() {
        let behind = vec![Behind {
            worker: 2,
            segment: 7,
            chunks: [1].into(),
        }];
        let transfers = transfers(&catalog(&[(1, &[1, 2])], behind), &[place(1), place(2)], 10);
        assert_eq!(transfers.keys().collect::<Vec<_>>(), [&(2, 1)]);
    }

    #[test]
    fn chunks_without_a_source_do_not_hold_up_the_others() {
        let placement: Vec<(ChunkId, &[WorkerId])> =
            vec![(1, &[9]), (2, &[9]), (3, &[9]), (4, &[1])];
        let transfers = transfers(&catalog(&placement, Vec::new()), &[place(1), place(2)], 2);
        assert_eq!(
            transfers[&(2, 1)].chunks,
            BTreeSet::from([("f".to_owned(), 4)])
        );
    }

    /// A revocation is reversible, wherever the chunk is by then (docs/design/placement.md#copies).
    #[test]
    fn a_chunk_consists_of_revoked_segments_too() {
        let segment = |id: u64| Segment {
            id,
            attempt: id,
            schema_version: 1,
            home: [1].into(),
            overlap: [].into(),
            rows: 1,
            bytes: 1,
            ingest: "i".into(),
            published: 1,
            revoked: (id == 2).then_some(2),
        };
        let accepted: orrery_archive::catalog::AcceptedTable = serde_json::from_value(serde_json::json!({
            "family": "f", "key": "id", "position": null, "columns": [], "indexes": [], "uniqueKey": "enforced",
            "charset": "utf8mb4", "collation": "utf8mb4_bin", "scanRating": 1, "qservCompat": false,
        }))
        .unwrap();
        let index = orrery_archive::catalog::IndexTable {
            incarnation: 8,
            family: "f-index".into(),
            segments: vec![segment(1)],
            revoked: vec![segment(2)],
        };
        let table = orrery_archive::catalog::Table {
            incarnation: 7,
            schema_version: 1,
            kind: TableKind::Director(accepted, index),
            segments: vec![segment(1)],
            revoked: vec![segment(2)],
            on_deletion: orrery_archive::table::DeletionPolicy::Retain,
        };
        let mut catalog = catalog(&[(1, &[1])], Vec::new());
        catalog.tables.insert(TableKey::new("sky", "Object"), table);
        assert_eq!(chunk_tables(&catalog, "f", 1).len(), 2);
        assert_eq!(chunk_tables(&catalog, "f-index", 1).len(), 2);
    }

    #[test]
    fn without_a_complete_source_nothing_is_copied() {
        let behind = vec![Behind {
            worker: 1,
            segment: 7,
            chunks: [1].into(),
        }];
        assert!(transfers(&catalog(&[(1, &[1])], behind), &[place(1), place(2)], 10).is_empty());
    }
}
