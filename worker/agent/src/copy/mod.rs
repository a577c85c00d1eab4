//! Copies of tables from agent to agent as InnoDB tablespaces: up to 21 times faster than rows.
//!
//! The target pulls; it believes nothing: what arrives is imported beside the physical databases,
//! counted, summed and compared with the manifest row it was promised, and only then moved in.

pub mod container;
pub mod export;
pub mod import;
pub mod jobs;
mod lanes;
pub mod peer;
pub mod registry;

pub use registry::Copies;

/// Database in which copied tables are put together.
pub const COPY_DATABASE: &str = "orrery_copy";
