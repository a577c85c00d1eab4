//! Generated statements, asked of an archive and of one plain server that holds the same rows.
//!
//! [`schema`] says what there is to ask for, [`extreme`] has a table of values at the edges,
//! [`expressions`] and [`statements`] (with `groups`, `nested` and `keyed`) make [`tree`]s from a seed,
//! [`judge`] compares answers (columns by `columns`, values by `cells`, but for what is `loose`),
//! [`reduce`] makes what differs small, [`run`] does it all and [`report`] counts.

mod cells;
mod columns;
pub mod expressions;
pub mod extreme;
mod groups;
pub mod judge;
mod keyed;
mod loose;
mod nested;
pub mod reduce;
pub mod report;
pub mod run;
pub mod schema;
pub mod sides;
mod smaller;
pub mod statements;
pub mod tree;
