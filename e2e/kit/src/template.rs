//! Data directories: making one takes seconds, so it is made once and copied.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::user;

/// Prints SQL that makes time zones known.
const TIME_ZONES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../images/time-zones");

/// A fresh data directory at `to`, in which root has no password.
pub(crate) fn copy(to: &Path) -> io::Result<()> {
    let template = template()?;
    if !template.exists() {
        make(&template)?;
    }
    let copied = Command::new("cp")
        .args(["-a", "--sparse=always"])
        .args([template.as_path(), to])
        .output()?;
    succeeded(&copied, &format!("copy {}", template.display()))
}

/// The directory that is copied: one per version of MariaDB, in the user's cache. Its name says that
/// it has time zones.
fn template() -> io::Result<PathBuf> {
    let asked = Command::new("mariadbd")
        .args(["--no-defaults", "--version"])
        .output()
        .map_err(|error| io::Error::other(format!("mariadbd (package mariadb-server): {error}")))?;
    let version: String = String::from_utf8_lossy(&asked.stdout)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let home = |home| PathBuf::from(home).join(".cache");
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(home))
        .ok_or_else(|| io::Error::other("HOME is not set"))?;
    let name = format!("{version}-zones");
    Ok(cache.join("orrery").join("mysqld-data").join(name))
}

fn make(template: &Path) -> io::Result<()> {
    let folder = template
        .parent()
        .ok_or_else(|| io::Error::other("the cache has no folder"))?;
    std::fs::create_dir_all(folder)?;
    let fresh = TempDir::new_in(folder)?;
    install(&fresh.path().join("data"), fresh.path())?;
    // Another process may have been first; both are the same.
    match std::fs::rename(fresh.path().join("data"), template) {
        Err(error) if !template.exists() => Err(error),
        _ => Ok(()),
    }
}

fn install(data: &Path, temporary: &Path) -> io::Result<()> {
    let printed = Command::new(TIME_ZONES).env("TMPDIR", temporary).output()?;
    succeeded(&printed, "time-zones (packages tzdata and mariadb-client)")?;
    let zones = temporary.join("zones.sql");
    std::fs::write(&zones, printed.stdout)?;
    let installed = Command::new("mariadb-install-db")
        .args([
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
            "--innodb-log-file-size=16M",
        ])
        .arg(format!("--user={}", user()))
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--extra-file={}", zones.display()))
        // Servers that share a folder delete each other's temporary tables.
        .arg(format!("--tmpdir={}", temporary.display()))
        .env("TMPDIR", temporary)
        .output()?;
    succeeded(&installed, "mariadb-install-db")
}

fn succeeded(output: &Output, what: &str) -> io::Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{what} failed:\n{said}")))
}
