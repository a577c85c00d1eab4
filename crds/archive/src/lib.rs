//! What an archive is, apart from Kubernetes: the words that every program shares.
//!
//! - [`catalog`]: the content-addressed tree that says which table has which rows and who holds
//!   them, and the users;
//! - [`names`]: every derived name (physical tables, Kubernetes objects) in one place;
//! - [`sql_type`]: column types; [`table`]: a table's columns, keys and DDL; [`replicas`]: how
//!   often a chunk is kept;
//! - [`signing`]: the keys of what the operator signs;
//! - [`ingest`]: sources, dialects and policies of an ingest, its progress and its summary.
//!
//! No I/O happens here, and nothing here knows Kubernetes: the kinds in `crds/` are made of these.

pub mod catalog;
pub mod ingest;
pub mod names;
pub mod replicas;
pub mod signing;
pub mod sql_type;
pub mod table;
#[cfg(feature = "test-support")]
pub mod testing;
