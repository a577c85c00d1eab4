//! From SQL text to a plan, with no I/O: `guard → parse → resolve → analyse → prune → split`.
#![forbid(unsafe_code)]

pub mod lex;
mod plan;
pub mod statement;
mod template;

pub use plan::{
    ChunkSelection, ChunkWork, Class, FrontEndMerge, IndexLookup, Merge, Plan, RowRange, SEQUENCE_COLUMN,
    SimpleColumn, SimpleMerge, TableRole, TableUse, Work,
};
pub use template::{RenderError, Renderer, Template};
