//! The agent with a real mysqld, called over real TLS.

#![expect(clippy::unwrap_used, reason = "tests")]

mod access;
mod copies;
mod copy_speed;
mod drops;
mod durable;
mod killed;
mod loads;
mod many;
mod mysqld_restarts;
mod orphans;
mod reader;
mod scrub;
mod sealing;
mod support;
mod tables;
mod trials;
