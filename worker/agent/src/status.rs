//! What is known of mysqld and of the data directory at the moment.

use orrery_worker_api::agent::Identity;

/// What the last look at mysqld found.
#[derive(Clone, Debug)]
pub struct Status {
    /// Version of mysqld, or why it cannot be used.
    pub mysqld: std::result::Result<String, String>,
    /// Identity of the data directory, or why it is not trusted.
    pub identity: std::result::Result<Option<Identity>, String>,
    /// Digest of the TLS files that mysqld has read.
    pub mysqld_tls: Option<String>,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            mysqld: Err("it was not asked yet".into()),
            identity: Ok(None),
            mysqld_tls: None,
        }
    }
}
