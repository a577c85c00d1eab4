//! What all connections of a proxy share.

use std::sync::Arc;
use std::time::Instant;

use orrery_snapshot::Hub;
use orrery_wire::server::ServerConfig;
use tokio_util::sync::CancellationToken;

use crate::audit::AuditLog;
use crate::budget::Budget;
use crate::czars::Czars;
use crate::door::Door;
use crate::metrics::Metrics;
use crate::registry::Registry;

/// What all connections share.
pub struct Proxy {
    /// Users and tables.
    pub hub: Hub,
    /// The czars.
    pub czars: Czars,
    /// What holds before log-in.
    pub door: Door,
    /// Who is connected.
    pub registry: Arc<Registry>,
    /// Bytes for the prepared statements of all clients.
    pub prepared: Arc<Budget>,
    /// What clients are told, and TLS.
    pub server: ServerConfig,
    /// `host:port` names of all proxies on their port for each other, this one included or not: asked about connections that are
    /// not here.
    pub peers: Vec<String>,
    /// Who read what, if that is to be written down.
    pub audit: Option<AuditLog>,
    /// Counters.
    pub metrics: Metrics,
    /// When it started.
    pub started: Instant,
    /// Name of this proxy, for people: its pod.
    pub name: String,
    /// Ends when the process is to stop: no new connections, idle ones are closed, running
    /// statements may finish.
    pub stopping: CancellationToken,
}
