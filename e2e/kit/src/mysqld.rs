//! A real mysqld with the settings of a worker.

use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::template;

/// Longest start and longest stop.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Ports tried.
const PORTS: u32 = 5;

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
        template::copy(&directory.path().join("data"));
        for own in ["pipes", "tmp"] {
            std::fs::create_dir(directory.path().join(own)).unwrap();
        }
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut mysqld = Self {
            directory,
            port: 0,
            options,
            child: None,
        };
        // A free port may be taken by another process before the server binds it.
        for _ in 0..PORTS {
            mysqld.port = free_port();
            if mysqld.comes_up() {
                return mysqld;
            }
        }
        panic!("mysqld does not start: {}", mysqld.log());
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
        assert!(self.comes_up(), "mysqld does not start: {}", self.log());
    }

    /// Starts it if it does not run; false when it ended instead of accepting connections.
    fn comes_up(&mut self) -> bool {
        if self.child.is_none() {
            self.child = Some(self.spawn());
        }
        let started = Instant::now();
        while UnixStream::connect(self.socket()).is_err() {
            let ended = self
                .child
                .as_mut()
                .and_then(|child| child.try_wait().unwrap());
            if ended.is_some() || started.elapsed() > TIMEOUT {
                self.kill();
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
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

    /// Process id; `None` while it does not run.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// The rows of statements that must succeed, as the `mariadb` client prints them: values apart
    /// by tabs, no header.
    pub fn sql(&self, statements: &str) -> String {
        let done = self.client(statements);
        let error = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{statements}: {error}");
        String::from_utf8(done.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// The error message of a statement that must fail.
    pub fn refused(&self, statement: &str) -> String {
        let done = self.client(statement);
        let rows = String::from_utf8_lossy(&done.stdout);
        assert!(!done.status.success(), "{statement} succeeded: {rows}");
        String::from_utf8(done.stderr).unwrap()
    }

    fn client(&self, statements: &str) -> Output {
        Command::new("mariadb")
            .args([
                "--no-defaults",
                "--user=root",
                "--batch",
                "--skip-column-names",
            ])
            .arg(format!("--socket={}", self.socket().display()))
            .args(["--execute", statements])
            .output()
            .unwrap()
    }

    /// Stops it politely (SIGTERM); false when it has not ended in time.
    pub fn shut_down(&mut self) -> bool {
        let Some(mut child) = self.child.take() else {
            return true;
        };
        Command::new("kill")
            .arg(child.id().to_string())
            .status()
            .unwrap();
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

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
