//! Generated statements, asked of an archive and of one plain server that holds the same rows.
//!
//! [`schema`] says what there is to ask for, [`extreme`] has a table of values at the edges,
//! [`expressions`] and [`statements`] (with `groups` and `nested`) make [`tree`]s from a seed,
//! [`judge`] compares answers, [`reduce`] makes what differs small, [`run`] does it all and counts.

pub mod expressions;
pub mod extreme;
mod groups;
pub mod judge;
mod nested;
pub mod reduce;
pub mod run;
pub mod schema;
pub mod sides;
mod smaller;
pub mod statements;
pub mod tree;
