//! The operator: turns what users declare into workers, tables, users and placement.
//!
//! One process leads ([`leader`]), a standby waits. Every controller is a folder of one shape,
//! `{mod, observe, plan, apply, status}.rs` (see [`controller`]): observing and applying talk to
//! the cluster API and to agents, planning is a pure function of what was observed.
//!
//! - [`pools`]: `WorkerPool` → `Worker`s → one StatefulSet each, adoption of data directories,
//!   statuses;
//! - [`archive`] with [`families`] and [`tables`]: what is declared about data is judged and handed
//!   to the [`catalog`]'s writer;
//! - [`ingest`]: files become rows of tables;
//! - [`repair`]: which copies are to be made, and which workers chunks leave; [`copies`] makes them;
//! - [`rebalance`]: what moves so that workers have their fair share;
//! - [`scrub`]: copies that their agents found damaged;
//! - [`deletions`]: tables that go;
//! - [`rebuild`]: a lost catalog is made again from what workers hold, when a person asks for it;
//! - [`gc`]: catalog objects that no reader needs are deleted, agents get copies of the catalog;
//! - [`users`]: `QueryUser`s and their Secrets → the one Secret that czars and proxies watch;
//! - [`secrets`]: the archive's authority, certificates, passwords and keys.

#![cfg_attr(
    test,
    allow(
        clippy::needless_pass_by_value,
        clippy::items_after_statements,
        clippy::needless_for_each,
        reason = "fixtures read better so"
    )
)]

mod admin;
pub mod agents;
pub mod archive;
pub mod catalog;
pub mod config;
pub mod controller;
pub mod copies;
pub mod deletions;
pub mod families;
pub mod field_manager;
pub mod fleet;
pub mod gc;
pub mod ingest;
pub mod labels;
pub mod leader;
pub mod metrics;
pub mod placement;
pub mod pools;
pub mod quantity;
pub mod rebalance;
pub mod rebuild;
pub mod repair;
pub mod run;
pub mod scrub;
pub mod secrets;
pub mod tables;
#[cfg(test)]
mod testing;
pub mod users;
