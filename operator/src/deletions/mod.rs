//! Rows of deleted tables (`deletionPolicy: Delete`): workers drop them once no reader needs them.
//!
//! The catalog names the databases from the moment their tables leave it, so that neither a change of leader nor a worker that was away
//! keeps them for ever. [`plan`] is pure: what may go, and what can be forgotten; [`reconcile`] asks agents.

mod plan;
mod reconcile;

pub use reconcile::{DeletionError, Deletions};
