//! A MariaDB server with the settings of an archive without Kubernetes.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use orrery_wire::client::{ClientConnection, ClientOptions, Endpoint};

/// SQL that makes the functions of the plugin known.
const FUNCTIONS: &str = include_str!("../../../worker/functions/functions.sql");
/// File of the plugin.
pub const PLUGIN: &str = "liborrery_functions.so";

/// How to start a server.
#[derive(Clone, Debug)]
pub struct MysqldOptions {
    /// Folder for its data directory, socket and log.
    pub folder: PathBuf,
    /// Folder with the SQL function plugin, if it is built.
    pub plugin_folder: Option<PathBuf>,
    /// Bytes of its buffer pool.
    pub buffer_pool: u64,
    /// Folder with `ca.crt`, `tls.crt` and `tls.key`, for those who call it over TLS.
    pub tls: Option<PathBuf>,
}

impl MysqldOptions {
    fn arguments(&self) -> Vec<String> {
        let fixed = [
            "--innodb-flush-log-at-trx-commit=0",
            "--performance-schema=OFF",
            "--skip-log-bin",
            "--max-connections=600",
            "--table-open-cache=4000",
            "--max-allowed-packet=64M",
            "--query-cache-type=0",
        ];
        let plugins = self
            .plugin_folder
            .as_ref()
            .map(|folder| format!("--plugin-dir={}", folder.display()));
        fixed
            .map(str::to_owned)
            .into_iter()
            .chain([format!("--innodb-buffer-pool-size={}", self.buffer_pool)])
            .chain(plugins)
            .chain(self.tls.iter().flat_map(|folder| tls_arguments(folder)))
            .collect()
    }
}

fn tls_arguments(folder: &Path) -> [String; 3] {
    [("ca", "ca.crt"), ("cert", "tls.crt"), ("key", "tls.key")]
        .map(|(option, file)| format!("--ssl-{option}={}", folder.join(file).display()))
}

/// A running server, killed when dropped.
pub struct Mysqld(orrery_kit::Mysqld);

impl Mysqld {
    /// Starts it, and makes the functions known when it has the plugin.
    pub async fn start(options: &MysqldOptions) -> anyhow::Result<Self> {
        let launch = orrery_kit::Options {
            folder: Some(options.folder.clone()),
            arguments: options.arguments(),
        };
        let launched = tokio::task::spawn_blocking(move || orrery_kit::Mysqld::launch(&launch));
        let server = Self(launched.await??);
        if options.plugin_folder.is_some() {
            server
                .run_all(FUNCTIONS.lines().filter(|line| !line.trim().is_empty()))
                .await?;
        }
        Ok(server)
    }

    /// Leaves the server running when this value is dropped.
    pub fn detach(self) {
        self.0.detach();
    }

    /// A connection as root over the socket.
    pub async fn root(&self) -> anyhow::Result<ClientConnection> {
        let options = ClientOptions {
            user: "root".to_owned(),
            max_allowed_packet: 1 << 30,
            ..ClientOptions::default()
        };
        Ok(ClientConnection::connect(&Endpoint::Unix(self.socket()), &options).await?)
    }

    /// Runs statements as root.
    pub async fn run_all(
        &self,
        statements: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> anyhow::Result<()> {
        let mut root = self.root().await?;
        for statement in statements {
            let statement = statement.as_ref();
            root.run(statement.as_bytes())
                .await
                .with_context(|| statement.chars().take(200).collect::<String>())?;
        }
        Ok(())
    }
}

impl Deref for Mysqld {
    type Target = orrery_kit::Mysqld;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Mysqld {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// Asks a process to end.
pub fn terminate(pid: u32) {
    // It may have ended.
    let _ = Command::new("kill")
        .arg(pid.to_string())
        .stderr(Stdio::null())
        .status();
}
