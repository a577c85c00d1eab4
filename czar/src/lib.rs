//! The czar: answers SELECTs over chunked tables by asking workers.
//!
//! A proxy's statement comes in through [`server`] with its user and settings. The [`engine`] plans
//! it with `orrery-plan` and the catalog in use ([`catalogs`]), gets its metadata from the
//! [`shadow`] server, looks keys up in director indexes ([`lookup`]), dispatches it to workers as
//! tasks ([`dispatch`]) whose rows are held until complete ([`spool`]), merges partial rows
//! ([`merge`]) and encodes the answer ([`encode`]). What the workers cannot compute runs on the
//! shadow server over tables that are fetched to it, within limits ([`gathers`]). Nothing here outlives the process: a czar may
//! die at any time.

mod admin;
pub mod backend;
pub mod catalogs;
pub mod config;
pub mod dispatch;
pub mod encode;
pub mod engine;
pub mod gathers;
pub mod inside;
pub mod lookup;
pub mod memory;
pub mod merge;
pub mod metrics;
pub mod placement;
pub mod run;
pub mod server;
pub mod shadow;
pub mod spool;
pub mod warnings;
