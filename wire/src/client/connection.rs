//! The connection itself, and commands whose answer is OK or an error.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use mysql_common::constants::{CapabilityFlags, Command as Code};
use tokio::io::{ReadHalf, WriteHalf};

use super::error::ClientError;
use super::options::ClientOptions;
use crate::error::WireError;
use crate::packet::{PacketReader, PacketWriter};
use crate::reply::{EOF_MARK, ERR_MARK, OK_MARK, OkPacket, ServerError};
use crate::transport::BoxedTransport;

/// What the connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
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
    pub(super) reader: PacketReader<ReadHalf<BoxedTransport>>,
    pub(super) writer: PacketWriter<WriteHalf<BoxedTransport>>,
    pub(super) capabilities: CapabilityFlags,
    pub(super) options: Arc<ClientOptions>,
    pub(super) connection_id: u32,
    pub(super) server_version: String,
    pub(super) state: State,
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

    /// Whether no answer is outstanding. A dropped future leaves the connection busy: kill and
    /// close it.
    pub fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    /// Resolves when the server closes the connection; meant for idle connections in a pool. Cancel
    /// safe.
    pub async fn closed(&mut self) -> WireError {
        self.reader.closed().await
    }

    /// Asks whether the server is there.
    pub async fn ping(&mut self) -> Result<(), ClientError> {
        self.simple(Code::COM_PING, &[]).await.map(drop)
    }

    /// Forgets the session's state on the server (variables, temporary tables, prepared
    /// statements).
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
    pub(super) async fn simple(
        &mut self,
        code: Code,
        body: &[u8],
    ) -> Result<OkPacket, ClientError> {
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
    pub(super) async fn send(
        &mut self,
        encode: impl FnOnce(&mut BytesMut),
    ) -> Result<(), ClientError> {
        self.try_send(|out| {
            encode(out);
            Ok(())
        })
        .await
    }

    /// As [`Self::send`], with an encoder that may fail; then nothing is sent.
    pub(super) async fn try_send(
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
    pub(super) fn server_error(&mut self, payload: &Bytes) -> Result<ClientError, WireError> {
        let error = ServerError::decode(payload)?;
        self.state = State::Idle;
        Ok(ClientError::Server(error))
    }
}
