//! The client's side of a conversation: connect, send statements, receive rows as raw packets.
//!
//! A [`ClientConnection`] never asks for multi-statements, LOCAL INFILE or MariaDB's extended metadata, so one text
//! is one statement and rows have the form every other part expects. It remembers whether an answer is still
//! outstanding ([`ClientConnection::is_idle`]): only an idle connection may go back to a pool.

mod handshake;
mod query;
mod statement;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mysql_common::constants::Command as Code;
use tokio::io::{ReadHalf, WriteHalf};

pub use query::{Next, Pause, RawResponse, Response};
pub use statement::Prepared;

use crate::packet::{PacketReader, PacketWriter};
use crate::reply::{EOF_MARK, ERR_MARK, OK_MARK};
use crate::transport::BoxedTransport;
use crate::value::ValueError;
use crate::{CapabilityFlags, OkPacket, ServerError, WireError};

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
            deprecate_eof: true,
        }
    }
}

/// What can go wrong on the client's side.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server answered with an error; the connection remains usable if it [`ClientConnection::is_idle`].
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

/// What the connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing: a command may be sent.
    Idle,
    /// A command has been sent, its answer has not begun.
    Sent,
    /// Rows of a result.
    Rows,
    /// A result ended and announced another one.
    MoreResults,
}

/// A connection to a server.
pub struct ClientConnection {
    reader: PacketReader<ReadHalf<BoxedTransport>>,
    writer: PacketWriter<WriteHalf<BoxedTransport>>,
    capabilities: CapabilityFlags,
    options: Arc<ClientOptions>,
    connection_id: u32,
    server_version: String,
    state: State,
}

impl ClientConnection {
    /// The server's number for this connection: what KILL takes.
    pub fn connection_id(&self) -> u32 {
        self.connection_id
    }

    /// The server's version, without MariaDB's `5.5.5-` prefix.
    pub fn server_version(&self) -> &str {
        &self.server_version
    }

    /// What both sides agreed to use.
    pub fn capabilities(&self) -> CapabilityFlags {
        self.capabilities
    }

    /// Whether no answer is outstanding. A dropped future leaves the connection busy: kill and close it.
    pub fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    /// Resolves when the server closes the connection; meant for idle connections in a pool. Cancel safe.
    pub async fn closed(&mut self) -> WireError {
        self.reader.closed().await
    }

    /// Asks whether the server is there.
    pub async fn ping(&mut self) -> Result<(), ClientError> {
        self.simple(Code::COM_PING, &[]).await.map(drop)
    }

    /// Forgets the session's state on the server (variables, temporary tables, prepared statements).
    pub async fn reset(&mut self) -> Result<(), ClientError> {
        self.simple(Code::COM_RESET_CONNECTION, &[]).await.map(drop)
    }

    /// Changes the default database.
    pub async fn init_db(&mut self, database: &str) -> Result<(), ClientError> {
        self.simple(Code::COM_INIT_DB, database.as_bytes())
            .await
            .map(drop)
    }

    /// Says good-bye and closes.
    pub async fn quit(mut self) -> Result<(), ClientError> {
        self.send(|out| out.extend_from_slice(&[Code::COM_QUIT as u8]))
            .await?;
        Ok(self.writer.shutdown().await?)
    }

    /// A command whose answer is OK or an error.
    async fn simple(&mut self, code: Code, body: &[u8]) -> Result<OkPacket, ClientError> {
        self.send(|out| {
            out.extend_from_slice(&[code as u8]);
            out.extend_from_slice(body);
        })
        .await?;
        let payload = self.reader.read().await?;
        match payload.first() {
            Some(&OK_MARK | &EOF_MARK) => {
                self.state = State::Idle;
                Ok(OkPacket::decode(&payload, self.capabilities)?)
            }
            Some(&ERR_MARK) => Err(self.server_error(&payload)?),
            _ => Err(WireError::Malformed("answer is neither OK nor an error").into()),
        }
    }

    /// Sends a command packet; refused while an answer is outstanding.
    async fn send(&mut self, encode: impl FnOnce(&mut BytesMut)) -> Result<(), ClientError> {
        self.try_send(|out| {
            encode(out);
            Ok(())
        })
        .await
    }

    /// As [`Self::send`], with an encoder that may fail; then nothing is sent.
    async fn try_send(
        &mut self,
        encode: impl FnOnce(&mut BytesMut) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        if self.state != State::Idle {
            return Err(ClientError::NotReady("an answer is still outstanding"));
        }
        self.writer.set_next_seq(0);
        self.state = State::Sent;
        let mut encoded = false;
        let sent = self
            .writer
            .try_write_with(|out| {
                encode(out)?;
                encoded = true;
                Ok(())
            })
            .await;
        if let Err(error) = sent {
            if !encoded {
                self.state = State::Idle;
            }
            return Err(error);
        }
        self.writer.flush().await?;
        self.reader.set_next_seq(self.writer.next_seq());
        Ok(())
    }

    /// The error packet as an error; the exchange is over.
    fn server_error(&mut self, payload: &Bytes) -> Result<ClientError, WireError> {
        let error = ServerError::decode(payload)?;
        self.state = State::Idle;
        Ok(ClientError::Server(error))
    }
}
