//! What tests of many crates need. Failures panic: this is for tests alone.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "tests stop at the first failure"
)]

mod mysqld;
mod template;

pub use mysqld::Mysqld;
