//! From tables and rows to physical tables and a catalog. Pure.
//!
//! The same chunking, names and index entries as an ingest makes, without the steps in between.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, bail};
use orrery_archive::catalog::{
    AcceptedTable, Catalog, Counters, Epochs, Family, FamilyGrid, IndexTable, Segment, Table,
    TableKey, TableKind, hash_chunk,
};
use orrery_archive::names::{self, ChunkId, RowSet, WorkerId};
use orrery_archive::replicas::FamilyReplicas;
use orrery_archive::table::OnDeletion;
use orrery_archive::table::ddl;
use orrery_crds::accept;
use orrery_crds::kinds::{ChunkedTableSpec, ReferenceTableSpec, TableRole};
use orrery_sky::Grid;

use crate::rows::{Home, Row, cell, number, write_row};

/// A table as declared, with the rows of each ingest.
pub struct TableData {
    /// Declaration.
    pub declaration: Declaration,
    /// Rows, ingest by ingest; each becomes a segment.
    pub segments: Vec<Vec<Row>>,
}

/// A table's declaration.
pub enum Declaration {
    /// Chunked. Directors stand before their children.
    Chunked(ChunkedTableSpec),
    /// Whole on every worker.
    Reference(ReferenceTableSpec),
}

/// Shape of the archive.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Workers, numbered from 1.
    pub workers: u32,
    /// Copies of each chunk.
    pub replicas: u32,
    /// Latitude stripes.
    pub stripes: u32,
    /// Sub-stripes per stripe.
    pub sub_stripes: u32,
    /// Overlap, degrees.
    pub overlap: f64,
    /// Hash chunks of each index.
    pub index_chunks: u32,
}

/// A physical table with its rows.
pub struct PhysicalTable {
    /// Workers that hold it.
    pub workers: Vec<WorkerId>,
    /// Database.
    pub database: String,
    /// Table.
    pub table: String,
    /// What follows the name in CREATE TABLE.
    pub definition: String,
    /// Columns that the fields go to.
    pub fields: Vec<String>,
    /// Rows as LOAD DATA reads them by default: tabs, backslashes, `\N`.
    pub rows: Vec<u8>,
}

/// What an archive consists of.
#[derive(Default)]
pub struct Archive {
    /// Catalog.
    pub catalog: Catalog,
    /// Physical tables on workers.
    pub tables: Vec<PhysicalTable>,
    /// The same rows in one plain table each, for comparison.
    pub plain: Vec<PhysicalTable>,
}

/// Where a director's keys are.
type Homes = HashMap<Vec<u8>, Home>;

/// Builds archives.
struct Builder {
    shape: Shape,
    grid: Grid,
    archive: Archive,
    homes: HashMap<TableKey, Homes>,
}

/// Lays tables out over workers.
pub fn build(shape: Shape, tables: &[TableData]) -> anyhow::Result<Archive> {
    let mut builder = Builder {
        shape,
        grid: Grid::new(shape.stripes, shape.sub_stripes, shape.overlap)?,
        archive: Archive::default(),
        homes: HashMap::new(),
    };
    "dev".clone_into(&mut builder.archive.catalog.archive_uid);
    builder.archive.catalog.epochs = Epochs {
        data: 1,
        placement: 1,
    };
    for table in tables {
        match &table.declaration {
            Declaration::Chunked(spec) => builder.chunked(spec, &table.segments)?,
            Declaration::Reference(spec) => builder.reference(spec, &table.segments)?,
        }
    }
    builder.archive.catalog.counters.worker = shape.workers;
    Ok(builder.archive)
}

impl Builder {
    fn chunked(&mut self, spec: &ChunkedTableSpec, segments: &[Vec<Row>]) -> anyhow::Result<()> {
        let key = TableKey::new(&spec.database, &spec.table);
        let accepted = accept::chunked(spec).with_context(|| key.to_string())?;
        self.family(&spec.family, sphere(self.shape));
        let incarnation = next(&mut self.counters().incarnation);
        let database = names::physical_database(&spec.database, incarnation);
        let is_director = spec.role == TableRole::Director;
        let definition = ddl::home(&accepted, is_director);
        let overlap = ddl::overlap(&accepted);
        let fields = ddl::chunked_fields(&accepted);
        let director = match &spec.director {
            Some(director) if !is_director => TableKey::new(&spec.database, director),
            _ => key.clone(),
        };
        let mut index = is_director.then(|| self.new_index(&spec.family));
        let mut published = Vec::new();
        let mut plain = Vec::new();
        for rows in segments {
            let mut segment = self.new_segment();
            let homes = self.homes_of(&accepted, &director, is_director, rows)?;
            segment.rows = rows.len() as u64;
            for (row, (_, home)) in rows.iter().zip(&homes) {
                write_row(row, Some(*home), &mut plain);
            }
            let tables = self.chunks_of(&accepted, is_director, rows, &homes)?;
            for ((chunk, set), rows) in tables {
                let (chunks, definition) = match set {
                    RowSet::Home => (&mut segment.home, &definition),
                    RowSet::Overlap => (&mut segment.overlap, &overlap),
                };
                chunks.insert(chunk);
                segment.bytes += rows.len() as u64;
                let workers = self.place(&spec.family, chunk);
                let table = names::chunk_table(&spec.table, set, chunk, segment.attempt);
                self.archive.tables.push(PhysicalTable {
                    workers,
                    database: database.clone(),
                    table,
                    definition: definition.clone(),
                    fields: fields.clone(),
                    rows,
                });
            }
            if let Some(index) = &mut index {
                let entries = homes.into_iter().collect();
                self.index_segment(index, &accepted, &spec.table, segment.attempt, &entries)?;
            }
            published.push(segment);
        }
        self.plain(&key, definition, fields, plain);
        let kind = match index {
            Some(index) => TableKind::Director(accepted, index),
            None => TableKind::Child(accepted, director.table),
        };
        self.add_table(key, incarnation, kind, published);
        Ok(())
    }

    /// Rows as text by the chunk they lie in, and a director's also by the chunks they are near to.
    fn chunks_of(
        &self,
        table: &AcceptedTable,
        is_director: bool,
        rows: &[Row],
        homes: &[(Vec<u8>, Home)],
    ) -> anyhow::Result<BTreeMap<(ChunkId, RowSet), Vec<u8>>> {
        let mut chunks: BTreeMap<(ChunkId, RowSet), Vec<u8>> = BTreeMap::new();
        for (row, (_, home)) in rows.iter().zip(homes) {
            let own = chunks.entry((home.0, RowSet::Home)).or_default();
            write_row(row, Some(*home), own);
            let copies = is_director.then(|| self.copies(table, row));
            for copy in copies.transpose()?.into_iter().flatten() {
                let near = chunks.entry((copy, RowSet::Overlap)).or_default();
                write_row(row, Some(*home), near);
            }
        }
        Ok(chunks)
    }

    /// Keys of rows and where each row lies; a director's are remembered for its children.
    fn homes_of(
        &mut self,
        table: &AcceptedTable,
        director: &TableKey,
        is_director: bool,
        rows: &[Row],
    ) -> anyhow::Result<Vec<(Vec<u8>, Home)>> {
        let mut homes = Vec::with_capacity(rows.len());
        for row in rows {
            let home = self.home(table, director, is_director, row)?;
            let key = cell(row, table, &table.key)?.context("a key is NULL")?;
            homes.push((key.to_vec(), home));
        }
        if is_director {
            let known = self.homes.entry(director.clone()).or_default();
            known.extend(homes.iter().cloned());
        }
        Ok(homes)
    }

    fn reference(
        &mut self,
        spec: &ReferenceTableSpec,
        segments: &[Vec<Row>],
    ) -> anyhow::Result<()> {
        let key = TableKey::new(&spec.database, &spec.table);
        let accepted = accept::reference(spec).with_context(|| key.to_string())?;
        let incarnation = next(&mut self.counters().incarnation);
        let fields: Vec<String> = accepted
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let mut published = Vec::new();
        let mut plain = Vec::new();
        for rows in segments {
            let mut segment = self.new_segment();
            let mut text = Vec::new();
            for row in rows {
                write_row(row, None, &mut text);
                segment.rows += 1;
            }
            segment.bytes = text.len() as u64;
            plain.extend_from_slice(&text);
            self.archive.tables.push(PhysicalTable {
                workers: (1..=self.shape.workers).collect(),
                database: names::physical_database(&spec.database, incarnation),
                table: names::reference_table(&spec.table, segment.attempt),
                definition: ddl::reference(&accepted),
                fields: fields.clone(),
                rows: text,
            });
            published.push(segment);
        }
        self.plain(&key, ddl::reference(&accepted), fields, plain);
        self.add_table(key, incarnation, TableKind::Reference(accepted), published);
        Ok(())
    }

    /// Chunk and sub-chunk of a row: by its position, or by its director's.
    fn home(
        &self,
        table: &AcceptedTable,
        director: &TableKey,
        is_director: bool,
        row: &Row,
    ) -> anyhow::Result<Home> {
        if let Some(position) = &table.position {
            let lon = number(cell(row, table, &position.longitude)?)?;
            let lat = number(cell(row, table, &position.latitude)?)?;
            let cell = self.grid.locate(lon, lat)?;
            return Ok((cell.chunk, cell.sub_chunk));
        }
        if is_director {
            bail!("a director needs a position");
        }
        let key = cell(row, table, &table.key)?.context("a child's key is NULL")?;
        let homes = self
            .homes
            .get(director)
            .context("a child stands before its director")?;
        homes
            .get(key)
            .copied()
            .context("a child without its director's row")
    }

    /// The chunks in which a director's row has copies.
    fn copies(&self, table: &AcceptedTable, row: &Row) -> anyhow::Result<Vec<ChunkId>> {
        let Some(position) = &table.position else {
            return Ok(Vec::new());
        };
        let lon = number(cell(row, table, &position.longitude)?)?;
        let lat = number(cell(row, table, &position.latitude)?)?;
        let mut chunks = Vec::new();
        self.grid.overlap_chunks(lon, lat, &mut chunks)?;
        Ok(chunks)
    }

    fn new_index(&mut self, family: &str) -> IndexTable {
        let family = format!("{family}-index");
        self.family(
            &family,
            FamilyGrid::Hash {
                chunks: self.shape.index_chunks,
            },
        );
        IndexTable {
            incarnation: next(&mut self.counters().incarnation),
            family,
            segments: Vec::new(),
            revoked: Vec::new(),
        }
    }

    fn index_segment(
        &mut self,
        index: &mut IndexTable,
        director: &AcceptedTable,
        table: &str,
        attempt: u64,
        entries: &BTreeMap<Vec<u8>, Home>,
    ) -> anyhow::Result<()> {
        let column = director
            .columns
            .iter()
            .find(|column| column.name == director.key)
            .context("no key column")?;
        let definition = ddl::index(&accept::column_type(column)?);
        let mut segment = self.new_segment();
        segment.attempt = attempt;
        let mut chunks: BTreeMap<ChunkId, Vec<u8>> = BTreeMap::new();
        for (key, (chunk, sub_chunk)) in entries {
            let row = [key.clone(), text(*chunk), text(*sub_chunk), text(0)]
                .map(Some)
                .to_vec();
            write_row(
                &row,
                None,
                chunks
                    .entry(hash_chunk(key, self.shape.index_chunks))
                    .or_default(),
            );
            segment.rows += 1;
        }
        for (chunk, rows) in chunks {
            segment.home.insert(chunk);
            let workers = self.place(&index.family, chunk);
            self.archive.tables.push(PhysicalTable {
                workers,
                database: names::index_database(index.incarnation),
                table: names::chunk_table(table, RowSet::Home, chunk, attempt),
                definition: definition.clone(),
                fields: ddl::INDEX_FIELDS.map(str::to_owned).to_vec(),
                rows,
            });
        }
        index.segments.push(segment);
        Ok(())
    }

    fn counters(&mut self) -> &mut Counters {
        &mut self.archive.catalog.counters
    }

    fn new_segment(&mut self) -> Segment {
        let counters = self.counters();
        Segment {
            id: next(&mut counters.segment),
            attempt: next(&mut counters.attempt),
            schema_version: 1,
            home: BTreeSet::new(),
            overlap: BTreeSet::new(),
            rows: 0,
            bytes: 0,
            ingest: "dev".to_owned(),
            origin: None,
            published: 1,
            revoked: None,
        }
    }

    fn family(&mut self, name: &str, grid: FamilyGrid) {
        if self.archive.catalog.families.contains_key(name) {
            return;
        }
        let incarnation = next(&mut self.counters().incarnation);
        let replicas = FamilyReplicas {
            desired: self.shape.replicas,
            minimum: 1,
        };
        let family = Family::new(incarnation, "dev", replicas, grid);
        self.archive
            .catalog
            .families
            .insert(name.to_owned(), family);
    }

    /// Workers of a chunk: neighbours in a ring, the first by turns.
    fn place(&mut self, family: &str, chunk: ChunkId) -> Vec<WorkerId> {
        let shape = self.shape;
        let Some(family) = self.archive.catalog.families.get_mut(family) else {
            return Vec::new();
        };
        let turn = family.placement.len() as u32;
        let replicas = shape.replicas.min(shape.workers);
        let workers = family.placement.entry(chunk).or_insert_with(|| {
            let mut workers: Vec<WorkerId> = (0..replicas)
                .map(|copy| (turn + copy) % shape.workers + 1)
                .collect();
            workers.sort_unstable();
            workers
        });
        workers.clone()
    }

    fn plain(&mut self, key: &TableKey, definition: String, fields: Vec<String>, rows: Vec<u8>) {
        self.archive.plain.push(PhysicalTable {
            workers: Vec::new(),
            database: key.database.clone(),
            table: key.table.clone(),
            definition,
            fields,
            rows,
        });
    }

    fn add_table(
        &mut self,
        key: TableKey,
        incarnation: u64,
        kind: TableKind,
        segments: Vec<Segment>,
    ) {
        let table = Table {
            incarnation,
            object: "table".into(),
            schema_version: 1,
            kind,
            segments,
            revoked: Vec::new(),
            on_deletion: OnDeletion::Delete { grace_seconds: 0 },
        };
        self.archive.catalog.tables.insert(key, table);
    }
}

fn sphere(shape: Shape) -> FamilyGrid {
    FamilyGrid::Sphere {
        stripes: shape.stripes,
        sub_stripes: shape.sub_stripes,
        overlap: shape.overlap,
        index_chunks: shape.index_chunks,
    }
}

/// The next number of a counter.
fn next(counter: &mut u64) -> u64 {
    *counter += 1;
    *counter
}

fn text(number: u32) -> Vec<u8> {
    number.to_string().into_bytes()
}
