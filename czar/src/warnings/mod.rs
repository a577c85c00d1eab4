//! Warnings: those of one server's statement, and those of the statements that compute one together.
//!
//! Keeps true (docs/sql.md#warnings): as many as one server over all rows counts, where rows raise
//! them. What every part says of a value in the statement's text counts once.

mod list;
mod met;

pub use list::{Warning, Warnings};
pub use met::{Met, OfParts, Raised};
