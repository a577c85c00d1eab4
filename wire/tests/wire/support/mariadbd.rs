//! A real mariadbd for tests; also used by the proxy's tests.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use orrery_wire::client::Endpoint;
use tempfile::TempDir;

/// Small redo logs make small copies.
const LOG_SIZE: &str = "--innodb-log-file-size=8M";

/// A mariadbd of its own in a temporary directory; stopped when dropped.
pub struct Mariadbd {
    child: Child,
    dir: TempDir,
    pub port: u16,
}

impl Mariadbd {
    pub fn start(extra: &[String]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let copied = Process::new("cp")
            .args(["-a", "--reflink=auto"])
            .args([template(), dir.path().join("data")])
            .status()
            .unwrap();
        assert!(copied.success());
        // A free port may be taken by somebody else before the server binds it.
        for _ in 0..5 {
            let port = std::net::TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let mut child = spawn(dir.path(), port, extra);
            if comes_up(&mut child, dir.path()) {
                return Self { child, dir, port };
            }
        }
        panic!(
            "mariadbd does not start: {}",
            std::fs::read_to_string(dir.path().join("log")).unwrap_or_default()
        );
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("s.sock")
    }

    /// Runs SQL with the mariadb command-line client as root.
    pub fn sql(&self, sql: &str) {
        self.query(sql);
    }

    /// As [`Self::sql`]; gives the rows as text.
    pub fn query(&self, sql: &str) -> String {
        let done = Process::new("mariadb")
            .args([
                "--no-defaults",
                "-uroot",
                "--batch",
                "--skip-column-names",
                "-e",
                sql,
            ])
            .arg(format!("--socket={}", self.socket().display()))
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    pub fn tcp(&self) -> Endpoint {
        Endpoint::Tcp(format!("127.0.0.1:{}", self.port))
    }

    pub fn unix(&self) -> Endpoint {
        Endpoint::Unix(self.socket())
    }
}

/// A data directory made once and copied for each server: making one takes seconds.
fn template() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let template = folder.join("mariadb-data");
    if template.exists() {
        return template;
    }
    let making = tempfile::tempdir_in(folder).unwrap();
    let data = making.path().join("data");
    let installed = Process::new("mariadb-install-db")
        .args([
            "--no-defaults",
            "--user=root",
            "--auth-root-authentication-method=normal",
        ])
        .args(["--skip-test-db", LOG_SIZE])
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--tmpdir={}", making.path().display()))
        .output()
        .unwrap();
    assert!(
        installed.status.success(),
        "{}",
        String::from_utf8_lossy(&installed.stderr)
    );
    // Another test may have been faster; then its template is used.
    let _ = std::fs::rename(data, &template);
    template
}

fn spawn(dir: &Path, port: u16, extra: &[String]) -> Child {
    Process::new("mariadbd")
        .args([
            "--no-defaults",
            "--user=root",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
        ])
        .args([
            LOG_SIZE,
            "--innodb-buffer-pool-size=32M",
            "--innodb-flush-log-at-trx-commit=0",
        ])
        .arg(format!("--datadir={}", dir.join("data").display()))
        .arg(format!("--tmpdir={}", dir.display()))
        .arg(format!("--socket={}", dir.join("s.sock").display()))
        .arg(format!("--port={port}"))
        .args(extra)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(dir.join("log")).unwrap())
        .spawn()
        .unwrap()
}

/// Waits until the server answers on its socket; false if it has exited.
fn comes_up(child: &mut Child, dir: &Path) -> bool {
    let until = Instant::now() + Duration::from_mins(1);
    while Instant::now() < until && child.try_wait().unwrap().is_none() {
        if std::os::unix::net::UnixStream::connect(dir.join("s.sock")).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

impl Drop for Mariadbd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
