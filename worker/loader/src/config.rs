//! What a loader is started with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use orrery_shell::ShellArgs;
use orrery_worker_api::Retry;

use crate::dialect::records::PART_BYTES;

/// Flags of `orrery-loader serve`; each can also be set by an environment variable.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Logs and admin port.
    #[command(flatten)]
    pub shell: ShellArgs,
    /// Address of the HTTPS API.
    #[arg(long, env = "ORRERY_LISTEN", default_value = "0.0.0.0:7444")]
    pub listen: SocketAddr,
    /// Directory for the spool; needs room for the sources, decompressed, and a quarter more.
    #[arg(long, env = "ORRERY_SPOOL", default_value = "/spool")]
    pub spool: PathBuf,
    /// Where claims are mounted, each in a directory of its name.
    #[arg(long, env = "ORRERY_SOURCES", default_value = "/sources")]
    pub sources: PathBuf,
    /// Where Secrets with the keys of buckets are mounted, each in a directory of its name.
    #[arg(long, env = "ORRERY_SECRETS", default_value = "/secrets")]
    pub secrets: PathBuf,
    /// Directory with `tls.crt`, `tls.key` and `ca.crt`, as a mounted Secret has them.
    #[arg(long, env = "ORRERY_TLS_DIR", default_value = "/etc/orrery/tls")]
    pub tls_dir: PathBuf,
    /// Threads that check rows; 0 means one per core.
    #[arg(long, env = "ORRERY_THREADS", default_value_t = 0)]
    pub threads: usize,
    /// Files read at once.
    #[arg(long, env = "ORRERY_FILES", default_value_t = 4)]
    pub files: usize,
    /// Parts sent to one agent at once.
    #[arg(long, env = "ORRERY_STREAMS", default_value_t = 2)]
    pub streams: usize,
    /// Seconds an agent may fail before the load continues without it.
    #[arg(long, env = "ORRERY_RETRY_SECONDS", default_value_t = 90)]
    pub retry_seconds: u64,
}

/// Bounds of the work.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Threads that check rows.
    pub threads: usize,
    /// Files read at once.
    pub files: usize,
    /// Parts sent to one agent at once.
    pub streams: usize,
    /// How long an agent may fail.
    pub retry: Retry,
    /// Decompressed bytes of a part.
    pub part_bytes: u64,
}

impl Config {
    /// Bounds as configured.
    pub fn limits(&self) -> Limits {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Limits {
            threads: if self.threads == 0 {
                cores
            } else {
                self.threads
            },
            files: self.files.max(1),
            streams: self.streams.max(1),
            retry: Retry::new(Duration::from_secs(self.retry_seconds)),
            part_bytes: PART_BYTES,
        }
    }
}
