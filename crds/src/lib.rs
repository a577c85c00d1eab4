//! The contracts of Orrery: what its processes say to each other and to the cluster API.
//!
//! - [`kinds`]: the Kubernetes kinds of the group `orrery.dev/v1alpha1`, one file each;
//! - [`catalog`]: the content-addressed tree that tells which table has which rows and who holds them;
//! - [`agent`]: the HTTPS API of the worker agent; [`loader`]: that of the ingest loader;
//! - [`names`]: every derived name (physical tables, Kubernetes objects) in one place;
//! - [`sql_type`]: column types; [`table`]: a table as accepted, its checks and its DDL.
//!
//! No I/O happens here.

pub mod agent;
pub mod catalog;
pub mod kinds;
pub mod loader;
pub mod names;
pub mod sql_type;
pub mod table;
