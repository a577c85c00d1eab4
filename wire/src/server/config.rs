//! What a server says about itself and accepts.

use std::sync::Arc;
use std::time::Duration;

/// What a server says about itself and accepts. One value serves all connections.
#[derive(Clone)]
pub struct ServerConfig {
    /// Version as clients see it, for example `10.11.19-MariaDB-orrery`.
    pub version: String,
    /// TLS, if clients may (or must) switch to it.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Refuse clients that do not switch to TLS, as MariaDB's require_secure_transport does.
    pub require_tls: bool,
    /// Largest command accepted, bytes.
    pub max_allowed_packet: usize,
    /// How long a client may take no byte of what is written; `None`: as long as it likes.
    pub write_timeout: Option<Duration>,
    /// Offer query attributes.
    pub query_attributes: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            version: "10.11.19-MariaDB-orrery".to_owned(),
            tls: None,
            require_tls: false,
            max_allowed_packet: 16 << 20,
            write_timeout: None,
            query_attributes: true,
        }
    }
}
