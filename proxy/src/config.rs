//! Flags of `orrery-proxy`, and what is made from them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser;
use orrery_archive::names::{CZAR_ACCOUNT, ports};
use orrery_wire::server::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::czars::CzarOptions;

/// Orrery's front door: MySQL clients connect here.
#[derive(Parser, Debug, Clone)]
#[command(name = "orrery-proxy", version)]
pub struct Args {
    /// Address for MySQL clients.
    #[arg(long, env = "ORRERY_LISTEN", default_value_t = SocketAddr::from(([0, 0, 0, 0], ports::PROXY)))]
    pub listen: SocketAddr,
    /// Address for /metrics, /healthz and /readyz.
    #[arg(long, env = "ORRERY_ADMIN", default_value_t = SocketAddr::from(([0, 0, 0, 0], ports::ADMIN)))]
    pub admin: SocketAddr,
    /// A czar, or a name that stands for all of them (a headless Service), as host:port.
    #[arg(long = "czar", env = "ORRERY_CZARS", value_delimiter = ',', required = true)]
    pub czars: Vec<String>,
    /// Account at the czars.
    #[arg(long, env = "ORRERY_CZAR_USER", default_value = CZAR_ACCOUNT)]
    pub czar_user: String,
    /// File with that account's password.
    #[arg(long, env = "ORRERY_CZAR_PASSWORD_FILE")]
    pub czar_password_file: PathBuf,
    /// A name that stands for all proxies (a headless Service), as host:port: asked to KILL what runs there.
    #[arg(long = "peers", env = "ORRERY_PEERS", value_delimiter = ',')]
    pub peers: Vec<String>,
    /// Connections to each czar at most.
    #[arg(long, env = "ORRERY_CZAR_CONNECTIONS", default_value_t = 64)]
    pub czar_connections: usize,
    /// Seconds a statement waits for a free connection to a czar.
    #[arg(long, env = "ORRERY_QUEUE_SECONDS", default_value_t = 60)]
    pub queue_seconds: u64,
    /// Client connections at most.
    #[arg(long, env = "ORRERY_MAX_CONNECTIONS", default_value_t = 2000)]
    pub max_connections: usize,
    /// Largest statement, bytes.
    #[arg(long, env = "ORRERY_MAX_ALLOWED_PACKET", default_value_t = 16 << 20)]
    pub max_allowed_packet: usize,
    /// Certificate chain for clients that ask for TLS (PEM).
    #[arg(long, env = "ORRERY_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its key (PEM).
    #[arg(long, env = "ORRERY_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Refuse clients without TLS.
    #[arg(long, env = "ORRERY_REQUIRE_TLS", requires = "tls_cert")]
    pub require_tls: bool,
    /// Snapshot file: kept up to date, and read at start so that people can log in while the cluster API is away. With
    /// --without-cluster it is the only source.
    #[arg(long, env = "ORRERY_SNAPSHOT")]
    pub snapshot: Option<PathBuf>,
    /// Use the snapshot file alone.
    #[arg(long, env = "ORRERY_WITHOUT_CLUSTER", requires = "snapshot")]
    pub without_cluster: bool,
    /// Namespace of the archive.
    #[arg(long, env = "ORRERY_NAMESPACE", default_value = "default")]
    pub namespace: String,
    /// This pod's name.
    #[arg(long, env = "POD_NAME", default_value = "orrery-proxy")]
    pub pod_name: String,
    /// This pod's UID; without it no Lease is renewed.
    #[arg(long, env = "POD_UID")]
    pub pod_uid: Option<String>,
    /// Seconds that running statements may take to end when the proxy is told to stop.
    #[arg(long, env = "ORRERY_GRACE_SECONDS", default_value_t = 25)]
    pub grace_seconds: u64,
}

impl Args {
    /// How to reach czars.
    pub fn czar_options(&self) -> CzarOptions {
        CzarOptions {
            names: self.czars.clone(),
            user: self.czar_user.clone(),
            password_file: self.czar_password_file.clone(),
            connections: self.czar_connections.max(1),
            patience: std::time::Duration::from_secs(self.queue_seconds),
        }
    }

    /// What clients are told, and TLS.
    pub fn server_config(&self) -> anyhow::Result<ServerConfig> {
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => Some(Arc::new(server_tls(cert, key)?)),
            _ => None,
        };
        Ok(ServerConfig {
            tls,
            require_tls: self.require_tls,
            max_allowed_packet: self.max_allowed_packet,
            ..ServerConfig::default()
        })
    }
}

fn server_tls(cert: &Path, key: &Path) -> anyhow::Result<rustls::ServerConfig> {
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .with_context(|| format!("no certificates in {}", cert.display()))?;
    let private =
        PrivateKeyDer::from_pem_file(key).with_context(|| format!("no private key in {}", key.display()))?;
    rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| format!("{} and {} do not go together", cert.display(), key.display()))
}
