//! Statements as text, and results of any statement.

use bytes::Bytes;
use mysql_common::io::ParseBuf;

use super::connection::{ClientConnection, State};
use super::error::ClientError;
use crate::codec::Fields;
use crate::column::{ColumnDef, RawColumns};
use crate::command::{EncodeQueryError, QueryAttribute, encode_query};
use crate::error::WireError;
use crate::packet::Visit;
use crate::reply::{ERR_MARK, OK_MARK, OkPacket, is_end_of_rows};
use mysql_common::constants::CapabilityFlags;

/// First byte of a request to send a local file.
pub(super) const LOCAL_INFILE: u8 = 0xFB;

/// How an answer begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// The statement has no result set.
    Ok(OkPacket),
    /// Columns of a result set; rows follow through [`ClientConnection::next_row`].
    Rows(Vec<ColumnDef>),
}

/// How an answer begins, its columns not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawResponse {
    /// The statement has no result set.
    Ok(OkPacket),
    /// Columns of a result set; rows follow through [`ClientConnection::next_row`].
    Rows(RawColumns),
}

/// What comes next in a result set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A row packet, undecoded: text after a query, binary after an execution.
    Row(Bytes),
    /// The rows are over; status and warnings.
    End(OkPacket),
}

/// Why [`ClientConnection::visit_rows`] has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// Something is there that was not taken: [`ClientConnection::next_row`] gives it.
    Left,
    /// Everything received has been taken: [`ClientConnection::more_rows`] waits for more.
    NeedBytes,
}

impl ClientConnection {
    /// Runs one statement and returns the beginning of its answer.
    pub async fn query(&mut self, sql: &[u8]) -> Result<Response, ClientError> {
        self.query_with_attributes(sql, &[]).await
    }

    /// Runs one statement with attributes.
    pub async fn query_with_attributes(
        &mut self,
        sql: &[u8],
        attributes: &[QueryAttribute],
    ) -> Result<Response, ClientError> {
        self.send_query(sql, attributes).await?;
        self.read_response().await
    }

    /// As [`Self::query_with_attributes`], for an answer that is passed on: its columns stay as
    /// they are.
    pub async fn query_raw(
        &mut self,
        sql: &[u8],
        attributes: &[QueryAttribute],
    ) -> Result<RawResponse, ClientError> {
        self.send_query(sql, attributes).await?;
        self.read_raw_response().await
    }

    pub(super) async fn send_query(
        &mut self,
        sql: &[u8],
        attributes: &[QueryAttribute],
    ) -> Result<(), ClientError> {
        let capabilities = self.capabilities;
        self.try_send(|out| {
            encode_query(out, sql, attributes, capabilities).map_err(ClientError::from)
        })
        .await
    }

    /// The next row, or the end of rows. Cancel safe. An error of the server ends the result.
    pub async fn next_row(&mut self) -> Result<Next, ClientError> {
        if self.state != State::Rows {
            return Err(ClientError::NotReady("no result set is open"));
        }
        let payload = self.reader.read().await?;
        self.take_row(payload)
    }

    /// The next row, or the end, if it has been received already: for forwarding without waiting
    /// per row.
    pub fn buffered_row(&mut self) -> Result<Option<Next>, ClientError> {
        if self.state != State::Rows {
            return Err(ClientError::NotReady("no result set is open"));
        }
        match self.reader.buffered()? {
            Some(payload) => self.take_row(payload).map(Some),
            None => Ok(None),
        }
    }

    /// Shows rows that have been received already, one after the other and in place, for as long as
    /// `take` takes them: the way to pass on many rows. A row that is not taken, the end and errors
    /// come from [`Self::next_row`], without waiting.
    pub fn visit_rows(
        &mut self,
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> Result<Pause, ClientError> {
        if self.state != State::Rows {
            return Err(ClientError::NotReady("no result set is open"));
        }
        let mut take_row = |payload: &[u8]| {
            payload.first() != Some(&ERR_MARK) && !is_end_of_rows(payload) && take(payload)
        };
        loop {
            match self.reader.visit(&mut take_row)? {
                Visit::Taken => {}
                Visit::Left => return Ok(Pause::Left),
                Visit::NeedBytes => return Ok(Pause::NeedBytes),
            }
        }
    }

    /// Waits until more of a result has been received, after [`Pause::NeedBytes`]. Cancel safe.
    pub async fn more_rows(&mut self) -> Result<(), ClientError> {
        Ok(self.reader.more().await?)
    }

    /// The beginning of the next result, after one that ended with "more results".
    pub async fn next_result(&mut self) -> Result<Response, ClientError> {
        if self.state != State::MoreResults {
            return Err(ClientError::NotReady("no further result was announced"));
        }
        self.read_response().await
    }

    /// Reads what is left of the answer and forgets it.
    pub async fn drain(&mut self) -> Result<(), ClientError> {
        loop {
            match self.state {
                State::Idle => return Ok(()),
                State::Rows => drop(self.next_row().await?),
                State::MoreResults | State::Sent => drop(self.read_response().await?),
            }
        }
    }

    /// Runs a statement and gathers all of its rows; for small results. Further results are read
    /// and forgotten.
    pub async fn query_all(
        &mut self,
        sql: &[u8],
    ) -> Result<(Vec<ColumnDef>, Vec<Bytes>), ClientError> {
        let Response::Rows(columns) = self.query(sql).await? else {
            self.drain().await?;
            return Ok((Vec::new(), Vec::new()));
        };
        let mut rows = Vec::new();
        while let Next::Row(row) = self.next_row().await? {
            rows.push(row);
        }
        self.drain().await?;
        Ok((columns, rows))
    }

    /// Runs a statement for its effect. Rows, if any, are read and forgotten.
    pub async fn run(&mut self, sql: &[u8]) -> Result<(), ClientError> {
        self.query(sql).await?;
        self.drain().await
    }

    /// Reads the beginning of an answer: OK, an error, or columns.
    pub(super) async fn read_response(&mut self) -> Result<Response, ClientError> {
        Ok(match self.read_raw_response().await? {
            RawResponse::Ok(ok) => Response::Ok(ok),
            RawResponse::Rows(columns) => Response::Rows(columns.decode()?),
        })
    }

    async fn read_raw_response(&mut self) -> Result<RawResponse, ClientError> {
        let payload = self.reader.read().await?;
        match payload.first() {
            Some(&OK_MARK) => {
                let ok = OkPacket::decode(&payload, self.capabilities)?;
                self.state = if ok.more_results() {
                    State::MoreResults
                } else {
                    State::Idle
                };
                Ok(RawResponse::Ok(ok))
            }
            Some(&ERR_MARK) => Err(self.server_error(&payload)?),
            Some(&LOCAL_INFILE) => Err(WireError::Malformed(
                "the server asks for a file, and the statement has none",
            )
            .into()),
            _ => {
                let count = ParseBuf(&payload).lenenc_int("column count")?;
                let columns = self.read_definitions(count).await?;
                self.state = State::Rows;
                Ok(RawResponse::Rows(columns))
            }
        }
    }

    /// Reads `count` definitions and, unless deprecated, the EOF after them.
    pub(super) async fn read_definitions(&mut self, count: u64) -> Result<RawColumns, ClientError> {
        let mut columns = Vec::new();
        for _ in 0..count {
            columns.push(self.reader.read().await?);
        }
        if !self
            .capabilities
            .contains(CapabilityFlags::CLIENT_DEPRECATE_EOF)
        {
            let payload = self.reader.read().await?;
            if !is_end_of_rows(&payload) {
                return Err(WireError::Malformed("EOF expected after definitions").into());
            }
        }
        Ok(RawColumns(columns))
    }

    fn take_row(&mut self, payload: Bytes) -> Result<Next, ClientError> {
        if payload.first() == Some(&ERR_MARK) {
            return Err(self.server_error(&payload)?);
        }
        if !is_end_of_rows(&payload) {
            return Ok(Next::Row(payload));
        }
        let end = OkPacket::decode_end(&payload, self.capabilities)?;
        self.state = if end.more_results() {
            State::MoreResults
        } else {
            State::Idle
        };
        Ok(Next::End(end))
    }
}

impl From<EncodeQueryError> for ClientError {
    fn from(error: EncodeQueryError) -> Self {
        match error {
            EncodeQueryError::AttributesNotNegotiated => Self::NoQueryAttributes,
            EncodeQueryError::Value(error) => Self::Value(error),
            EncodeQueryError::Wire(error) => Self::Wire(error),
        }
    }
}
