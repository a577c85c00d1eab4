//! From SQL text to a plan, with no I/O:
//! `guard → parse → resolve → joins → prune → split → verify`.
//!
//! [`statement::classify`] says to the proxy what a text is. [`plan`] makes a [`Plan`] of a SELECT:
//! a value that says which chunks are read, what each computes ([`Template`], filled by a
//! [`Renderer`]) and how the parts become the answer ([`Merge`]). What cannot be shown to give
//! MariaDB's own answer in this way is gathered ([`Gather`]): its tables are fetched, and one server
//! runs the statement. What must not run is refused with a MySQL error that says what to write
//! instead ([`PlanError::mysql`]).

#![forbid(unsafe_code)]

mod aggregate;
mod error;
mod passes;
mod plan;
mod query;
mod text;

pub use error::{GuardError, MysqlError, NotYet, PlanError, PruneError, ResolveError};
pub use passes::{Way, check_listing, plan, plan_by, preparable};
pub use plan::by_key::{Keyed, KeyedPlan};
pub use plan::explain::explain;
pub use plan::gather::STORED_ROW;
pub use plan::in_process::{SimpleColumn, SimpleMerge};
pub use plan::own_keys::KeysByChunk;
pub use plan::tables::{ChunkSelection, IndexLookup, TableUse};
pub use plan::template::{ChunkPart, RenderError, Renderer, Template};
pub use plan::{ChunkWork, Class, Gather, Merge, Plan, SEQUENCE_COLUMN, Scan, ShadowMerge, Work};
pub use query::scope::TableRole;
pub use query::select::RowRange;
pub use text::{lex, statement};
