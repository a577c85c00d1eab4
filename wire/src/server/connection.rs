//! One client's connection once it has logged in: commands in, answers out.

use mysql_common::constants::CapabilityFlags;
use tokio::io::ReadHalf;

use super::auth::{Authenticator, Exchange, Offer};
use super::session::{HandshakeError, Session};
use super::writer::ResponseWriter;
use crate::auth::SCRAMBLE_LEN;
use crate::command::{ChangeUserRequest, Command};
use crate::error::WireError;
use crate::errors;
use crate::packet::PacketReader;
use crate::transport::BoxedTransport;

/// One client's connection after its handshake.
pub struct ServerConnection {
    pub(super) reader: PacketReader<ReadHalf<BoxedTransport>>,
    pub(super) writer: ResponseWriter,
    pub(super) challenge: [u8; SCRAMBLE_LEN],
    pub(super) tls: bool,
}

impl ServerConnection {
    /// Waits for the next command, after sending what is still buffered. Cancel safe once the
    /// buffer is empty.
    ///
    /// A command over the limit is read to its end; it, a packet out of order and a malformed one
    /// are answered with their errors of [`errors`]. Then the error is returned and the connection
    /// can only be closed.
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

    /// Both halves at once: a watch for the client's departure, usable while the answer is being
    /// written.
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

    /// Authenticates COM_CHANGE_USER. As with the handshake, success is not yet answered: the
    /// caller checks the database and its limits, then writes OK or an error. After a failure the
    /// connection must be closed.
    pub async fn change_user(
        &mut self,
        request: ChangeUserRequest,
        peer: &str,
        accounts: &impl Authenticator,
    ) -> Result<Session, HandshakeError> {
        let capabilities = self.writer.capabilities();
        let tls = self.tls;
        let offer = Offer {
            user: request.user,
            plugin: request.plugin,
            data: request.scramble,
            challenge: self.challenge,
            peer,
            tls,
            capabilities,
        };
        let mut exchange = Exchange {
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

    /// Reports to the client what was wrong with its packet, if it still can; returns the error.
    async fn fail(&mut self, error: WireError) -> WireError {
        let answer = match &error {
            WireError::PacketTooLarge { .. } => {
                if let Err(error) = self.reader.skip_oversized().await {
                    return error;
                }
                errors::packet_too_large()
            }
            WireError::OutOfOrder { .. } => {
                errors::PACKETS_OUT_OF_ORDER.error("Got packets out of order")
            }
            WireError::Malformed(what) => errors::malformed_packet(what),
            WireError::Closed | WireError::Truncated | WireError::Io(_) => return error,
        };
        self.writer.begin_response(self.reader.next_seq());
        // The connection is lost either way; a client that has gone gets nothing.
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
