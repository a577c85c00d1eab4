//! Statements of a chunk: text with holes for physical table names, filled by splicing.
//!
//! Keeps true: a statement is parsed and printed once per plan; per chunk only names are spliced in
//! (docs/design/query.md#passes; 20,000 chunks cost less than a millisecond). Inner tables
//! distribute over segments: one statement per combination of segments that have the chunk.
//! Optional tables and those of subqueries and derived tables do not distribute: all their segments
//! go into one derived table. Neighbours add the tables of their overlap, which share no row with
//! any home table of the same chunk.

use std::fmt::Write as _;

use orrery_archive::catalog::{Catalog, ChunkSet, Segment, TableKey};
use orrery_archive::names::{self, ChunkId, RowSet};
use thiserror::Error;

use super::tables::{ChunkSelection, TableUse};
use crate::query::scope::TableRole;

/// A statement with holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Text and holes in order.
    pub(crate) pieces: Vec<Piece>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Spliced as it is.
    Text(String),
    /// One physical table of this entry of the plan's tables.
    Table(usize),
    /// All physical tables of this entry in one derived table.
    Derived {
        /// Entry of the plan's tables.
        table: usize,
        /// Columns it needs, quoted and separated by commas.
        columns: String,
        /// What stands in when the chunk has no rows of it: a select list of typed NULLs with the
        /// columns' names.
        nulls: String,
    },
    /// The keys, separated by commas, that the statement is about.
    Keys,
}

impl Template {
    /// The text with `{table}` in place of the holes, for people.
    pub fn display(&self, tables: &[TableUse]) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Table(table) | Piece::Derived { table, .. } => {
                    let key = tables.get(*table).map(|table| table.key.to_string());
                    let _ = write!(text, "{{{}}}", key.unwrap_or_default());
                }
                Piece::Keys => text.push_str("{keys}"),
            }
        }
        text
    }

    /// Whether each statement names its own keys.
    pub fn names_keys(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Keys))
    }

    /// Bytes of text in each statement, names of tables and own keys apart.
    pub(crate) fn text_bytes(&self) -> usize {
        let bytes = |piece: &Piece| match piece {
            Piece::Text(text) => text.len(),
            Piece::Derived { columns, nulls, .. } => columns.len().max(nulls.len()),
            Piece::Table(_) | Piece::Keys => 0,
        };
        self.pieces.iter().map(bytes).sum()
    }
}

/// Why a plan cannot be rendered with a catalog.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RenderError {
    /// The catalog is of another dataEpoch.
    #[error("the plan was made for dataEpoch {planned}, the catalog is of {given}")]
    OtherEpoch {
        /// Of the plan.
        planned: u64,
        /// Of the catalog.
        given: u64,
    },
    /// The catalog lacks the table, or has another incarnation of it.
    #[error("the catalog has no table {0} of the planned incarnation")]
    NoTable(TableKey),
    /// Statements name the keys of their chunk, which were not looked up.
    #[error("the plan's keys were not looked up")]
    NoKeys,
}

/// What one or more statements over a chunk read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkPart {
    /// The chunk.
    pub chunk: ChunkId,
    /// The keys it is about, as literals separated by commas; empty when the statements name none.
    pub(crate) keys: String,
}

/// Fills a plan's template from the catalog.
pub struct Renderer<'a> {
    template: &'a Template,
    tables: Vec<Physical<'a>>,
}

/// Rows of a segment in one physical table.
#[derive(Clone, Copy)]
struct Stored<'a> {
    segment: &'a Segment,
    set: RowSet,
}

/// A table of the plan with its segments.
struct Physical<'a> {
    usage: &'a TableUse,
    database: String,
    segments: &'a [Segment],
}

impl<'a> Physical<'a> {
    fn find(usage: &'a TableUse, catalog: &'a Catalog) -> Result<Self, RenderError> {
        let table = catalog
            .tables
            .get(&usage.key)
            .filter(|table| table.incarnation == usage.incarnation);
        let table = table.ok_or_else(|| RenderError::NoTable(usage.key.clone()))?;
        if table.kind.is_chunked() != usage.role.is_chunked() {
            return Err(RenderError::NoTable(usage.key.clone()));
        }
        Ok(Self {
            usage,
            database: names::physical_database(&usage.key.database, usage.incarnation),
            segments: &table.segments,
        })
    }

    /// Segments with rows in the chunk, and which rows; those of reference tables have them
    /// everywhere.
    fn stored_in(&self, chunk: Option<ChunkId>) -> impl Iterator<Item = Stored<'a>> + use<'a> {
        let chunk = chunk.filter(|_| self.usage.role.is_chunked());
        let near = self.usage.role == TableRole::Neighbour;
        self.segments.iter().flat_map(move |segment| {
            let has = |chunks: &ChunkSet| chunk.is_none_or(|chunk| chunks.contains(&chunk));
            let home = has(&segment.home).then_some(RowSet::Home);
            let overlap = (near && has(&segment.overlap)).then_some(RowSet::Overlap);
            let sets = home.into_iter().chain(overlap);
            sets.map(move |set| Stored { segment, set })
        })
    }

    fn push_name(&self, chunk: Option<ChunkId>, stored: Stored<'_>, text: &mut String) {
        let Stored { segment, set } = stored;
        let table = match chunk.filter(|_| self.usage.role.is_chunked()) {
            Some(chunk) => names::chunk_table(&self.usage.key.table, set, chunk, segment.attempt),
            None => names::reference_table(&self.usage.key.table, segment.attempt),
        };
        let _ = write!(text, "`{}`.`{table}`", self.database);
    }

    fn push_derived(&self, chunk: Option<ChunkId>, columns: &str, nulls: &str, text: &mut String) {
        let stored: Vec<Stored<'_>> = self.stored_in(chunk).collect();
        match stored.as_slice() {
            [one] => return self.push_name(chunk, *one, text),
            [] => {
                let _ = write!(text, "(SELECT {nulls} FROM DUAL WHERE FALSE)");
                return;
            }
            _ => text.push('('),
        }
        for (number, stored) in stored.into_iter().enumerate() {
            let joint = if number > 0 { " UNION ALL " } else { "" };
            let _ = write!(text, "{joint}SELECT {columns} FROM ");
            self.push_name(chunk, stored, text);
        }
        text.push(')');
    }
}

impl<'a> Renderer<'a> {
    /// Prepares to render `template` of a plan with these tables, made for `data_epoch`.
    pub fn new(
        template: &'a Template,
        tables: &'a [TableUse],
        data_epoch: u64,
        catalog: &'a Catalog,
    ) -> Result<Self, RenderError> {
        if catalog.epochs.data != data_epoch {
            return Err(RenderError::OtherEpoch {
                planned: data_epoch,
                given: catalog.epochs.data,
            });
        }
        let tables = tables
            .iter()
            .map(|usage| Physical::find(usage, catalog))
            .collect::<Result<_, _>>()?;
        Ok(Self { template, tables })
    }

    /// The chunks to read, ascending: every inner chunked table has rows there, and the selection
    /// allows it.
    fn chunks(&self, selection: &ChunkSelection) -> Vec<ChunkId> {
        let is_home = |table: &Physical<'_>| table.usage.role.is_home();
        let Some(first) = self.tables.iter().find(|table| is_home(table)) else {
            return Vec::new();
        };
        let is_needed =
            |table: &Physical<'_>| is_home(table) || table.usage.role == TableRole::Neighbour;
        let mut chunks = ChunkSet::new();
        for segment in first.segments {
            match &selection.area {
                Some(area) if area.len() < segment.home.len() => {
                    chunks.extend(area.iter().filter(|chunk| segment.home.contains(chunk)));
                }
                Some(area) => {
                    chunks.extend(segment.home.iter().filter(|chunk| area.contains(chunk)));
                }
                None => chunks.extend(&segment.home),
            }
        }
        chunks.retain(|chunk| {
            let mut needed = self.tables.iter().filter(|table| is_needed(table));
            needed.all(|table| table.stored_in(Some(*chunk)).next().is_some())
        });
        chunks.into_iter().collect()
    }

    /// Ids of the segments that the chunk's statements read; a replica must have them all.
    pub fn segments(&self, chunk: ChunkId) -> Vec<u64> {
        let stored = self
            .tables
            .iter()
            .flat_map(|table| table.stored_in(Some(chunk)));
        let mut ids: Vec<u64> = stored.map(|stored| stored.segment.id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// What is to be read: the chunks, ascending, and where statements name their own keys, a part
    /// for each list of keys of a chunk.
    pub fn parts(&self, selection: &ChunkSelection) -> Result<Vec<ChunkPart>, RenderError> {
        let chunks = self.chunks(selection);
        // Without chunks there is nothing to look keys up for.
        if chunks.is_empty() || !self.template.names_keys() {
            let part = |chunk| ChunkPart {
                chunk,
                keys: String::new(),
            };
            return Ok(chunks.into_iter().map(part).collect());
        }
        let keys = selection.keys.as_ref().ok_or(RenderError::NoKeys)?;
        let parts = chunks.into_iter().flat_map(|chunk| {
            let lists = keys.lists(chunk);
            lists.into_iter().map(move |keys| ChunkPart { chunk, keys })
        });
        Ok(parts.collect())
    }

    /// The statements of a part, one per combination of segments of the inner tables.
    pub fn statements(&self, part: &ChunkPart) -> Vec<String> {
        self.render(Some(part.chunk), &part.keys)
    }

    /// The one statement of a plan that reads reference tables alone.
    pub fn whole(&self) -> String {
        self.fill(None, &vec![None; self.tables.len()], "")
    }

    fn render(&self, chunk: Option<ChunkId>, keys: &str) -> Vec<String> {
        let mut combinations: Vec<Vec<Option<Stored<'_>>>> = vec![Vec::new()];
        for table in &self.tables {
            let choices: Vec<Option<Stored<'_>>> = if table.usage.role.is_read_whole() {
                vec![None]
            } else {
                table.stored_in(chunk).map(Some).collect()
            };
            let extended = combinations.iter().flat_map(|begun| {
                choices.iter().map(|choice| {
                    let mut combination = begun.clone();
                    combination.push(*choice);
                    combination
                })
            });
            combinations = extended.collect();
        }
        combinations
            .iter()
            .map(|combination| self.fill(chunk, combination, keys))
            .collect()
    }

    fn fill(&self, chunk: Option<ChunkId>, chosen: &[Option<Stored<'_>>], keys: &str) -> String {
        let mut text = String::with_capacity(256);
        for piece in &self.template.pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Keys => text.push_str(keys),
                Piece::Table(number) => {
                    let stored = chosen.get(*number).copied().flatten();
                    if let (Some(table), Some(stored)) = (self.tables.get(*number), stored) {
                        table.push_name(chunk, stored, &mut text);
                    }
                }
                Piece::Derived {
                    table,
                    columns,
                    nulls,
                } => {
                    if let Some(table) = self.tables.get(*table) {
                        table.push_derived(chunk, columns, nulls, &mut text);
                    }
                }
            }
        }
        text
    }
}
