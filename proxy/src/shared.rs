//! What all connections of a proxy share.

use std::sync::Arc;
use std::time::Instant;

use orrery_snapshot::Hub;
use orrery_tls::Reloaded;
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
    /// What clients are told, apart from TLS.
    pub server: ServerConfig,
    /// The certificate that clients see, if they can have TLS.
    pub site: Option<Reloaded<rustls::ServerConfig>>,
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
    /// Ends when statements that still run are to end.
    pub cut: CancellationToken,
}

impl Proxy {
    /// What a client that connects now is told, with the site's certificate as it is now.
    pub(crate) fn server_now(&self) -> ServerConfig {
        ServerConfig {
            tls: self.site.as_ref().map(Reloaded::current),
            ..self.server.clone()
        }
    }
}
