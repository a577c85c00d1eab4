//! Data directories: making one takes seconds, so it is made once and copied.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

/// The directory that is copied, made once per version of mysqld and kept beside the test programs.
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
            .map(|char| {
                if char.is_ascii_alphanumeric() {
                    char
                } else {
                    '-'
                }
            })
            .collect();
        let template = place.join(format!("mysqld-data-of-{}", version.trim_matches('-')));
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
        .arg("--auth-root-authentication-method=normal")
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

/// A fresh data directory at `to`, in which root has no password.
pub(crate) fn copy(to: &Path) {
    copy_tree(template(), to);
}

fn copy_tree(from: &Path, to: &Path) {
    let status = Command::new("cp")
        .args(["-a", "--sparse=always"])
        .args([from, to])
        .status()
        .unwrap();
    assert!(status.success(), "copy {}", from.display());
}
