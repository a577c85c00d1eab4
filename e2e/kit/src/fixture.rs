//! A mysqld for tests, which stop at the first failure.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "tests stop at the first failure"
)]

use std::process::{Command, Output};

use crate::{Mysqld, Options};

impl Mysqld {
    /// Starts one in a temporary folder.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one in a temporary folder with further options, which win.
    pub fn start_with(options: &[&str]) -> Self {
        let options = Options {
            folder: None,
            arguments: options.iter().map(|&option| option.to_owned()).collect(),
        };
        Self::launch(&options).unwrap()
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
}
