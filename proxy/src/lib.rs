//! The proxy: where clients connect.
//!
//! ```text
//! client ──► listener ──► connection ──► statement ──┬─► answered from the session (SET, USE, KILL, SHOW PROCESSLIST …)
//!            (limits,     (commands)     (class)     ├─► refused, naming what to do instead (INSERT, CREATE, GRANT …)
//!             log-in)                                └─► forward ──► czars (pooled connections) ──► rows, undecoded
//! ```
//!
//! What it keeps true:
//! * a client's session lives here and nowhere else, so any statement may run on any czar and any connection to it;
//! * a statement whose czar dies before its first row left is run again elsewhere; short answers are held until complete;
//! * a statement nobody waits for any more (killed, Ctrl-C, client gone, time over) is stopped at the czar at once;
//! * nothing on a statement's path calls the cluster API: users and their verifiers come from the snapshot.

pub mod admin;
pub mod config;
mod connection;
pub mod czars;
mod forward;
mod listener;
mod login;
pub mod metrics;
mod peers;
mod prepared;
mod refusals;
mod registry;
mod result;
pub mod run;
mod session;
mod statement;

use std::sync::Arc;

use orrery_snapshot::Hub;
use orrery_wire::server::ServerConfig;
use tokio_util::sync::CancellationToken;

pub use listener::serve;
pub use registry::Registry;

use crate::czars::Czars;
use crate::metrics::Metrics;

/// What all connections share.
pub struct Proxy {
    /// Users and tables.
    pub hub: Hub,
    /// The czars.
    pub czars: Czars,
    /// Who is connected.
    pub registry: Arc<Registry>,
    /// What clients are told, and TLS.
    pub server: ServerConfig,
    /// `host:port` names of all proxies, this one included or not: asked about connections that are not here.
    pub peers: Vec<String>,
    /// Counters.
    pub metrics: Metrics,
    /// Name of this proxy, for people: its pod.
    pub name: String,
    /// Ends when the process is to stop: no new connections, idle ones are closed, running statements may finish.
    pub stopping: CancellationToken,
}
