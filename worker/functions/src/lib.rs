//! The `scisql_*` SQL functions, and what else the czar's statements call, as a plugin that mysqld
//! loads.
//!
//! Each function is a thin shell: it checks the number of arguments when a statement is prepared,
//! asks the server to turn them into numbers, and leaves the maths to `orrery_sky`, which the
//! loader and the czar share, so a chunk is pruned by the very predicate its rows are tested with.
//!
//! # Nothing unwinds into the server
//!
//! The plugin runs inside mysqld. Since Rust 1.81 a panic that reaches an `extern "C"` border
//! aborts the process, which here is the database. The code is therefore written not to panic, and
//! every body also runs inside [`guard`], which turns a panic into NULL (or, while a statement is
//! prepared, into an error).
//!
//! [`FUNCTIONS`] is the one list of what is exported; `functions.sql`, which workers and czars run
//! when they start, is tested to be the same list. The only unsafe code is the C entry points that
//! `udf`'s macros generate; none is written here.

mod args;
mod guard;
mod htm;
mod list;
mod misc;
mod near;
mod photometry;
mod regions;
mod separation;
mod statistics;

pub use list::{install_sql, Function, FUNCTIONS};
