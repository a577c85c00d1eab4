//! A real MariaDB for tests.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mysql_async::{Conn, OptsBuilder};
use tempfile::TempDir;

/// A mariadbd of its own, stopped when dropped.
pub struct Server {
    process: Child,
    directory: TempDir,
}

impl Server {
    pub fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let data = directory.path().join("data");
        // Servers that share a temporary folder take each other's tables away.
        let installed = Command::new("mariadb-install-db")
            .env("TMPDIR", directory.path())
            .args([
                "--no-defaults",
                "--user=root",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ])
            .arg(format!("--datadir={}", data.display()))
            .output()
            .unwrap();
        assert!(installed.status.success(), "mariadb-install-db: {installed:?}");
        let process = Command::new("mariadbd")
            .env("TMPDIR", directory.path())
            .args([
                "--no-defaults",
                "--user=root",
                "--skip-networking",
                "--innodb-buffer-pool-size=64M",
            ])
            .args([
                "--innodb-flush-log-at-trx-commit=0",
                "--character-set-server=utf8mb4",
            ])
            .args(["--default-time-zone=+00:00"])
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", directory.path().join("s").display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, directory }
    }

    pub async fn connect(&self) -> Conn {
        let socket = self.directory.path().join("s");
        let options = || {
            OptsBuilder::default()
                .user(Some("root"))
                .socket(Some(socket.display().to_string()))
        };
        for _ in 0..300 {
            if let Ok(connection) = Conn::new(options()).await {
                return connection;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("mariadbd did not start");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
