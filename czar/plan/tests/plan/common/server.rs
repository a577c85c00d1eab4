//! A real MariaDB for tests.

use mysql_async::{Conn, OptsBuilder};
use orrery_kit::Mysqld;

/// A mysqld of its own, whose time zone is UTC.
pub struct Server(Mysqld);

impl Server {
    pub fn start() -> Self {
        Self(Mysqld::start_with(&[
            "--default-time-zone=+00:00",
            "--innodb-flush-log-at-trx-commit=0",
        ]))
    }

    pub async fn connect(&self) -> Conn {
        let options = OptsBuilder::default()
            .user(Some("root"))
            .socket(Some(self.0.socket().display().to_string()));
        Conn::new(options).await.unwrap()
    }
}
