//! The plan: a value that EXPLAIN prints, tests compare and the czar executes.
//!
//! Keeps true: a plan holds everything that decides the answer but the rows. It names no worker and no replica, so that it stays
//! valid while placement changes; it is bound to the dataEpoch it was made for.

use std::collections::BTreeSet;

use orrery_archive::catalog::{Catalog, ChunkSet, TableKey};

use crate::template::{RenderError, Renderer, Template};

/// How a statement is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The catalog's dataEpoch this plan was made for; only a catalog of the same dataEpoch may render it.
    pub data_epoch: u64,
    /// Which lane it runs in.
    pub class: Class,
    /// Tables in the order of the FROM clause; template holes count into this list.
    pub tables: Vec<TableUse>,
    /// Text to execute on the shadow server, with the user's default database, for names, types, flags and errors: the user's
    /// own text with `qserv_areaspec_*` calls replaced, which mysqld does not know.
    pub metadata_sql: String,
    /// Whether it reads the clock: every statement of one query must then run under the same `SET timestamp = …`.
    pub uses_now: bool,
    /// Where the rows come from.
    pub work: Work,
}

/// Lane of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Few chunks: keys, small regions, reference tables.
    Interactive,
    /// Everything else.
    Scan,
}

/// A table in the FROM clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableUse {
    /// Name as users know it.
    pub key: TableKey,
    /// Name the statement calls it by.
    pub alias: String,
    /// Incarnation, to make sure that a catalog renders the table that was planned.
    pub incarnation: u64,
    /// Its place in the statement.
    pub role: TableRole,
}

/// What a table of the FROM clause is to the chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableRole {
    /// Chunked and inner: a chunk without rows of it gives nothing.
    Chunked,
    /// Chunked, at the optional side of an outer join: a chunk without rows of it still counts.
    ChunkedOptional,
    /// Whole on every worker, inner.
    Reference,
    /// Whole on every worker, at the optional side of an outer join.
    ReferenceOptional,
}

impl TableRole {
    /// Whether each chunk has its own physical tables of it.
    pub fn is_chunked(self) -> bool {
        matches!(self, Self::Chunked | Self::ChunkedOptional)
    }

    /// Whether it stands at the optional side of an outer join.
    pub fn is_optional(self) -> bool {
        matches!(self, Self::ChunkedOptional | Self::ReferenceOptional)
    }
}

/// Where the rows come from.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one per statement, and the large one is the usual one"
)]
pub enum Work {
    /// The rows are known from the catalog, each value as the text protocol sends it.
    Static(Vec<Vec<Option<String>>>),
    /// No table is read: executing `metadata_sql` on the shadow server gives the answer.
    Shadow,
    /// Reference tables alone: one statement ([`crate::Renderer::whole`]) on any one live worker gives the answer.
    AnyWorker(Template),
    /// One or more statements per chunk, then a merge.
    Chunks(ChunkWork),
}

/// Statements per chunk and what becomes of their rows.
#[derive(Clone, Debug, PartialEq)]
pub struct ChunkWork {
    /// Which chunks.
    pub selection: ChunkSelection,
    /// Statement of a chunk.
    pub template: Template,
    /// What becomes of the rows.
    pub merge: Merge,
    /// Whether statements may be joined by UNION ALL without changing a value's text (ZEROFILL and BIT are lost there).
    /// Statements with their own ORDER BY or LIMIT need parentheses then.
    pub batchable: bool,
}

/// Which chunks a plan reads: those that hold rows of its tables, less what is pruned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChunkSelection {
    /// Chunks that can hold rows of the answer; `None` when nothing was pruned.
    pub area: Option<ChunkSet>,
    /// Keys to look up in a director index; its chunks narrow the area. When the index cannot be read, drop it with
    /// [`Plan::without_lookup`].
    pub lookup: Option<IndexLookup>,
}

impl ChunkSelection {
    /// The selection narrowed to the chunks that the director index gave for its keys.
    #[must_use]
    pub fn narrowed_to(&self, found: &ChunkSet) -> Self {
        Self {
            area: Some(match &self.area {
                Some(area) => area.intersection(found).copied().collect(),
                None => found.clone(),
            }),
            lookup: None,
        }
    }
}

/// Keys to look up in a director's index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexLookup {
    /// The director.
    pub director: TableKey,
    /// Keys as canonical text (as `orrery_archive::catalog::hash_chunk` takes them).
    pub keys: BTreeSet<String>,
    /// Whether the key column holds integers; the keys are then written into SQL without quotes.
    pub integer: bool,
}

/// What becomes of the rows of the statements.
#[derive(Clone, Debug, PartialEq)]
pub enum Merge {
    /// They are the answer, in any order of statements.
    Concatenate(RowRange),
    /// They are partial results: loaded into a temporary table on the shadow server and queried there.
    Shadow(ShadowMerge),
}

/// The rows of a LIMIT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowRange {
    /// Rows to leave out first.
    pub offset: u64,
    /// Rows to send at most; `None` for all.
    pub count: Option<u64>,
}

/// Merge of partial results by the shadow server.
#[derive(Clone, Debug, PartialEq)]
pub struct ShadowMerge {
    /// How many columns each partial row has; they are named `p0`, `p1`, ….
    pub partial_columns: usize,
    /// The partial select over the shadow tables, with `LIMIT 0`: gives the temporary table its columns.
    pub(crate) shadow_select: String,
    /// The merging statement around the temporary table's name.
    pub(crate) before: String,
    /// Its rest.
    pub(crate) after: String,
    /// The same merge in terms that need no SQL server, where every type is understood exactly.
    pub simple: Option<SimpleMerge>,
}

/// Column of the temporary table that fixes the order in which sums are made; the czar fills it.
pub const SEQUENCE_COLUMN: &str = "seq";

impl ShadowMerge {
    /// Statement that makes the temporary table, named as given (quoted and qualified by the caller). Its first column is
    /// [`SEQUENCE_COLUMN`], its primary key: the czar numbers partial rows in chunk order there, so that one dataEpoch gives the
    /// same sums of floating point numbers each time.
    pub fn create_sql(&self, table: &str) -> String {
        format!(
            "CREATE TEMPORARY TABLE {table} (`{SEQUENCE_COLUMN}` BIGINT UNSIGNED NOT NULL DEFAULT 0 PRIMARY KEY) ENGINE=InnoDB AS {}",
            self.shadow_select
        )
    }

    /// The partial select over the empty shadow tables, `LIMIT 0` included.
    pub fn partial_over_shadow(&self) -> &str {
        &self.shadow_select
    }

    /// Statement that reads the temporary table and gives the answer: columns in the user's order, rows in the user's order,
    /// HAVING, DISTINCT, LIMIT and OFFSET applied.
    pub fn merge_sql(&self, table: &str) -> String {
        format!("{}{table}{}", self.before, self.after)
    }
}

/// A merge in process: groups keyed by integer columns (or one group), each output column computed from partial columns.
/// No DISTINCT, HAVING, ORDER BY or LIMIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimpleMerge {
    /// Partial columns that are the group's key: integers, compared as their text, NULL equal to NULL. Empty: exactly one group,
    /// also when there is no partial row.
    pub keys: Vec<usize>,
    /// Output columns in order; numbers are partial columns.
    pub columns: Vec<SimpleColumn>,
}

/// An output column of a [`SimpleMerge`]. NULL partials count for nothing; if there is no other, the result is NULL (0 for `Count`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimpleColumn {
    /// The key's value.
    Key(usize),
    /// Sum of counts, as a signed 64-bit integer.
    Count(usize),
    /// Sum of decimals, with this many digits after the point.
    SumDecimal {
        /// Partial sums.
        sum: usize,
        /// Digits after the point.
        scale: u8,
    },
    /// Sum of doubles: exact when there is one group, else in chunk order (`docs/decisions/0004`).
    SumDouble(usize),
    /// Smallest integer.
    MinInteger(usize),
    /// Largest integer.
    MaxInteger(usize),
    /// Smallest double.
    MinDouble(usize),
    /// Largest double.
    MaxDouble(usize),
    /// Quotient of doubles: sum, made as that of `SumDouble`, over count.
    AvgDouble {
        /// Partial sums.
        sum: usize,
        /// Partial counts.
        count: usize,
    },
}

impl Plan {
    /// Keys the czar must look up before it dispatches.
    pub fn lookup(&self) -> Option<&IndexLookup> {
        match &self.work {
            Work::Chunks(work) => work.selection.lookup.as_ref(),
            _ => None,
        }
    }

    /// Renders the plan's statements from a catalog of its dataEpoch; `None` when it reads no table on workers.
    pub fn renderer<'a>(&'a self, catalog: &'a Catalog) -> Result<Option<Renderer<'a>>, RenderError> {
        match &self.work {
            Work::AnyWorker(template) | Work::Chunks(ChunkWork { template, .. }) => {
                Renderer::new(template, &self.tables, self.data_epoch, catalog).map(Some)
            }
            Work::Static(_) | Work::Shadow => Ok(None),
        }
    }

    /// The plan narrowed to the chunks that the director index gave for [`Plan::lookup`].
    #[must_use]
    pub fn with_index_result(mut self, found: &ChunkSet) -> Self {
        if let Work::Chunks(work) = &mut self.work {
            work.selection = work.selection.narrowed_to(found);
        }
        self
    }

    /// The lane for when the index cannot be read: keys prune nothing.
    pub fn class_without_lookup(&self) -> Class {
        match &self.work {
            Work::Chunks(work) if work.selection.area.is_none() => Class::Scan,
            _ => self.class,
        }
    }

    /// The plan for when the index cannot be read: keys prune nothing.
    #[must_use]
    pub fn without_lookup(mut self) -> Self {
        self.class = self.class_without_lookup();
        if let Work::Chunks(work) = &mut self.work {
            work.selection.lookup = None;
        }
        self
    }
}
