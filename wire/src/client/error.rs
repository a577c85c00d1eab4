//! What can go wrong on the client's side.

use super::options::Endpoint;
use crate::error::WireError;
use crate::reply::ServerError;
use crate::value::ValueError;

/// What can go wrong on the client's side.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server answered with an error; the connection remains usable if it
    /// [`is_idle`](super::ClientConnection::is_idle).
    #[error("server error {0}")]
    Server(#[source] ServerError),
    /// The connection or the packets on it; the connection is lost.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A parameter could not be encoded; nothing was sent.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// No connection within the time given.
    #[error("no answer from {endpoint} within {seconds} s")]
    Timeout {
        /// Where to.
        endpoint: Endpoint,
        /// Time given.
        seconds: u64,
    },
    /// TLS could not be set up.
    #[error("TLS handshake failed")]
    Tls(#[source] std::io::Error),
    /// TLS is asked for and the server has none.
    #[error("server offers no TLS")]
    NoTls,
    /// The server wants a way to log in that this client does not have.
    #[error("cannot authenticate: {0}")]
    Auth(String),
    /// The connection was used while an answer was outstanding, or in the wrong order.
    #[error("connection not ready: {0}")]
    NotReady(&'static str),
    /// Query attributes were given and the server does not take them.
    #[error("server does not take query attributes")]
    NoQueryAttributes,
}

impl ClientError {
    /// The server's own error, if that is what happened.
    pub fn server_error(&self) -> Option<&ServerError> {
        match self {
            Self::Server(error) => Some(error),
            _ => None,
        }
    }
}
