//! Answers of the whole way, compared with those of one plain MariaDB that holds the same rows; one
//! program, so that it links once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot continue fails"
)]

mod analyze;
mod answers;
mod cancel;
mod catalogs;
mod closed;
mod deadly;
mod derived;
mod drain;
mod epochs;
mod evidence;
mod fuzz;
mod gathered;
mod interrupts;
mod late;
mod lengths;
mod limits;
mod listed;
mod memory;
mod messages;
mod near;
mod own_keys;
mod pair;
mod parts;
mod replicas;
mod rights;
mod self_test;
mod settings;
mod stored;
mod sums;
mod values;
mod warned;
