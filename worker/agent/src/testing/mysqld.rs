//! A mysqld with the settings of a worker.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest start and longest stop.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A mysqld in a temporary directory, stopped and removed when dropped.
pub struct Mysqld {
    directory: TempDir,
    port: u16,
    options: Vec<String>,
    child: Option<Child>,
}

impl Mysqld {
    /// Starts one with a fresh data directory.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with further options, which win.
    pub fn start_with(options: &[&str]) -> Self {
        let directory = TempDir::with_prefix("orrery-mysqld-").unwrap();
        copy_tree(template(), &directory.path().join("data"));
        for own in ["pipes", "tmp"] {
            std::fs::create_dir(directory.path().join(own)).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut mysqld = Self {
            directory,
            port,
            options,
            child: None,
        };
        mysqld.restart();
        mysqld
    }

    /// Data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Its `secure_file_priv`.
    pub fn pipe_dir(&self) -> PathBuf {
        self.directory.path().join("pipes")
    }

    /// Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("mysqld.sock")
    }

    /// TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts it again if it does not run, and waits until it accepts connections.
    pub fn restart(&mut self) {
        if self.child.is_none() {
            self.child = Some(self.spawn());
        }
        let started = Instant::now();
        while std::os::unix::net::UnixStream::connect(self.socket()).is_err() {
            let exited = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(
                exited.is_none() && started.elapsed() < TIMEOUT,
                "mysqld does not start: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn spawn(&self) -> Child {
        let path = |name: &str| self.directory.path().join(name).display().to_string();
        Command::new("mariadbd")
            .args([
                "--no-defaults",
                "--user=root",
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
            ])
            .args([
                "--character-set-server=utf8mb4",
                "--collation-server=utf8mb4_general_ci",
            ])
            .args([
                "--innodb-log-file-size=16M",
                "--innodb-buffer-pool-size=64M",
                "--innodb-flush-log-at-trx-commit=1",
            ])
            .arg(format!("--datadir={}", path("data")))
            .arg(format!("--socket={}", path("mysqld.sock")))
            // A mysqld that starts removes the temporary tables of others in a shared directory.
            .arg(format!("--tmpdir={}", path("tmp")))
            .arg(format!("--pid-file={}", path("mysqld.pid")))
            .arg(format!("--log-error={}", path("mysqld.log")))
            .arg(format!("--secure-file-priv={}", path("pipes")))
            .arg(format!("--port={}", self.port))
            .args(&self.options)
            .stdin(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// The error log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("mysqld.log")).unwrap_or_default()
    }

    /// Stops it politely (SIGTERM); false when it has not ended in time.
    pub fn shut_down(&mut self) -> bool {
        let Some(mut child) = self.child.take() else {
            return true;
        };
        Command::new("kill").arg(child.id().to_string()).status().unwrap();
        let asked = Instant::now();
        while asked.elapsed() < TIMEOUT {
            if child.try_wait().unwrap().is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        false
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Mysqld {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A fresh data directory, made once per version of mysqld and kept with the test programs.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let program = std::env::current_exe().unwrap();
        let place = program.parent().unwrap();
        let version = Command::new("mariadbd")
            .args(["--no-defaults", "--version"])
            .output()
            .unwrap()
            .stdout;
        let version: String = String::from_utf8_lossy(&version)
            .chars()
            .map(|char| if char.is_ascii_alphanumeric() { char } else { '-' })
            .collect();
        let template = place.join(format!("data-of-{}", version.trim_matches('-')));
        if !template.exists() {
            let fresh = TempDir::with_prefix_in("data-", place).unwrap();
            install(&fresh.path().join("data"), fresh.path());
            // Another process may have been first; its directory is as good.
            if std::fs::rename(fresh.path().join("data"), &template).is_err() {
                assert!(template.exists(), "cannot make {}", template.display());
            }
        }
        template
    })
}

fn install(data: &Path, temporary: &Path) {
    let output = Command::new("mariadb-install-db")
        .args([
            "--no-defaults",
            "--user=root",
            "--skip-test-db",
            "--skip-name-resolve",
        ])
        .args([
            "--auth-root-authentication-method=socket",
            "--auth-root-socket-user=root",
        ])
        .arg("--innodb-log-file-size=16M")
        .arg(format!("--datadir={}", data.display()))
        .env("TMPDIR", temporary)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn copy_tree(from: &Path, to: &Path) {
    let status = Command::new("cp")
        .args(["-a", "--sparse=always"])
        .args([from, to])
        .status()
        .unwrap();
    assert!(status.success(), "copy {}", from.display());
}
