//! A mysqld as a process of its own.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{port, template, user};

/// Longest start and longest stop.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Lines of its log that an error shows.
const LAST_LINES: usize = 15;

/// How to start one.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Folder for its data directory, socket and log, which stays; none for a temporary one.
    pub folder: Option<PathBuf>,
    /// Further options of its command line, which win.
    pub arguments: Vec<String>,
}

/// A mysqld on 127.0.0.1, killed when dropped.
pub struct Mysqld {
    folder: Folder,
    port: u16,
    arguments: Vec<String>,
    child: Option<Child>,
}

enum Folder {
    Named(PathBuf),
    /// Removed when dropped.
    Temporary(TempDir),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

impl Mysqld {
    /// Starts one; installs its data directory if there is none.
    ///
    /// # Errors
    /// It does not come up: with the last lines of its log.
    pub fn launch(options: &Options) -> io::Result<Self> {
        let folder = match &options.folder {
            Some(path) => Folder::Named(path.clone()),
            None => Folder::Temporary(TempDir::with_prefix("orrery-mysqld-")?),
        };
        let mut mysqld = Self {
            folder,
            port: port::reserve()?,
            arguments: options.arguments.clone(),
            child: None,
        };
        for own in [mysqld.pipe_dir(), mysqld.tmp_dir()] {
            std::fs::create_dir_all(own)?;
        }
        if !mysqld.data_dir().exists() {
            template::copy(&mysqld.data_dir())?;
        }
        mysqld.come_up()?;
        Ok(mysqld)
    }

    /// Starts it again if it does not run, and waits until it accepts connections.
    ///
    /// # Errors
    /// It does not come up: with the last lines of its log.
    pub fn come_up(&mut self) -> io::Result<()> {
        if self.child.is_none() {
            self.child = Some(self.spawn()?);
        }
        let started = Instant::now();
        while UnixStream::connect(self.socket()).is_err() {
            let ended = match &mut self.child {
                Some(child) => child.try_wait()?,
                None => None,
            };
            if ended.is_some() || started.elapsed() > TIMEOUT {
                self.kill();
                return Err(io::Error::other(format!(
                    "mysqld does not start; the end of its log:\n{}",
                    self.last_words()
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its `secure_file_priv`.
    pub fn pipe_dir(&self) -> PathBuf {
        self.folder.path().join("pipes")
    }

    /// A mysqld that starts removes the temporary tables of others in a shared directory.
    fn tmp_dir(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("mysqld.sock")
    }

    /// TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Process id; `None` while it does not run.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// The error log; empty while there is none.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("mysqld.log")
    }

    fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let first = lines.len().saturating_sub(LAST_LINES);
        lines.into_iter().skip(first).collect::<Vec<_>>().join("\n")
    }

    fn spawn(&self) -> io::Result<Child> {
        let spawned = Command::new("mariadbd")
            .args([
                "--no-defaults",
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--character-set-server=utf8mb4",
                "--collation-server=utf8mb4_general_ci",
                "--innodb-log-file-size=16M",
                "--innodb-buffer-pool-size=64M",
                "--innodb-flush-log-at-trx-commit=1",
                "--innodb-stats-auto-recalc=0",
            ])
            .arg(format!("--user={}", user()))
            .arg(format!("--datadir={}", self.data_dir().display()))
            .arg(format!("--socket={}", self.socket().display()))
            .arg(format!("--tmpdir={}", self.tmp_dir().display()))
            .arg(format!(
                "--pid-file={}",
                self.socket().with_extension("pid").display()
            ))
            .arg(format!("--log-error={}", self.log_file().display()))
            .arg(format!("--secure-file-priv={}", self.pipe_dir().display()))
            .arg(format!("--port={}", self.port))
            .args(&self.arguments)
            .stdin(Stdio::null())
            .spawn();
        spawned.map_err(|error| {
            io::Error::other(format!("mariadbd (package mariadb-server): {error}"))
        })
    }

    /// Stops it politely (SIGTERM); false when it has not ended in time and was killed.
    ///
    /// # Errors
    /// It cannot be signalled.
    pub fn shut_down(&mut self) -> io::Result<bool> {
        let Some(child) = &mut self.child else {
            return Ok(true);
        };
        Command::new("kill").arg(child.id().to_string()).status()?;
        let asked = Instant::now();
        while asked.elapsed() < TIMEOUT {
            if child.try_wait()?.is_some() {
                self.child = None;
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill();
        Ok(false)
    }

    /// Stops it at once (SIGKILL), as a power cut does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Leaves it running when this value is dropped.
    pub fn detach(mut self) {
        self.child = None;
    }
}

impl Drop for Mysqld {
    fn drop(&mut self) {
        self.kill();
    }
}
