//! A small archive for tests: a catalog and its rows.

pub mod asked;
mod catalog;
pub mod merge;
pub mod rows;
pub mod server;

pub use catalog::*;
