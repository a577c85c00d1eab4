//! A real worker for tests: mysqld in a directory of its own, an agent in this process, and
//! certificates for every role.
//!
//! ```no_run
//! # async fn example() {
//! use orrery_kit_worker::{Archive, Worker};
//! use orrery_archive::names::Role;
//!
//! let archive = Archive::new();
//! let worker = Worker::start(&archive, 1).await;
//! let info = worker.api(&archive, Role::Operator).info().await.unwrap();
//! # }
//! ```
//!
//! Everything stops and goes when the values are dropped. Failures panic: this is for tests alone.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "tests stop at the first failure"
)]

mod archive;
mod worker;

pub use archive::{ARCHIVE_UID, Archive, TIMEOUTS};
pub use orrery_kit::{Mysqld, port};
pub use worker::{READER_PASSWORD, TERM, Worker, default_config, shell_args};
