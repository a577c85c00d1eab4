//! A MariaDB server of this process's own: data directory, socket, port; stopped when dropped.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use orrery_wire::client::{ClientConnection, ClientOptions, Endpoint};

/// How long a server may take to come up.
const START_TIME: Duration = Duration::from_secs(60);
/// How long a server may take to stop.
const STOP_TIME: Duration = Duration::from_secs(30);
/// SQL that makes the functions of the plugin known.
const FUNCTIONS: &str = include_str!("../../../worker/functions/functions.sql");
/// File of the plugin.
pub const PLUGIN: &str = "liborrery_functions.so";

/// How to start a server.
#[derive(Clone, Debug)]
pub struct MysqldOptions {
    /// Folder for its data directory, socket and log.
    pub folder: PathBuf,
    /// Whether it listens on a TCP port of 127.0.0.1.
    pub tcp: bool,
    /// Folder with the SQL function plugin, if it is built.
    pub plugin_folder: Option<PathBuf>,
    /// Bytes of its buffer pool.
    pub buffer_pool: u64,
    /// Further command line options.
    pub extra: Vec<String>,
}

/// A running server.
pub struct Mysqld {
    folder: PathBuf,
    /// Port, when it listens on one.
    pub port: Option<u16>,
    process: Option<Child>,
}

impl Mysqld {
    /// Installs a data directory if there is none, and starts the server.
    pub async fn start(options: &MysqldOptions) -> anyhow::Result<Self> {
        std::fs::create_dir_all(options.folder.join("tmp"))?;
        std::fs::create_dir_all(options.folder.join("files"))?;
        let data = options.folder.join("data");
        if !data.join("mysql").exists() {
            install(&data)?;
        }
        let port = options.tcp.then(free_port).transpose()?;
        let log = std::fs::File::create(options.folder.join("out.log"))?;
        let process = command(options, port)
            .stdout(Stdio::null())
            .stderr(Stdio::from(log))
            .spawn()
            .context("start mariadbd (package mariadb-server)")?;
        let mut server = Self {
            folder: options.folder.clone(),
            port,
            process: Some(process),
        };
        server.wait_until_up().await?;
        if options.plugin_folder.is_some() {
            server
                .run_all(FUNCTIONS.lines().filter(|line| !line.trim().is_empty()))
                .await?;
        }
        Ok(server)
    }

    /// Its Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("mysqld.sock")
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The only folder that LOAD DATA may read.
    pub fn files(&self) -> PathBuf {
        self.folder.join("files")
    }

    /// Its process id.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Leaves the server running when this value is dropped.
    pub fn detach(mut self) {
        self.process = None;
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

    /// Stops the server at once, as a power cut does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    async fn wait_until_up(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_TIME;
        loop {
            if self.root().await.is_ok() {
                return Ok(());
            }
            let ended = self
                .process
                .as_mut()
                .map(Child::try_wait)
                .transpose()?
                .flatten();
            if let Some(status) = ended {
                bail!(
                    "mariadbd ended with {status}; its last words:\n{}",
                    tail(&self.folder.join("out.log"))
                );
            }
            ensure!(
                Instant::now() < deadline,
                "mariadbd in {} does not come up",
                self.folder.display()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Mysqld {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            terminate(process.id());
            let deadline = Instant::now() + STOP_TIME;
            while matches!(process.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        self.kill();
    }
}

/// Asks a process to end.
pub fn terminate(pid: u32) {
    let _ = Command::new("kill")
        .arg(pid.to_string())
        .stderr(Stdio::null())
        .status();
}

/// A port that is free now.
pub fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Makes a data directory: a copy of one that was installed once for this version of MariaDB and
/// kept in the user's cache.
fn install(data: &Path) -> anyhow::Result<()> {
    let template = template()?;
    if !template.exists() {
        let folder = template.parent().context("no cache folder")?;
        std::fs::create_dir_all(folder)?;
        let fresh = tempfile::tempdir_in(folder)?;
        install_fresh(&fresh.path().join("data"))?;
        // Another process may have been faster: its template is as good.
        if let Err(error) = std::fs::rename(fresh.path().join("data"), &template) {
            ensure!(template.exists(), "{}: {error}", template.display());
        }
    }
    let copied = Command::new("cp")
        .arg("-a")
        .arg(&template)
        .arg(data)
        .status()?;
    ensure!(
        copied.success(),
        "cannot copy {} to {}",
        template.display(),
        data.display()
    );
    Ok(())
}

fn template() -> anyhow::Result<PathBuf> {
    let version = Command::new("mariadbd")
        .arg("--version")
        .output()
        .context("mariadbd (package mariadb-server)")?;
    let version: String = String::from_utf8_lossy(&version.stdout)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    Ok(cache.join("orrery").join("mysqld-data").join(version))
}

fn install_fresh(data: &Path) -> anyhow::Result<()> {
    let scratch = data.with_file_name("tmp");
    std::fs::create_dir_all(&scratch)?;
    let output = Command::new("mariadb-install-db")
        .args([
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ])
        .arg("--innodb-log-file-size=16M")
        .arg(format!("--user={}", user()))
        .arg(format!("--datadir={}", data.display()))
        // Servers that share /tmp delete each other's temporary tables.
        .arg(format!("--tmpdir={}", scratch.display()))
        .output()
        .context("mariadb-install-db (package mariadb-server)")?;
    ensure!(
        output.status.success(),
        "mariadb-install-db failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn command(options: &MysqldOptions, port: Option<u16>) -> Command {
    let folder = &options.folder;
    let mut command = Command::new("mariadbd");
    command
        .arg("--no-defaults")
        .arg(format!("--user={}", user()))
        .arg(format!("--datadir={}", folder.join("data").display()))
        .arg(format!("--tmpdir={}", folder.join("tmp").display()))
        .arg(format!("--socket={}", folder.join("mysqld.sock").display()))
        .arg(format!(
            "--pid-file={}",
            folder.join("mysqld.pid").display()
        ))
        .arg(format!("--innodb-buffer-pool-size={}", options.buffer_pool))
        .args([
            "--innodb-log-file-size=16M",
            "--innodb-flush-log-at-trx-commit=0",
            "--performance-schema=OFF",
        ])
        .args([
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_general_ci",
            "--skip-log-bin",
        ])
        .args([
            "--max-connections=600",
            "--table-open-cache=4000",
            "--skip-name-resolve",
        ])
        .arg(format!(
            "--secure-file-priv={}",
            folder.join("files").display()
        ))
        .args(["--max-allowed-packet=64M", "--query-cache-type=0"]);
    match port {
        Some(port) => command.args(["--bind-address=127.0.0.1", &format!("--port={port}")]),
        None => command.arg("--skip-networking"),
    };
    if let Some(plugins) = &options.plugin_folder {
        command.arg(format!("--plugin-dir={}", plugins.display()));
    }
    command.args(&options.extra);
    command
}

/// mariadbd refuses to run as root unless asked to.
fn user() -> String {
    std::env::var("USER").unwrap_or_else(|_| "root".to_owned())
}

fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(15)..)
        .unwrap_or_default()
        .join("\n")
}
