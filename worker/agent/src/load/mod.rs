//! Rows from a loader into staging tables: framed stream → pipe → server-side LOAD DATA, one
//! transaction with its ledger row.

pub mod job;
pub mod pipe;
pub mod sessions;
pub mod source;
