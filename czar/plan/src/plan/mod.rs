//! The plan: a value that EXPLAIN prints, tests compare and the czar executes.
//!
//! Keeps true: a plan holds everything that decides the answer but the rows. It names no worker and
//! no replica, so that it stays valid while placement changes; it is bound to the dataEpoch it was
//! made for.

pub(crate) mod by_key;
pub(crate) mod explain;
pub(crate) mod gather;
pub(crate) mod in_process;
pub(crate) mod own_keys;
pub(crate) mod tables;
pub(crate) mod template;

use std::sync::Arc;

use orrery_archive::catalog::{Catalog, TableKey};

use crate::error::PlanError;
use crate::query::select::RowRange;
use in_process::SimpleMerge;
use own_keys::KeysByChunk;
use tables::{ChunkSelection, IndexLookup, TableUse};
use template::{RenderError, Renderer, Template};

/// How a statement is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The catalog's dataEpoch this plan was made for; only a catalog of the same dataEpoch may
    /// render it.
    pub data_epoch: u64,
    /// Which lane it runs in.
    pub class: Class,
    /// Tables in the order of the FROM clause, those of subqueries and of derived tables after them;
    /// template holes count into this list.
    pub tables: Vec<TableUse>,
    /// Text to execute on the shadow server, with the user's default database, for names, types,
    /// flags and errors: the user's own text with `qserv_areaspec_*` calls replaced, which mysqld
    /// does not know.
    pub metadata_sql: String,
    /// Whether it reads the clock: every statement of one query must then run under the same
    /// `SET timestamp = …`.
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
    /// Reference tables alone: one statement ([`crate::Renderer::whole`]) on any one live worker
    /// gives the answer.
    AnyWorker(Template),
    /// One or more statements per chunk, then a merge.
    Chunks(ChunkWork),
    /// Tables are fetched to the shadow server, where `metadata_sql` gives the answer.
    Gather(Gather),
}

/// How a statement is gathered.
#[derive(Clone, Debug, PartialEq)]
pub struct Gather {
    /// Why the chunks do not compute it; `None` when a gather was asked for.
    pub reason: Option<PlanError>,
    /// The tables to fetch, each once.
    pub scans: Vec<Scan>,
}

/// A table to fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// The table.
    pub key: TableKey,
    /// Names of the columns that the statement may read, in the order of [`Self::plan`]'s rows.
    pub columns: Vec<String>,
    /// Fewest bytes that a row of them takes as text.
    pub least_row: u64,
    /// What follows the table's name in `CREATE TEMPORARY TABLE`.
    pub(crate) definition: String,
    /// Which of its rows are fetched, as the statement says it; `None` for all.
    pub(crate) filter: Option<String>,
    /// Reads the rows.
    pub plan: Arc<Plan>,
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
    /// Whether statements may be joined by UNION ALL without changing a value's text (ZEROFILL and
    /// BIT are lost there). Statements with their own ORDER BY or LIMIT need parentheses then.
    pub batchable: bool,
    /// What follows statements that are joined by UNION ALL, each in parentheses: of their rows
    /// together no more may matter than of those of each. Empty, or with a leading space.
    pub joined_end: String,
}

/// What becomes of the rows of the statements.
#[derive(Clone, Debug, PartialEq)]
pub enum Merge {
    /// They are the answer, in any order of statements.
    Concatenate(RowRange),
    /// They are partial results: loaded into a temporary table on the shadow server and queried
    /// there.
    Shadow(ShadowMerge),
}

/// Merge of partial results by the shadow server.
#[derive(Clone, Debug, PartialEq)]
pub struct ShadowMerge {
    /// How many columns each partial row has; they are named `p0`, `p1`, ….
    pub partial_columns: usize,
    /// The partial select over the shadow tables, with `LIMIT 0`: gives the temporary table its
    /// columns.
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
    /// Statement that makes the temporary table, named as given (quoted and qualified by the
    /// caller). Its first column is [`SEQUENCE_COLUMN`], its primary key: the czar numbers partial
    /// rows in chunk order there, so that one dataEpoch gives the same sums of floating point
    /// numbers each time.
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

    /// Statement that reads the temporary table and gives the answer: columns in the user's order,
    /// rows in the user's order, HAVING, DISTINCT, LIMIT and OFFSET applied.
    pub fn merge_sql(&self, table: &str) -> String {
        format!("{}{table}{}", self.before, self.after)
    }
}

impl Plan {
    /// Keys the czar must look up before it dispatches.
    pub fn lookup(&self) -> Option<&IndexLookup> {
        match &self.work {
            Work::Chunks(work) => work.selection.lookup.as_ref(),
            _ => None,
        }
    }

    /// Renders the plan's statements from a catalog of its dataEpoch; `None` when it reads no table
    /// on workers.
    pub fn renderer<'a>(
        &'a self,
        catalog: &'a Catalog,
    ) -> Result<Option<Renderer<'a>>, RenderError> {
        match &self.work {
            Work::AnyWorker(template) | Work::Chunks(ChunkWork { template, .. }) => {
                Renderer::new(template, &self.tables, self.data_epoch, catalog).map(Some)
            }
            Work::Static(_) | Work::Shadow | Work::Gather(_) => Ok(None),
        }
    }

    /// The plan narrowed to what the director index gave for [`Plan::lookup`].
    #[must_use]
    pub fn with_index_result(mut self, found: KeysByChunk) -> Self {
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
            work.selection = work.selection.without_lookup();
        }
        self
    }
}
