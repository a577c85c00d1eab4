//! Flags of the czar. Every flag can be given in the environment too.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use orrery_archive::names::ports;
use orrery_shell::ShellArgs;
use orrery_snapshot::SourceArgs;

/// Answers queries of proxies by asking workers.
#[derive(Parser, Clone, Debug)]
#[command(name = "orrery-czar", version)]
pub struct Config {
    /// Logs and admin port.
    #[command(flatten)]
    pub shell: ShellArgs,
    /// Address for proxies.
    #[arg(long, env = "ORRERY_LISTEN", default_value_t = SocketAddr::from(([0, 0, 0, 0], ports::CZAR)))]
    pub listen: SocketAddr,
    /// Where the catalog comes from.
    #[command(flatten)]
    pub sources: SourceArgs,
    /// Folder with the files `orrery_reader` and `orrery_proxy`, which hold the passwords of these
    /// accounts.
    #[arg(long, env = "ORRERY_PASSWORDS")]
    pub passwords: PathBuf,
    /// Folder with `tls.crt`, `tls.key` and `ca.crt` of the role czar, for mutual TLS with proxies,
    /// workers and agents.
    #[arg(
        long,
        env = "ORRERY_TLS_DIR",
        requires = "public_keys",
        required_unless_present = "without_tls",
        conflicts_with = "without_tls"
    )]
    pub tls_dir: Option<PathBuf>,
    /// Speak to proxies and workers in the clear, and to no agents: for trials on one host.
    #[arg(long, env = "ORRERY_WITHOUT_TLS")]
    pub without_tls: bool,
    /// File with the public keys of the catalog copies that agents keep, one a line in hexadecimal
    /// digits.
    #[arg(long, env = "ORRERY_PUBLIC_KEYS", requires = "tls_dir")]
    pub public_keys: Option<PathBuf>,
    /// Socket of the shadow server.
    #[arg(long, env = "ORRERY_SHADOW_SOCKET")]
    pub shadow_socket: PathBuf,
    /// Account on the shadow server, with all privileges; by default that of this process's user.
    #[arg(long, env = "ORRERY_SHADOW_USER", default_value_t = orrery_shell::os_user())]
    pub shadow_user: String,
    /// File with that account's password; without it the account has none.
    #[arg(long, env = "ORRERY_SHADOW_PASSWORD_FILE")]
    pub shadow_password_file: Option<PathBuf>,
    /// Connections to the shadow server per user.
    #[arg(long, env = "ORRERY_SHADOW_CONNECTIONS", default_value_t = 16)]
    pub shadow_connections: usize,
    /// Merges on the shadow server at once.
    #[arg(long, env = "ORRERY_MERGES", default_value_t = 8)]
    pub merges: usize,
    /// Seconds a statement may run on the shadow server.
    #[arg(long, env = "ORRERY_SHADOW_SECONDS", default_value_t = 3600)]
    pub shadow_seconds: u64,
    /// Bytes of memory of a temporary table on the shadow server.
    #[arg(long, env = "ORRERY_MERGE_MEMORY", default_value_t = 64 << 20)]
    pub merge_memory: u64,
    /// Gathers on the shadow server at once.
    #[arg(long, env = "ORRERY_GATHERS", default_value_t = 8)]
    pub gathers: usize,
    /// Bytes of rows that one statement may gather on the shadow server.
    #[arg(long, env = "ORRERY_GATHER_BYTES", default_value_t = 1 << 30)]
    pub gather_bytes: u64,
    /// Bytes that all statements of one user may hold gathered.
    #[arg(long, env = "ORRERY_GATHER_USER_BYTES", default_value_t = 2 << 30)]
    pub gather_user_bytes: u64,
    /// Bytes that all statements may hold gathered.
    #[arg(long, env = "ORRERY_GATHER_TOTAL_BYTES", default_value_t = 4 << 30)]
    pub gather_total_bytes: u64,
    /// Connections to each worker.
    #[arg(long, env = "ORRERY_WORKER_CONNECTIONS", default_value_t = 24)]
    pub worker_connections: usize,
    /// How many of them scans may use at once.
    #[arg(long, env = "ORRERY_WORKER_SCANS", default_value_t = 8)]
    pub worker_scans: usize,
    /// Tasks of one interactive statement on one worker at once.
    #[arg(long, env = "ORRERY_INTERACTIVE_PER_WORKER", default_value_t = 4)]
    pub interactive_per_worker: usize,
    /// Tasks of one scan on one worker at once.
    #[arg(long, env = "ORRERY_SCAN_PER_WORKER", default_value_t = 2)]
    pub scan_per_worker: usize,
    /// Seconds a chunk that no replica answers for is tried again.
    #[arg(long, env = "ORRERY_RETRY_SECONDS", default_value_t = 10)]
    pub retry_seconds: u64,
    /// Folder for spool files.
    #[arg(long, env = "ORRERY_SPOOL")]
    pub spool: PathBuf,
    /// Bytes of rows one statement may hold in memory.
    #[arg(long, env = "ORRERY_SPOOL_MEMORY", default_value_t = 32 << 20)]
    pub spool_memory: u64,
    /// Bytes that all spool files together may have.
    #[arg(long, env = "ORRERY_SPOOL_DISK", default_value_t = 4 << 30)]
    pub spool_disk: u64,
    /// Seconds that running statements may take to end when the czar is to stop.
    #[arg(long, env = "ORRERY_GRACE_SECONDS", default_value_t = 25)]
    pub grace_seconds: u64,
    /// Director keys whose chunks are remembered.
    #[arg(long, env = "ORRERY_REMEMBERED_KEYS", default_value_t = std::num::NonZeroUsize::new(1 << 20).expect("not zero"))]
    pub remembered_keys: std::num::NonZeroUsize,
}
