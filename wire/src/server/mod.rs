//! The server's side of a conversation: handshake, commands in, answers out.
//!
//! The caller drives: [`ServerConnection::handshake`], then [`ServerConnection::read_command`] and an answer through
//! [`ResponseWriter`], again and again. Nothing is answered behind the caller's back except a failed login and a
//! packet over the limit.

mod auth;
mod handshake;
mod writer;

use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{ReadHalf, WriteHalf};

pub use auth::Authenticator;
pub use writer::{ResponseWriter, WriteRowError};

use crate::auth::SCRAMBLE_LEN;
use crate::command::{ChangeUserRequest, Command};
use crate::packet::{PacketReader, PacketWriter};
use crate::transport::{BoxedTransport, Transport};
use crate::{CapabilityFlags, ServerError, WireError};

/// Payload limit before a client has proved who it is, bytes.
const HANDSHAKE_LIMIT: usize = 64 * 1024;
/// `utf8mb4_general_ci`, the collation announced in the greeting.
const DEFAULT_COLLATION: u8 = 45;

/// What a server says about itself and accepts. One value serves all connections.
#[derive(Clone)]
pub struct ServerConfig {
    /// Version as clients see it, for example `10.11.19-MariaDB-orrery`.
    pub version: String,
    /// TLS, if clients may (or must) switch to it.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Refuse clients that do not switch to TLS (error 1251 as MariaDB's require_secure_transport: 3159).
    pub require_tls: bool,
    /// Largest command accepted, bytes.
    pub max_allowed_packet: usize,
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
            query_attributes: true,
        }
    }
}

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
    /// Wrong user or password; the client has been told.
    #[error("access denied for user '{user}'")]
    AccessDenied {
        /// The name the client gave.
        user: String,
    },
}

/// Tells a client, instead of greeting it, why it cannot connect now (too many connections, shutdown), and closes.
pub async fn refuse_connection(stream: impl Transport, error: &ServerError) -> Result<(), WireError> {
    let mut writer = PacketWriter::new(stream);
    // Before the greeting nothing is negotiated, so the error has the old form without a state.
    writer
        .write_with(|out| error.encode(CapabilityFlags::empty(), out))
        .await?;
    writer.shutdown().await
}

/// One client's connection after its handshake.
pub struct ServerConnection {
    reader: PacketReader<ReadHalf<BoxedTransport>>,
    writer: ResponseWriter,
    challenge: [u8; SCRAMBLE_LEN],
    tls: bool,
}

impl ServerConnection {
    /// Waits for the next command, after sending what is still buffered. Cancel safe once the buffer is empty.
    ///
    /// A command over the limit is read to its end and answered with error 1153, a packet out of order with 1156,
    /// a malformed one with 1835; then the error is returned and the connection can only be closed.
    pub async fn read_command(&mut self) -> Result<Command, WireError> {
        if self.writer.has_unsent() {
            self.writer.flush().await?;
        }
        self.reader.set_next_seq(0);
        let payload = match self.reader.read().await {
            Ok(payload) => payload,
            Err(error) => return Err(self.fail(error).await),
        };
        self.writer.begin_response(self.reader.next_seq());
        match Command::decode(&payload, self.writer.capabilities()) {
            Ok(command) => Ok(command),
            Err(error) => Err(self.fail(error).await),
        }
    }

    /// The half that answers.
    pub fn writer(&mut self) -> &mut ResponseWriter {
        &mut self.writer
    }

    /// Both halves at once: a watch for the client's departure, usable while the answer is being written.
    pub fn split(&mut self) -> (DisconnectWatch<'_>, &mut ResponseWriter) {
        (
            DisconnectWatch {
                reader: &mut self.reader,
            },
            &mut self.writer,
        )
    }

    /// What both sides agreed to use.
    pub fn capabilities(&self) -> CapabilityFlags {
        self.writer.capabilities()
    }

    /// Authenticates COM_CHANGE_USER. As with the handshake, success is not yet answered: the caller checks the
    /// database and its limits, then writes OK or an error. After a failure the connection must be closed.
    pub async fn change_user(
        &mut self,
        request: ChangeUserRequest,
        peer: &str,
        accounts: &impl Authenticator,
    ) -> Result<Session, HandshakeError> {
        let capabilities = self.writer.capabilities();
        let tls = self.tls;
        let offer = auth::Offer {
            user: request.user,
            plugin: request.plugin,
            data: request.scramble,
            challenge: self.challenge,
            peer,
            tls,
            capabilities,
        };
        let mut exchange = auth::Exchange {
            reader: &mut self.reader,
            writer: self.writer.packets(),
        };
        let user = exchange.authenticate(offer, accounts).await?;
        self.writer.begin_response(self.reader.next_seq());
        Ok(Session {
            user,
            database: request.database,
            collation: request.collation,
            attributes: request.attributes,
            tls,
        })
    }

    /// Sends what is buffered and closes the write side.
    pub async fn close(mut self) -> Result<(), WireError> {
        self.writer.packets().shutdown().await
    }

    /// Tells the client what was wrong with its packet, if it can still be told; returns the error.
    async fn fail(&mut self, error: WireError) -> WireError {
        let answer = match &error {
            WireError::PacketTooLarge { .. } => {
                if let Err(error) = self.reader.skip_oversized().await {
                    return error;
                }
                ServerError::new(
                    1153,
                    b"08S01",
                    "Got a packet bigger than 'max_allowed_packet' bytes",
                )
            }
            WireError::OutOfOrder { .. } => ServerError::new(1156, b"08S01", "Got packets out of order"),
            WireError::Malformed(what) => {
                ServerError::new(1835, b"HY000", format!("Malformed communication packet: {what}"))
            }
            WireError::Closed | WireError::Truncated | WireError::Io(_) => return error,
        };
        self.writer.begin_response(self.reader.next_seq());
        // The connection is lost either way; a client that has gone cannot be told.
        if self.writer.write_err(&answer).await.is_ok() {
            let _ = self.writer.flush().await;
        }
        error
    }
}

/// Watches for the client's departure while its answer is made.
pub struct DisconnectWatch<'a> {
    reader: &'a mut PacketReader<ReadHalf<BoxedTransport>>,
}

impl DisconnectWatch<'_> {
    /// Resolves when the client has gone. Commands it sends meanwhile stay queued. Cancel safe.
    pub async fn closed(&mut self) -> WireError {
        self.reader.closed().await
    }
}

/// The two framed halves of a stream.
type Halves = (
    PacketReader<ReadHalf<BoxedTransport>>,
    PacketWriter<WriteHalf<BoxedTransport>>,
);

/// Splits a stream into framed halves; `prefix` was read from it already.
fn frame(stream: BoxedTransport, prefix: BytesMut, limit: usize) -> Halves {
    let stream: BoxedTransport = if prefix.is_empty() {
        stream
    } else {
        Box::new(crate::transport::Prefixed::new(prefix, stream))
    };
    let (read, write) = tokio::io::split(stream);
    (PacketReader::new(read, limit), PacketWriter::new(write))
}
