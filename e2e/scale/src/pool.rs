//! The workers of a pool, made up: what each of them says that it holds, and what it does when it
//! is asked. A table's rows are not there; its manifest row is.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::catalog::{Catalog, Epochs, Segment};
use orrery_archive::names::{ChunkId, RowSet, WorkerId, chunk_table, physical_database};
use orrery_worker_api::agent::{
    Adopt, CopyStatus, Drop, Dropped, Held, Highest, Identity, Info, ManifestPage, ManifestRow,
    PageQuery, RowState, StartCopy, TablePart, TlsInUse,
};

/// Bytes of each table.
pub const TABLE_BYTES: u64 = 1 << 20;
/// Bytes free on each volume.
const FREE: u64 = 1 << 40;
/// Rows of a page, as an agent limits it.
const PAGE: usize = 2000;

/// What all workers together hold: one table with its segments.
#[derive(Clone, Debug)]
pub struct Data {
    /// Database.
    pub database: String,
    /// Table.
    pub table: String,
    /// Incarnation of the table.
    pub incarnation: u64,
    /// Number of each segment, which is that of its attempt too.
    pub segments: Vec<u64>,
}

impl Data {
    /// The segments, over all chunks.
    pub fn published(&self, chunks: u32, epoch: u64) -> Vec<Segment> {
        let of_all: BTreeSet<ChunkId> = (0..chunks).collect();
        let segment = |id: &u64| Segment {
            id: *id,
            attempt: *id,
            schema_version: 1,
            home: of_all.clone(),
            overlap: BTreeSet::new(),
            rows: u64::from(chunks) * 1000,
            bytes: u64::from(chunks) * TABLE_BYTES,
            ingest: format!("i{id}"),
            origin: None,
            published: epoch,
            revoked: None,
        };
        self.segments.iter().map(segment).collect()
    }

    fn row(&self, chunk: ChunkId, attempt: u64) -> ManifestRow {
        ManifestRow {
            database: physical_database(&self.database, self.incarnation),
            table: chunk_table(&self.table, RowSet::Home, chunk, attempt),
            incarnation: self.incarnation,
            segment: attempt,
            attempt,
            chunk,
            part: TablePart::Home,
            schema_version: 1,
            rows: 1000,
            bytes: TABLE_BYTES,
            checksum: format!("{chunk}:{attempt}"),
            state: RowState::Published,
            epoch: 1,
        }
    }
}

#[derive(Debug, Default)]
struct Worker {
    identity: Option<Identity>,
    term: u64,
    copy: Option<Epochs>,
    /// Attempts of each chunk.
    tables: BTreeMap<ChunkId, BTreeSet<u64>>,
    is_lost: bool,
}

/// All workers.
#[derive(Debug, Default)]
pub struct Pool {
    data: Option<Data>,
    workers: BTreeMap<WorkerId, Worker>,
    /// Tables that were copied, over all workers.
    pub copied: usize,
    /// Tables that were dropped, over all workers.
    pub dropped: usize,
}

impl Pool {
    /// Gives every worker what the catalog lists for it.
    pub fn fill(&mut self, data: Data, catalog: &Catalog, family: &str) {
        let placement = catalog.families.get(family).map(|family| &family.placement);
        for (chunk, workers) in placement.into_iter().flatten() {
            for worker in workers {
                let tables = &mut self.workers.entry(*worker).or_default().tables;
                tables.insert(*chunk, data.segments.iter().copied().collect());
            }
        }
        self.data = Some(data);
    }

    /// From now on the worker does not answer.
    pub fn lose(&mut self, worker: WorkerId) {
        self.workers.entry(worker).or_default().is_lost = true;
    }

    /// Whether the worker does not answer.
    pub fn is_lost(&self, worker: WorkerId) -> bool {
        self.workers
            .get(&worker)
            .is_some_and(|worker| worker.is_lost)
    }

    /// What a worker is and has.
    pub fn info(&self, worker: WorkerId) -> Info {
        let nothing = Worker::default();
        let worker = self.workers.get(&worker).unwrap_or(&nothing);
        let tables = worker.tables.values().map(BTreeSet::len).sum::<usize>() as u64;
        Info {
            api_versions: vec![1],
            identity: worker.identity.clone(),
            term: worker.term,
            mysqld: Some("10.11.19".into()),
            catalog: worker.copy,
            free_bytes: FREE,
            held: Some(Held {
                tables,
                bytes: tables * TABLE_BYTES,
                highest: Highest::default(),
            }),
            tls: TlsInUse::default(),
        }
    }

    /// Names a worker's data directory.
    pub fn adopt(&mut self, id: WorkerId, adopt: &Adopt) -> Info {
        let worker = self.workers.entry(id).or_default();
        worker.term = worker.term.max(adopt.term);
        worker.identity.get_or_insert(Identity {
            archive_uid: adopt.archive_uid.clone(),
            worker: adopt.worker,
            directory: format!("d{id}"),
        });
        self.info(id)
    }

    /// A page of what a worker holds, in the order of chunks.
    pub fn manifest(&self, worker: WorkerId, query: &PageQuery) -> ManifestPage {
        let (Some(data), Some(worker)) = (&self.data, self.workers.get(&worker)) else {
            return ManifestPage::default();
        };
        let limit = query.limit.map_or(PAGE, |limit| PAGE.min(limit as usize));
        let from = query.after.as_ref().and_then(|after| after.parse().ok());
        let from: usize = from.unwrap_or(0);
        let all = worker.tables.iter();
        let all = all.flat_map(|(chunk, attempts)| attempts.iter().map(|one| (*chunk, *one)));
        let rows: Vec<ManifestRow> = all
            .skip(from)
            .take(limit)
            .map(|(chunk, attempt)| data.row(chunk, attempt))
            .collect();
        let next = (rows.len() == limit).then(|| (from + limit).to_string());
        ManifestPage { rows, next }
    }

    /// Takes a copy at once.
    pub fn copy(&mut self, worker: WorkerId, copy: &StartCopy) -> CopyStatus {
        let tables = &mut self.workers.entry(worker).or_default().tables;
        for table in &copy.tables {
            let of_chunk = tables.entry(table.row.chunk).or_default();
            self.copied += usize::from(of_chunk.insert(table.row.attempt));
        }
        CopyStatus {
            done: copy.tables.iter().map(|table| table.row.clone()).collect(),
            left: 0,
            error: None,
        }
    }

    /// Drops tables.
    pub fn drop_tables(&mut self, worker: WorkerId, asked: &Drop) -> Dropped {
        let Some(data) = &self.data else {
            return Dropped::default();
        };
        let tables = &mut self.workers.entry(worker).or_default().tables;
        let names: BTreeSet<&str> = asked.tables.iter().map(|(_, name)| name.as_str()).collect();
        let before = tables.values().map(BTreeSet::len).sum::<usize>();
        for (chunk, attempts) in tables.iter_mut() {
            attempts.retain(|attempt| {
                let name = chunk_table(&data.table, RowSet::Home, *chunk, *attempt);
                !names.contains(name.as_str())
            });
        }
        tables.retain(|_, attempts| !attempts.is_empty());
        self.dropped += before - tables.values().map(BTreeSet::len).sum::<usize>();
        Dropped {
            gone: asked.tables.clone(),
            ..Dropped::default()
        }
    }

    /// A worker was given a copy of the catalog.
    pub fn put_catalog(&mut self, worker: WorkerId, term: u64, epochs: Epochs) {
        let worker = self.workers.entry(worker).or_default();
        worker.term = worker.term.max(term);
        worker.copy = Some(epochs);
    }
}
