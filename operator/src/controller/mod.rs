//! What all controllers share.
//!
//! A controller is a folder that reads as *observe → plan → apply → status*: `mod.rs` says what
//! wakes it and holds its reconcile, `observe.rs` reads the cluster API and the agents, `plan.rs`
//! is a pure function of what was observed, `apply.rs` makes it so, and `status.rs` says what users
//! see. It has those files that it needs. [`runner`] runs it by the keys of its [`watch`]es, with a
//! [`context`], and by what other controllers say, such as [`arrivals`]; [`apply`], [`status`], [`events`] and [`conditions`] are how it writes.

pub mod apply;
pub mod arrivals;
pub mod conditions;
pub mod conflicts;
pub mod context;
pub mod error;
pub mod events;
pub mod pods;
pub mod runner;
pub mod status;
pub mod watch;
