//! Which chunk each row goes to: by its own cell, or by its key as the director index knows it.
//!
//! Pure: a parsed batch and what the index said about its keys give placed rows, index entries and
//! rejects.

use std::collections::HashMap;
use std::ops::Range;

use orrery_archive::ingest::{MisplacedChildPolicy, OrphanPolicy};
use orrery_archive::names::ChunkId;
use orrery_sky::Cell;

use super::plan::{Cells, Role, TablePlan};
use super::rows::{ParsedBatch, ParsedRow, Reject};

/// What the index knows of a key: cells, and whether only orphans have it there.
pub type Known = HashMap<Vec<u8>, Vec<(Cell, bool)>>;

/// A row with its chunk.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedRow {
    /// Record number.
    pub record: u64,
    /// Its columns in [`Placed::text`].
    pub text: Range<usize>,
    /// Home.
    pub home: Cell,
    /// Other chunks with copies, in [`Placed::overlaps`].
    pub overlaps: Range<usize>,
    /// Position, for the bounds of what was loaded.
    pub position: Option<(f64, f64)>,
}

/// An index entry a row asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// Its key in [`Placed::keys`].
    pub key: Range<usize>,
    /// Where the row is.
    pub cell: Cell,
    /// Its record number.
    pub record: u64,
    /// Whether it is a child without a director row.
    pub orphan: bool,
}

/// A placed batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placed {
    /// Part of the file.
    pub part: u32,
    /// Rows in order.
    pub rows: Vec<PlacedRow>,
    /// Columns of all rows.
    pub text: Vec<u8>,
    /// Chunks with copies of rows of others.
    pub overlaps: Vec<ChunkId>,
    /// Index entries.
    pub entries: Vec<KeyEntry>,
    /// Keys of all rows, as text.
    pub keys: Vec<u8>,
    /// Records that are not loaded, ascending.
    pub rejects: Vec<Reject>,
    /// Children without a director row.
    pub orphans: u64,
    /// Children that follow their director row to another chunk.
    pub moved: u64,
}

/// Where a row goes, or why not.
enum Destination {
    Home(Cell),
    Moved(Cell),
    Orphan(Cell),
    Rejected(String),
    /// Its file says another chunk.
    Contradicted(String),
}

impl Destination {
    /// Itself, if the file of `row` does not say another chunk than the row's own.
    fn checked(self, row: &ParsedRow) -> Self {
        let (Self::Home(cell) | Self::Moved(cell) | Self::Orphan(cell)) = self else {
            return self;
        };
        let own = row.cell.unwrap_or(cell);
        row.claim
            .contradiction(own)
            .map_or(self, Self::Contradicted)
    }
}

/// Places the rows of `batch`.
pub fn place(plan: &TablePlan, batch: ParsedBatch, known: &Known) -> Placed {
    let mut placed = Placed {
        part: batch.part,
        rows: Vec::with_capacity(batch.rows.len()),
        ..Placed::default()
    };
    let mut rejects = Vec::new();
    for row in &batch.rows {
        let key = batch.key(row);
        let destination = match plan.role {
            Role::Child => child(plan, row, key.and_then(|key| known.get(key)), key.is_some()),
            Role::Director { .. } | Role::Reference => row.cell.map_or_else(
                || Destination::Rejected("the row has no chunk".into()),
                Destination::Home,
            ),
        };
        match destination.checked(row) {
            Destination::Rejected(reason) => rejects.push(Reject {
                record: row.record,
                column: key_column(plan),
                reason,
            }),
            Destination::Contradicted(reason) => rejects.push(Reject {
                record: row.record,
                column: None,
                reason,
            }),
            Destination::Home(cell) => placed.push(plan, row, cell, false),
            Destination::Moved(cell) => {
                placed.moved += 1;
                placed.push(plan, row, cell, false);
            }
            Destination::Orphan(cell) => {
                placed.orphans += 1;
                placed.push(plan, row, cell, true);
            }
        }
    }
    placed.rejects = merged(batch.rejects, rejects);
    placed.text = batch.text;
    placed.keys = batch.keys;
    placed
}

impl Placed {
    fn push(&mut self, plan: &TablePlan, row: &ParsedRow, home: Cell, orphan: bool) {
        let first = self.overlaps.len();
        if let (Role::Director { .. }, Cells::Sphere(grid), Some((lon, lat))) =
            (plan.role, &plan.cells, row.position)
        {
            // The position was located already, so its copies can be, too.
            if grid.overlap_chunks(lon, lat, &mut self.overlaps).is_err() {
                self.overlaps.truncate(first);
            }
        }
        let indexed = orphan || matches!(plan.role, Role::Director { .. });
        if let Some(key) = row.key.clone().filter(|_| indexed) {
            self.entries.push(KeyEntry {
                key,
                cell: home,
                record: row.record,
                orphan,
            });
        }
        self.rows.push(PlacedRow {
            record: row.record,
            text: row.text.clone(),
            home,
            overlaps: first..self.overlaps.len(),
            position: row.position,
        });
    }
}

/// docs/design/ingest.md#children: key in the same chunk is fine; key unknown is an orphan; key in
/// another chunk is rejected or moved.
fn child(
    plan: &TablePlan,
    row: &ParsedRow,
    known: Option<&Vec<(Cell, bool)>>,
    has_key: bool,
) -> Destination {
    let directors: Vec<Cell> = known
        .into_iter()
        .flatten()
        .filter(|(_, orphan)| !orphan)
        .map(|(cell, _)| *cell)
        .collect();
    match (row.cell, directors.as_slice()) {
        (Some(own), []) if !has_key => Destination::Home(own),
        (None, []) if !has_key => {
            Destination::Rejected("a row with neither a key nor a position has no chunk".into())
        }
        (Some(own), []) if plan.orphans == OrphanPolicy::Keep => Destination::Orphan(own),
        (Some(_), []) => Destination::Rejected("no director row has this key".into()),
        (None, []) => Destination::Rejected(
            "no director row has this key, and the row has no position".into(),
        ),
        (Some(own), directors) if directors.iter().any(|cell| cell.chunk == own.chunk) => {
            Destination::Home(own)
        }
        (own, directors) => follow(plan, own, directors),
    }
}

/// Where a child goes whose director rows are all in other chunks, or that has no position.
fn follow(plan: &TablePlan, own: Option<Cell>, directors: &[Cell]) -> Destination {
    let Some(first) = directors.iter().min().copied() else {
        return Destination::Rejected("no director row has this key".into());
    };
    let chunks = || {
        let mut chunks: Vec<ChunkId> = directors.iter().map(|cell| cell.chunk).collect();
        chunks.sort_unstable();
        chunks.dedup();
        chunks
    };
    if chunks().len() > 1 {
        return Destination::Rejected(format!(
            "the key's director rows are in several chunks ({}), none of them the row's own",
            chunks()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }
    match own {
        None => Destination::Home(first),
        Some(_) if plan.misplaced == MisplacedChildPolicy::Move => Destination::Moved(first),
        Some(own) => Destination::Rejected(format!(
            "the row's position is in chunk {}, its director row is in chunk {}",
            own.chunk, first.chunk
        )),
    }
}

fn key_column(plan: &TablePlan) -> Option<String> {
    Some(plan.columns.get(plan.key?.column)?.name.clone())
}

/// Both lists are ascending, and so is the result.
fn merged(mut rejects: Vec<Reject>, more: Vec<Reject>) -> Vec<Reject> {
    if !more.is_empty() {
        rejects.extend(more);
        rejects.sort_by_key(|reject| reject.record);
    }
    rejects
}
