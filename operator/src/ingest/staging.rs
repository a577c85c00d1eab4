//! An attempt's tables and who gets them, pure: from catalog, placement and survey to one
//! [`OpenAttempt`] per worker.

use std::collections::BTreeMap;

use orrery_archive::catalog::{AcceptedReference, Catalog};
use orrery_archive::names::{
    ChunkId, RowSet, WorkerId, chunk_table, index_database, physical_database, reference_table,
};
use orrery_archive::table::ddl;
use orrery_worker_api::agent::{AttemptSpec, OpenAttempt, StagedTable, TablePart};
use orrery_worker_api::loader::Surveyed;

use super::state::Attempt;
use super::target::{Chunked, Target};
use crate::fleet::Addresses;

/// Everything needed to open an attempt.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Requests by worker: the table's and, where it holds hash chunks, the index's.
    pub opens: BTreeMap<WorkerId, Vec<OpenAttempt>>,
    /// Workers per chunk (0 for a reference table).
    pub chunks: BTreeMap<ChunkId, Vec<WorkerId>>,
    /// Workers per hash chunk.
    pub index_chunks: BTreeMap<ChunkId, Vec<WorkerId>>,
    /// Whether the table is a reference table.
    pub reference: bool,
    /// Verified copies each table needs before it is published.
    pub minimum: usize,
}

/// Plans the attempt of a survey over the placement in `catalog`. `None` while a chunk has no
/// worker, or the target is incomplete.
pub fn plan(
    catalog: &Catalog,
    target: &Target<'_>,
    surveyed: &Surveyed,
    attempt: &Attempt,
    addresses: &Addresses,
) -> Option<Plan> {
    match target.reference() {
        Some(table) => reference_plan(catalog, target, table, attempt, addresses),
        None => chunked_plan(
            catalog,
            target,
            &target.chunked(catalog)?,
            surveyed,
            attempt,
        ),
    }
}

fn reference_plan(
    catalog: &Catalog,
    target: &Target<'_>,
    table: &AcceptedReference,
    attempt: &Attempt,
    addresses: &Addresses,
) -> Option<Plan> {
    // All live workers (docs/design/ingest.md#reference-tables). One that is down fetches what it
    // misses when it is back.
    let workers: Vec<WorkerId> = addresses.live().collect();
    if workers.is_empty() {
        return None;
    }
    let open = OpenAttempt {
        term: catalog.term,
        attempt: attempt.number,
        spec: AttemptSpec {
            segment: attempt.segment,
            incarnation: target.incarnation,
            schema_version: target.schema_version,
            database: physical_database(&target.key.database, target.incarnation),
            create_home: ddl::reference(table),
            create_overlap: String::new(),
            fields: table
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect(),
        },
        tables: vec![StagedTable {
            table: reference_table(&target.key.table, attempt.number),
            chunk: 0,
            part: TablePart::Reference,
        }],
    };
    Some(Plan {
        opens: workers
            .iter()
            .map(|worker| (*worker, vec![open.clone()]))
            .collect(),
        minimum: workers.len(),
        chunks: BTreeMap::from([(0, workers)]),
        index_chunks: BTreeMap::new(),
        reference: true,
    })
}

fn chunked_plan(
    catalog: &Catalog,
    target: &Target<'_>,
    chunked: &Chunked<'_>,
    surveyed: &Surveyed,
    attempt: &Attempt,
) -> Option<Plan> {
    let home = OpenAttempt {
        term: catalog.term,
        attempt: attempt.number,
        spec: AttemptSpec {
            segment: attempt.segment,
            incarnation: target.incarnation,
            schema_version: target.schema_version,
            database: physical_database(&target.key.database, target.incarnation),
            create_home: ddl::home(chunked.table, chunked.director),
            create_overlap: ddl::overlap(chunked.table),
            fields: ddl::chunked_fields(chunked.table),
        },
        tables: Vec::new(),
    };
    let mut opens: BTreeMap<WorkerId, Vec<OpenAttempt>> = BTreeMap::new();
    let mut chunks = BTreeMap::new();
    for (chunk, rows) in &surveyed.chunks {
        let workers = chunked.family.placement.get(chunk)?;
        let sets = [
            (RowSet::Home, rows.rows),
            (RowSet::Overlap, rows.overlap_rows),
        ];
        for (set, _) in sets.into_iter().filter(|(_, rows)| *rows > 0) {
            let table = chunk_table(&target.key.table, set, *chunk, attempt.number);
            stage(
                &mut opens,
                workers,
                &home,
                &StagedTable {
                    table,
                    chunk: *chunk,
                    part: set.into(),
                },
            );
        }
        chunks.insert(*chunk, workers.clone());
    }
    let index_chunks = match attempt.index {
        Some(number) => index_opens(catalog, chunked, surveyed, &home, number, &mut opens)?,
        None => BTreeMap::new(),
    };
    Some(Plan {
        opens,
        chunks,
        index_chunks,
        reference: false,
        // As far as the chunk has workers.
        minimum: chunked.family.replicas.minimum as usize,
    })
}

fn index_opens(
    catalog: &Catalog,
    chunked: &Chunked<'_>,
    surveyed: &Surveyed,
    home: &OpenAttempt,
    attempt: u64,
    opens: &mut BTreeMap<WorkerId, Vec<OpenAttempt>>,
) -> Option<BTreeMap<ChunkId, Vec<WorkerId>>> {
    let family = catalog.families.get(&chunked.index.family)?;
    let index = OpenAttempt {
        term: home.term,
        attempt,
        spec: AttemptSpec {
            segment: home.spec.segment,
            incarnation: chunked.index.incarnation,
            schema_version: 1,
            database: index_database(chunked.index.incarnation),
            create_home: ddl::index(&chunked.key_type()?),
            create_overlap: String::new(),
            fields: ddl::INDEX_FIELDS.map(str::to_owned).to_vec(),
        },
        tables: Vec::new(),
    };
    let mut index_chunks = BTreeMap::new();
    for chunk in surveyed.index_chunks.keys() {
        let workers = family.placement.get(chunk)?;
        let table = chunk_table(&chunked.director_key.table, RowSet::Home, *chunk, attempt);
        stage(
            opens,
            workers,
            &index,
            &StagedTable {
                table,
                chunk: *chunk,
                part: TablePart::Index,
            },
        );
        index_chunks.insert(*chunk, workers.clone());
    }
    Some(index_chunks)
}

fn stage(
    opens: &mut BTreeMap<WorkerId, Vec<OpenAttempt>>,
    workers: &[WorkerId],
    empty: &OpenAttempt,
    table: &StagedTable,
) {
    for worker in workers {
        let requests = opens.entry(*worker).or_default();
        match requests
            .iter_mut()
            .find(|request| request.attempt == empty.attempt)
        {
            Some(request) => request.tables.push(table.clone()),
            None => requests.push(OpenAttempt {
                tables: vec![table.clone()],
                ..empty.clone()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::testing::worker;
    use orrery_archive::catalog::{TableKey, TableKind};

    /// Publishing a reference table needs all live workers
    /// (docs/design/ingest.md#reference-tables); one that is down must not hold it up.
    #[test]
    fn a_reference_table_goes_to_every_worker_that_is_not_down() {
        let workers = [worker(1, "Ready"), worker(2, "Suspect"), worker(3, "Down")];
        let kind = TableKind::Reference(AcceptedReference {
            columns: Vec::new(),
            primary_key: Vec::new(),
            indexes: Vec::new(),
            charset: "utf8mb4".into(),
            collation: "utf8mb4_bin".into(),
        });
        let target = Target {
            key: TableKey::new("sky", "Filter"),
            incarnation: 1,
            schema_version: 1,
            kind: &kind,
        };
        let attempt = Attempt {
            number: 1,
            index: None,
            segment: 1,
            basis: String::new(),
            incarnation: 1,
        };
        let surveyed = Surveyed::default();
        let addresses = Addresses::of(&workers);
        let plan = plan(
            &Catalog::default(),
            &target,
            &surveyed,
            &attempt,
            &addresses,
        )
        .unwrap();
        assert_eq!(plan.opens.keys().copied().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(plan.chunks[&0], [1, 2]);
    }
}
