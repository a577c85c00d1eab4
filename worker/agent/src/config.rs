//! Flags of the agent: where mysqld is, where files go, and which certificates to use.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use orrery_shell::ShellArgs;

/// Flags of `orrery-agent serve`; each can also be set by an environment variable.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Logs and admin port.
    #[command(flatten)]
    pub shell: ShellArgs,
    /// Unix socket of the local mysqld.
    #[arg(
        long,
        env = "ORRERY_MYSQL_SOCKET",
        default_value = "/run/mysqld/mysqld.sock"
    )]
    pub socket: PathBuf,
    /// Local account that logs in by its operating system user (`unix_socket`), which is this
    /// process's.
    #[arg(long, env = "ORRERY_MYSQL_USER", default_value_t = orrery_shell::os_user())]
    pub mysql_user: String,
    /// Data directory of mysqld, on the same path here as there.
    #[arg(long, env = "ORRERY_DATA_DIR", default_value = "/var/lib/mysql")]
    pub data_dir: PathBuf,
    /// Where the agent keeps identity, term and the catalog copy, as single files: on the volume of
    /// the data it vouches for.
    #[arg(long, env = "ORRERY_STATE_DIR", default_value = "/var/lib/orrery")]
    pub state_dir: PathBuf,
    /// Directory shared with mysqld, its `secure_file_priv`; pipes for LOAD DATA live here.
    #[arg(long, env = "ORRERY_PIPE_DIR", default_value = "/var/lib/orrery-files")]
    pub pipe_dir: PathBuf,
    /// Character set every mysqld of the archive must have as its default.
    #[arg(long, env = "ORRERY_CHARSET", default_value = "utf8mb4")]
    pub charset: String,
    /// Collation every mysqld of the archive must have as its default.
    #[arg(long, env = "ORRERY_COLLATION", default_value = "utf8mb4_general_ci")]
    pub collation: String,
    /// SQL text that makes the sky functions; run after every start of mysqld.
    #[arg(long, env = "ORRERY_FUNCTIONS_SQL")]
    pub functions_sql: Option<PathBuf>,
    /// Address of the HTTPS API.
    #[arg(long, env = "ORRERY_LISTEN", default_value = "0.0.0.0:7443")]
    pub listen: SocketAddr,
    /// Directory with `tls.crt`, `tls.key` and `ca.crt`, as a mounted Secret has them; read again
    /// when they change.
    #[arg(long, env = "ORRERY_TLS_DIR", default_value = "/etc/orrery/tls")]
    pub tls_dir: PathBuf,
    /// Directory with the TLS files that mysqld serves with; it is told to read them again when they
    /// change.
    #[arg(
        long,
        env = "ORRERY_MYSQLD_TLS_DIR",
        required_unless_present = "reader_without_tls",
        conflicts_with = "reader_without_tls"
    )]
    pub mysqld_tls_dir: Option<PathBuf>,
    /// Let the reader's account log in without TLS: for trials on one host.
    #[arg(long, env = "ORRERY_READER_WITHOUT_TLS")]
    pub reader_without_tls: bool,
    /// File with the public keys of catalog copies, one a line in hexadecimal digits; read with each
    /// copy that comes.
    #[arg(
        long,
        env = "ORRERY_PUBLIC_KEYS",
        default_value = "/etc/orrery/public-keys/keys"
    )]
    pub public_keys: PathBuf,
    /// LOADs at a time; one per core when absent.
    #[arg(long, env = "ORRERY_LOADS")]
    pub loads: Option<usize>,
    /// Seconds a loader, or an agent that copies from here, may be silent before its stream counts
    /// as broken.
    #[arg(long, env = "ORRERY_STREAM_IDLE", default_value = "30", value_parser = seconds)]
    pub stream_idle: Duration,
}

impl Config {
    /// LOADs at a time.
    pub fn load_permits(&self) -> usize {
        self.loads
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
            .max(1)
    }
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}
