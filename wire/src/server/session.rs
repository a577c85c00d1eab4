//! What a log-in leads to: a session, or the reason why there is none.

use crate::error::WireError;

/// Who is on the other side, once authenticated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// Account name, authenticated.
    pub user: String,
    /// Default database asked for; not yet checked against anything.
    pub database: Option<String>,
    /// Collation id asked for.
    pub collation: u16,
    /// Connection attributes: program name, client version and so on.
    pub attributes: Vec<(String, String)>,
    /// Whether the session runs over TLS.
    pub tls: bool,
}

impl Session {
    /// A connection attribute by name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The stream or the packets on it.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// TLS could not be set up.
    #[error("TLS handshake failed")]
    Tls(#[source] std::io::Error),
    /// The client speaks something else, or a protocol older than 4.1.
    #[error("client does not speak protocol 4.1")]
    BadHandshake,
    /// The server demands TLS and the client did not ask for it.
    #[error("client did not use TLS, which is required")]
    TlsRequired,
    /// Wrong user or password; the client has the error already.
    #[error("access denied for user '{user}'")]
    AccessDenied {
        /// The name the client gave.
        user: String,
    },
}
