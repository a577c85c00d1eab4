//! Copies: chunks with too few replicas get late ones, workers that are behind catch up, and new workers get the reference tables.
//!
//! A copy is published only if its verified set equals the chunk's full set at that moment, re-read under the root's resourceVersion
//! (design §6). [`plan`] is pure: what each worker should hold, what it lacks, and where to get it; [`reconcile`] asks agents.

pub mod plan;
mod reconcile;

pub use reconcile::{Copies, CopyError};
