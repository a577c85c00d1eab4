//! The worker agent: the process in each mysqld's pod that makes, fills, seals, copies and drops
//! physical tables.
//!
//! Everything that writes to a worker goes through here (docs/design/ingest.md#loading), so that
//! each table can be traced to an ingest attempt, is counted before anybody relies on it, and is
//! dropped only when no root names it. Queries do not pass through the agent.
//!
//! - [`server`]: TLS, roles, routing; [`api`]: one handler module per group of calls;
//! - [`db`]: connections to the local mysqld, asserted settings, the agent's own tables;
//! - [`state`]: small durable files (identity, term) that must survive anything;
//! - [`load`]: rows from a loader into staging tables; [`tables`]: attempts, sealing, checksums,
//!   the manifest, drops;
//! - [`copy`]: tablespaces from agent to agent; [`catalog`]: the signed catalog copy; [`index`]:
//!   key look-ups; [`trials`]: declared tables made in scratch, to see whether mysqld takes them;
//! - [`watch`]: asks whether mysqld can be relied on; [`status`]: the last answer; [`orphans`]: ends
//!   statements whose czar is gone; [`scrub`]: compares tables with the manifest again and again.

mod admin;
pub mod agent;
pub mod api;
pub mod catalog;
pub mod config;
pub mod copy;
pub mod db;
pub mod error;
pub mod index;
pub mod jobs;
pub mod load;
pub mod metrics;
pub mod orphans;
pub mod run;
pub mod scrub;
pub mod server;
pub mod state;
pub mod status;
pub mod tables;
pub mod trials;
pub mod watch;

pub use agent::Agent;
pub use config::Config;
pub use error::AgentError;
