//! Flags of `orrery-proxy`, and what is made from them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser;
use orrery_archive::names::{CZAR_ACCOUNT, ports};
use orrery_shell::ShellArgs;
use orrery_snapshot::SourceArgs;
use orrery_tls::{Identity, Reloaded};
use orrery_wire::server::ServerConfig;

use crate::audit::{AuditLog, Destination, Rotation};
use crate::czars::CzarOptions;
use crate::door::{Arrivals, Backoff, Door};
use crate::inside::Inside;
use crate::metrics::Metrics;

/// Orrery's front door: MySQL clients connect here.
#[derive(Parser, Debug, Clone)]
#[command(name = "orrery-proxy", version)]
pub struct Config {
    /// Logs and admin port.
    #[command(flatten)]
    pub shell: ShellArgs,
    /// Address for MySQL clients.
    #[arg(long, env = "ORRERY_LISTEN", default_value_t = SocketAddr::from(([0, 0, 0, 0], ports::PROXY)))]
    pub listen: SocketAddr,
    /// A czar, or a name that stands for all of them (a headless Service), as host:port.
    #[arg(
        long = "czar",
        env = "ORRERY_CZARS",
        value_delimiter = ',',
        required = true
    )]
    pub czars: Vec<String>,
    /// Account at the czars.
    #[arg(long, env = "ORRERY_CZAR_USER", default_value = CZAR_ACCOUNT)]
    pub czar_user: String,
    /// File with that account's password.
    #[arg(long, env = "ORRERY_CZAR_PASSWORD_FILE")]
    pub czar_password_file: PathBuf,
    /// Address for other proxies.
    #[arg(long, env = "ORRERY_PEER_LISTEN", default_value_t = SocketAddr::from(([0, 0, 0, 0], ports::PEER)))]
    pub peer_listen: SocketAddr,
    /// A name that stands for all proxies (a headless Service), as host:port of their port for each
    /// other: asked to KILL what runs there.
    #[arg(long = "peers", env = "ORRERY_PEERS", value_delimiter = ',')]
    pub peers: Vec<String>,
    /// Connections to each czar at most.
    #[arg(long, env = "ORRERY_CZAR_CONNECTIONS", default_value_t = 64)]
    pub czar_connections: usize,
    /// Seconds a statement waits for a free connection to a czar, or for a czar that can be reached.
    #[arg(long, env = "ORRERY_QUEUE_SECONDS", default_value_t = 60)]
    pub queue_seconds: u64,
    /// Client connections that have logged in at most.
    #[arg(long, env = "ORRERY_MAX_CONNECTIONS", default_value_t = 2000)]
    pub max_connections: usize,
    /// How many of these only users of class Admin get.
    #[arg(long, env = "ORRERY_ADMIN_CONNECTIONS", default_value_t = 5)]
    pub admin_connections: usize,
    /// Connections that have not logged in at most; for a new one the oldest is closed.
    #[arg(long, env = "ORRERY_LOGIN_CONNECTIONS", default_value_t = 500)]
    pub login_connections: usize,
    /// How many of these one address (of IPv6: a /64 network) has at most.
    #[arg(
        long,
        env = "ORRERY_LOGIN_CONNECTIONS_PER_ADDRESS",
        default_value_t = 250
    )]
    pub login_connections_per_address: usize,
    /// Seconds that a client may take to log in.
    #[arg(long, env = "ORRERY_LOGIN_SECONDS", default_value_t = 10)]
    pub login_seconds: u64,
    /// Largest statement, bytes.
    #[arg(long, env = "ORRERY_MAX_ALLOWED_PACKET", default_value_t = 16 << 20)]
    pub max_allowed_packet: usize,
    /// Folder with `tls.crt`, `tls.key` and `ca.crt` of the role proxy, for mutual TLS with czars
    /// and other proxies.
    #[arg(
        long,
        env = "ORRERY_TLS_DIR",
        required_unless_present = "without_tls",
        conflicts_with = "without_tls"
    )]
    pub tls_dir: Option<PathBuf>,
    /// Speak to czars and other proxies in the clear: for trials on one host.
    #[arg(long, env = "ORRERY_WITHOUT_TLS")]
    pub without_tls: bool,
    /// Folder with `tls.crt` and `tls.key`, for clients that ask for TLS.
    #[arg(long, env = "ORRERY_CLIENT_TLS_DIR")]
    pub client_tls_dir: Option<PathBuf>,
    /// Bytes that the prepared statements of all clients may hold; one client may hold 64 MiB.
    #[arg(long, env = "ORRERY_PREPARED_MEMORY", default_value_t = 256 << 20)]
    pub prepared_memory: usize,
    /// Seconds that a client may take no byte of an answer before its connection is closed:
    /// MariaDB's net_write_timeout.
    #[arg(long, env = "ORRERY_WRITE_SECONDS", default_value_t = 60)]
    pub write_seconds: u64,
    /// Where the audit log goes: a file, or `-` for standard output. Without it there is none.
    #[arg(long, env = "ORRERY_AUDIT_LOG")]
    pub audit_log: Option<PathBuf>,
    /// Bytes after which a file of the audit log gets a successor.
    #[arg(long, env = "ORRERY_AUDIT_ROTATE_BYTES", default_value_t = 64 << 20)]
    pub audit_rotate_bytes: u64,
    /// Full files of the audit log that are kept, as FILE.1 (the newest), FILE.2 and so on.
    #[arg(long, env = "ORRERY_AUDIT_KEEP", default_value_t = 4)]
    pub audit_keep: u32,
    /// Refuse clients without TLS.
    #[arg(long, env = "ORRERY_REQUIRE_TLS", requires = "client_tls_dir")]
    pub require_tls: bool,
    /// Where the catalog comes from.
    #[command(flatten)]
    pub sources: SourceArgs,
    /// Seconds that running statements may take to end when the proxy is to stop.
    #[arg(long, env = "ORRERY_GRACE_SECONDS", default_value_t = 25)]
    pub grace_seconds: u64,
}

impl Config {
    /// How to reach czars.
    pub fn czar_options(&self) -> anyhow::Result<CzarOptions> {
        let inside = |folder: &PathBuf| {
            let reloaded = Reloaded::role(folder, Inside::new).map(Arc::new);
            reloaded.with_context(|| format!("TLS files in {}", folder.display()))
        };
        Ok(CzarOptions {
            tls: self.tls_dir.as_ref().map(inside).transpose()?,
            names: self.czars.clone(),
            user: self.czar_user.clone(),
            password_file: self.czar_password_file.clone(),
            connections: self.czar_connections.max(1),
            timeout: std::time::Duration::from_secs(self.queue_seconds),
        })
    }

    /// Begins the audit log, if there is to be one.
    pub fn audit(&self, metrics: &Metrics) -> anyhow::Result<Option<AuditLog>> {
        let Some(path) = &self.audit_log else {
            return Ok(None);
        };
        let destination = if path.as_os_str() == "-" {
            Destination::Stdout
        } else {
            let rotation = Rotation {
                bytes: self.audit_rotate_bytes,
                keep: self.audit_keep,
            };
            Destination::File(path.clone(), rotation)
        };
        let log = AuditLog::open(&destination, metrics.audit_lost.clone());
        Ok(Some(log.with_context(|| {
            format!("audit log {}", path.display())
        })?))
    }

    /// What holds before log-in.
    pub fn door(&self) -> Door {
        Door {
            backoff: Backoff::default(),
            arrivals: Arrivals::new(self.login_connections, self.login_connections_per_address),
            timeout: std::time::Duration::from_secs(self.login_seconds),
        }
    }

    /// What clients are told, apart from TLS.
    pub fn server_config(&self) -> ServerConfig {
        ServerConfig {
            require_tls: self.require_tls,
            max_allowed_packet: self.max_allowed_packet,
            write_timeout: Some(std::time::Duration::from_secs(self.write_seconds)),
            ..ServerConfig::default()
        }
    }

    /// The certificate that clients see.
    pub fn site(&self) -> anyhow::Result<Option<Reloaded<rustls::ServerConfig>>> {
        let open = |folder: &PathBuf| {
            Reloaded::site(folder, Identity::public_server)
                .with_context(|| format!("certificate for clients in {}", folder.display()))
        };
        self.client_tls_dir.as_ref().map(open).transpose()
    }
}
