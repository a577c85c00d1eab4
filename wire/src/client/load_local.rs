//! `LOAD DATA LOCAL` of rows that the caller has.

use super::connection::ClientConnection;
use super::error::ClientError;
use super::query::{LOCAL_INFILE, Response};
use crate::error::WireError;
use crate::reply::{ERR_MARK, OkPacket};

/// Bytes of a packet of rows.
const PIECE: usize = 1 << 20;

impl ClientConnection {
    /// Runs a `LOAD DATA LOCAL INFILE` statement; the file it names, whatever the name, holds
    /// `rows`. What does not fit is a warning there, not an error: count the warnings.
    pub async fn load_local(&mut self, sql: &[u8], rows: &[u8]) -> Result<OkPacket, ClientError> {
        if !self.options.load_local {
            return Err(ClientError::NotReady("LOAD DATA LOCAL was not offered"));
        }
        self.send_query(sql, &[]).await?;
        let payload = self.reader.read().await?;
        match payload.first() {
            Some(&LOCAL_INFILE) => {}
            Some(&ERR_MARK) => return Err(self.server_error(&payload)?),
            _ => return Err(WireError::Malformed("the server asks for no file").into()),
        }
        self.writer.set_next_seq(self.reader.next_seq());
        for piece in rows.chunks(PIECE) {
            self.writer.write(piece).await?;
        }
        // An empty packet ends the file.
        self.writer.write(&[]).await?;
        self.writer.flush().await?;
        self.reader.set_next_seq(self.writer.next_seq());
        match self.read_response().await? {
            Response::Ok(ok) => Ok(ok),
            Response::Rows(_) => Err(WireError::Malformed("rows in answer to a file").into()),
        }
    }
}
