//! Where a server is and how to log in there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `host:port`.
    Tcp(String),
    /// Path of a Unix socket.
    Unix(PathBuf),
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// TLS towards a server. Without it a connection stays in the clear.
#[derive(Clone)]
pub struct ClientTls {
    /// Roots, client certificate and so on.
    pub config: Arc<rustls::ClientConfig>,
    /// Name the server's certificate must carry.
    pub server_name: rustls::pki_types::ServerName<'static>,
}

/// How to log in.
#[derive(Clone)]
pub struct ClientOptions {
    /// Account name.
    pub user: String,
    /// Password, may be empty.
    pub password: String,
    /// Default database.
    pub database: Option<String>,
    /// Collation id of the session; 45 is `utf8mb4_general_ci`.
    pub collation: u8,
    /// TLS; when set, a server without TLS is refused.
    pub tls: Option<ClientTls>,
    /// Connection attributes, shown by the server in its session tables.
    pub attributes: Vec<(String, String)>,
    /// Largest payload accepted from the server, bytes.
    pub max_allowed_packet: usize,
    /// Time for the connection and the handshake together.
    pub connect_timeout: Duration,
    /// Ask the server to report changes of session variables in its OK packets.
    pub session_track: bool,
    /// Offer [`ClientConnection::load_local`](super::ClientConnection::load_local).
    pub load_local: bool,
    /// Ask for results without EOF packets if the server knows them.
    pub deprecate_eof: bool,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            user: String::new(),
            password: String::new(),
            database: None,
            collation: 45,
            tls: None,
            attributes: Vec::new(),
            max_allowed_packet: crate::packet::MAX_PAYLOAD,
            connect_timeout: Duration::from_secs(10),
            session_track: false,
            load_local: false,
            deprecate_eof: true,
        }
    }
}
