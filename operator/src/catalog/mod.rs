//! The catalog's only writer (design §4).
//!
//! [`edit`] holds the pure changes of a catalog; [`store`] reads and writes its objects; [`archive_writer`] joins them: one change at a
//! time per archive, conditional on the root it was computed from, under this leader's term. [`readers`] tells what readers still need, and
//! [`segments`] bounds their number, [`collect`] drops objects that nobody needs; [`push`] leaves signed copies at the agents; [`upkeep`] does both in rounds.

pub mod archive_writer;
pub mod collect;
pub mod edit;
pub mod push;
pub mod readers;
pub mod segments;
pub mod store;
#[cfg(test)]
mod testing;
pub mod upkeep;
