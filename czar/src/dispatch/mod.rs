//! From units of work to complete tasks with rows.
//!
//! A unit is a chunk (or a hash chunk of an index, or a whole reference table) with its statements;
//! a task is one or more units on one worker. Keeps true (docs/design/query.md#tasks,
//! docs/design/catalog.md#missing-tables): rows are handed on only when their task is complete, so
//! a task can be sent again to another replica at any time; the replicas asked are those of the
//! newest placement; a listed table missing everywhere is an error naming chunk and workers, never
//! an empty result.

mod attempt;
mod figures;
mod job;
mod losses;
mod policy;
mod queue;
mod retry;
mod tasks;
mod workers;

pub use figures::{Figures, WorkerFigures};
pub use job::{DispatchError, Done, Job, Lane, Units};
pub use queue::Sizing;
pub use tasks::Tasks;
pub use workers::{Worker, WorkerOptions, Workers};
