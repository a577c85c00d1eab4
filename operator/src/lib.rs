//! The operator: turns what users declare into workers, tables, users and placement.
//!
//! One process leads ([`leader`]), a standby waits. Every controller is a folder that reads as *observe → plan → apply*: observing and
//! applying talk to the cluster API and to agents, planning is a pure function of what was observed and yields typed objects.
//!
//! - [`pools`]: `WorkerPool` → `Worker`s → one StatefulSet each, adoption of data directories, statuses;
//! - [`archive`] with [`families`] and [`tables`]: what is declared about data is judged and handed to the catalog's [`writer`];
//! - [`copies`] and [`deletions`]: tables that workers lack, and tables that go;
//! - [`users`]: `QueryUser`s and their Secrets → the one Secret that czars and proxies watch;
//! - [`secrets`]: the archive's authority, certificates, passwords and keys;
//! - [`work`], [`triggers`], [`apply`], [`conditions`], [`notices`], [`metrics`], [`admin`]: what all of them share.

#![cfg_attr(
    test,
    allow(
        clippy::needless_pass_by_value,
        clippy::items_after_statements,
        clippy::needless_for_each,
        reason = "fixtures read better so"
    )
)]

pub mod admin;
pub mod agents;
pub mod apply;
pub mod archive;
pub mod catalog;
pub mod conditions;
pub mod context;
pub mod copies;
pub mod deletions;
pub mod families;
pub mod flags;
pub mod ingest;
pub mod leader;
pub mod metrics;
pub mod notices;
pub mod placement;
pub mod pools;
pub mod run;
pub mod secrets;
pub mod tables;
pub mod term;
pub mod triggers;
pub mod users;
pub mod work;
pub mod writer;
