//! Answers: OK, errors, prepared statements and result sets, in the form negotiated with the
//! client.

use bytes::BytesMut;
use mysql_common::Value;
use mysql_common::io::BufMutExt;
use tokio::io::WriteHalf;

use crate::column::{ColumnDef, RawColumns};
use crate::error::WireError;
use crate::packet::PacketWriter;
use crate::reply::{EOF_MARK, OK_MARK, OkPacket, ServerError};
use crate::statement::PrepareOk;
use crate::transport::BoxedTransport;
use crate::value::{TextToBinary, ValueError, encode_binary_row, encode_text_row, put_text_cell};
use mysql_common::constants::CapabilityFlags;

/// Writes the answers to one client's commands.
///
/// A result set is [`Self::start_result`], any number of rows, then [`Self::finish_result`] or, at
/// any point, [`Self::write_err`]. Rows are buffered; each write waits when the client does not
/// read (back-pressure). Nothing is sure to be sent before [`Self::flush`] or the next read of a
/// command.
pub struct ResponseWriter {
    packets: PacketWriter<WriteHalf<BoxedTransport>>,
    capabilities: CapabilityFlags,
}

/// Why a row could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteRowError {
    /// The connection.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The row does not fit its columns; nothing of it was sent.
    #[error(transparent)]
    Value(#[from] ValueError),
}

impl ResponseWriter {
    pub(super) fn new(
        packets: PacketWriter<WriteHalf<BoxedTransport>>,
        capabilities: CapabilityFlags,
    ) -> Self {
        Self {
            packets,
            capabilities,
        }
    }

    pub(super) fn packets(&mut self) -> &mut PacketWriter<WriteHalf<BoxedTransport>> {
        &mut self.packets
    }

    pub(super) fn begin_response(&mut self, seq: u8) {
        self.packets.set_next_seq(seq);
    }

    /// What both sides agreed to use.
    pub fn capabilities(&self) -> CapabilityFlags {
        self.capabilities
    }

    /// Whether answers wait for a flush.
    pub fn has_unsent(&self) -> bool {
        self.packets.has_unsent()
    }

    /// Bytes of all answers so far.
    pub fn bytes(&self) -> u64 {
        self.packets.bytes()
    }

    /// Sends what is buffered.
    pub async fn flush(&mut self) -> Result<(), WireError> {
        self.packets.flush().await
    }

    /// Success without rows.
    pub async fn write_ok(&mut self, ok: &OkPacket) -> Result<(), WireError> {
        let capabilities = self.capabilities;
        self.packets
            .write_with(|out| ok.encode(OK_MARK, capabilities, out))
            .await
    }

    /// Failure; also ends a result set that has begun.
    pub async fn write_err(&mut self, error: &ServerError) -> Result<(), WireError> {
        // The client gets protocol 4.1 errors: no client without it passes the handshake.
        self.packets
            .write_with(|out| error.encode(CapabilityFlags::CLIENT_PROTOCOL_41, out))
            .await
    }

    /// Starts a result set: column count and definitions. Status and warnings belong to its end.
    pub async fn start_result(&mut self, columns: &[ColumnDef]) -> Result<(), WireError> {
        self.packets
            .write_with(|out| out.put_lenenc_int(columns.len() as u64))
            .await?;
        self.write_definitions(columns).await
    }

    /// As [`Self::start_result`], with columns as another server sent them.
    pub async fn start_result_raw(&mut self, columns: &RawColumns) -> Result<(), WireError> {
        self.packets
            .write_with(|out| out.put_lenenc_int(columns.0.len() as u64))
            .await?;
        for definition in &columns.0 {
            self.packets.write(definition).await?;
        }
        self.end_definitions().await
    }

    /// A row packet as another server sent it, text or binary.
    pub async fn write_row_raw(&mut self, row: &[u8]) -> Result<(), WireError> {
        self.packets.write(row).await
    }

    /// As [`Self::write_row_raw`] if that needs no waiting; false when nothing was queued because
    /// it would.
    pub fn try_write_row_raw(&mut self, row: &[u8]) -> bool {
        self.packets.try_queue(row)
    }

    /// A text row; `None` is NULL.
    pub async fn write_text_row<'c>(
        &mut self,
        cells: impl IntoIterator<Item = Option<&'c [u8]>>,
    ) -> Result<(), WireError> {
        self.packets
            .write_with(|out| encode_text_row(out, cells))
            .await
    }

    /// A binary row for a prepared statement.
    pub async fn write_binary_row(
        &mut self,
        values: &[Value],
        columns: &[ColumnDef],
    ) -> Result<(), WriteRowError> {
        self.packets
            .try_write_with(|out| {
                encode_binary_row(out, values, columns).map_err(WriteRowError::from)
            })
            .await
    }

    /// A text row, converted to a binary row for a prepared statement.
    pub async fn write_text_row_as_binary(
        &mut self,
        row: &[u8],
        converter: &TextToBinary<'_>,
    ) -> Result<(), WriteRowError> {
        self.packets
            .try_write_with(|out| converter.convert(row, out).map_err(WriteRowError::from))
            .await
    }

    /// Ends a result set. `end` carries status (with "more results" if another follows) and
    /// warnings.
    pub async fn finish_result(&mut self, end: &OkPacket) -> Result<(), WireError> {
        let capabilities = self.capabilities;
        if capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
            self.packets
                .write_with(|out| end.encode(EOF_MARK, capabilities, out))
                .await
        } else {
            self.packets.write_with(|out| end.encode_eof(out)).await
        }
    }

    /// Answers COM_FIELD_LIST: definitions, each with NULL for its default.
    pub async fn write_field_list(
        &mut self,
        columns: &[ColumnDef],
        end: &OkPacket,
    ) -> Result<(), WireError> {
        for column in columns {
            self.packets
                .write_with(|out| {
                    column.encode(out);
                    put_text_cell(out, None);
                })
                .await?;
        }
        self.finish_result(end).await
    }

    /// Answers COM_STATISTICS.
    pub async fn write_statistics(&mut self, text: &str) -> Result<(), WireError> {
        self.packets.write(text.as_bytes()).await
    }

    /// Answers COM_STMT_PREPARE. The counts come from the slices; more than 65,535 of either is an
    /// error for the caller to report (1390).
    pub async fn write_prepare_ok(
        &mut self,
        statement: u32,
        params: &[ColumnDef],
        columns: &[ColumnDef],
        warnings: u16,
    ) -> Result<(), WireError> {
        let count = |definitions: &[ColumnDef]| {
            u16::try_from(definitions.len())
                .map_err(|_| WireError::Malformed("more than 65,535 definitions"))
        };
        let head = PrepareOk {
            statement,
            columns: count(columns)?,
            params: count(params)?,
            warnings,
        };
        self.packets.write_with(|out| head.encode(out)).await?;
        for definitions in [params, columns] {
            if !definitions.is_empty() {
                self.write_definitions(definitions).await?;
            }
        }
        Ok(())
    }

    async fn write_definitions(&mut self, definitions: &[ColumnDef]) -> Result<(), WireError> {
        for definition in definitions {
            self.packets
                .write_with(|out: &mut BytesMut| definition.encode(out))
                .await?;
        }
        self.end_definitions().await
    }

    async fn end_definitions(&mut self) -> Result<(), WireError> {
        if self
            .capabilities
            .contains(CapabilityFlags::CLIENT_DEPRECATE_EOF)
        {
            return Ok(());
        }
        self.packets
            .write_with(|out| OkPacket::success().encode_eof(out))
            .await
    }
}
