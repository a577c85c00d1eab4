//! Merging in the shadow server: partial rows go into a temporary table, the plan's merging statement reads it.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use orrery_plan::ShadowMerge;
use orrery_wire::client::{ClientError, Next, Prepared, Response};
use orrery_wire::value::TextCells;
use orrery_wire::{ColumnDef, ColumnType, Format};
use thiserror::Error;

use crate::backend::{PooledConnection, SessionSettings};
use crate::dispatch::Done;
use crate::shadow::{ShadowError, ShadowServer};
use crate::spool::SpoolError;

/// Name of the temporary table; each session has its own.
const TABLE: &str = "`orrery_merge`.`partial`";
/// Bytes of an INSERT.
const INSERT_BYTES: usize = 1 << 20;

/// Why a merge failed.
#[derive(Debug, Error)]
pub enum ServerMergeError {
    /// The shadow server refused or went away.
    #[error(transparent)]
    Shadow(#[from] ShadowError),
    /// Partial rows could not be read back.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// Partial rows are not what the plan says.
    #[error("partial rows have {given} columns where {wanted} were expected")]
    Columns {
        /// Columns of the rows.
        given: usize,
        /// Columns planned.
        wanted: usize,
    },
}

impl From<ClientError> for ServerMergeError {
    fn from(error: ClientError) -> Self {
        Self::Shadow(error.into())
    }
}

/// A merge whose rows can be read.
pub struct ServerMerge {
    lease: PooledConnection,
    /// Columns of the merging statement.
    pub columns: Arc<[ColumnDef]>,
    prepared: Option<Prepared>,
    is_over: bool,
}

impl ServerMerge {
    /// Loads partial rows, in the order given, and runs the merging statement.
    pub async fn run(
        shadow: &ShadowServer,
        merge: &ShadowMerge,
        partial: Vec<Done>,
        settings: &Arc<SessionSettings>,
        format: Format,
    ) -> Result<Self, ServerMergeError> {
        let mut lease = shadow.merge_session(settings).await?;
        // Until the temporary table is gone the connection serves no other statement.
        lease.spoil();
        let connection = lease.connection()?;
        connection.run(merge.create_sql(TABLE).as_bytes()).await?;
        // Stored values are taken as they are: no mode of the client's may refuse one.
        connection.run(b"SET sql_mode=''").await?;
        let mut loader = Loader::new(merge.partial_columns);
        for mut done in partial {
            loader.begin(&done.columns)?;
            while let Some(piece) = done.rows.next().await? {
                for row in piece {
                    loader.push(&row);
                    if loader.text.len() >= INSERT_BYTES {
                        connection.run(&loader.take()).await?;
                    }
                }
            }
        }
        if !loader.text.is_empty() {
            connection.run(&loader.take()).await?;
        }
        connection.run(settings.set_statement().as_bytes()).await?;
        let statement = merge.merge_sql(TABLE);
        let mut prepared = None;
        let response = match format {
            Format::Text => connection.query(statement.as_bytes()).await?,
            Format::Binary => {
                let statement = prepared.insert(connection.prepare(statement.as_bytes()).await?);
                connection.execute(statement, &[]).await?
            }
        };
        let (columns, is_over) = match response {
            Response::Rows(columns) => (columns, false),
            Response::Ok(_) => (Vec::new(), true),
        };
        Ok(Self {
            lease,
            columns: columns.into(),
            prepared,
            is_over,
        })
    }

    /// The next row, or `None` after the last.
    pub async fn next(&mut self) -> Result<Option<bytes::Bytes>, ServerMergeError> {
        if self.is_over {
            return Ok(None);
        }
        let connection = self.lease.connection()?;
        let next = match connection.buffered_row()? {
            Some(next) => next,
            None => connection.next_row().await?,
        };
        match next {
            Next::Row(row) => Ok(Some(row)),
            Next::End(_) => {
                self.is_over = true;
                if let Some(prepared) = self.prepared.take() {
                    connection.close_statement(prepared).await?;
                }
                connection
                    .run(format!("DROP TEMPORARY TABLE {TABLE}").as_bytes())
                    .await?;
                self.lease.unspoil();
                Ok(None)
            }
        }
    }
}

/// Writes INSERT statements.
struct Loader {
    wanted: usize,
    numeric: Vec<bool>,
    text: BytesMut,
    sequence: u64,
}

impl Loader {
    fn new(wanted: usize) -> Self {
        Self {
            wanted,
            numeric: Vec::new(),
            text: BytesMut::new(),
            sequence: 0,
        }
    }

    /// Takes over the columns of the rows that follow.
    fn begin(&mut self, columns: &[ColumnDef]) -> Result<(), ServerMergeError> {
        if columns.len() != self.wanted && !columns.is_empty() {
            return Err(ServerMergeError::Columns {
                given: columns.len(),
                wanted: self.wanted,
            });
        }
        self.numeric = columns.iter().map(is_numeric).collect();
        Ok(())
    }

    fn push(&mut self, row: &[u8]) {
        if self.text.is_empty() {
            self.text
                .put_slice(format!("INSERT INTO {TABLE} VALUES ").as_bytes());
        } else {
            self.text.put_u8(b',');
        }
        let _ = write!(self.text, "({}", self.sequence);
        self.sequence += 1;
        for (cell, is_numeric) in TextCells::new(row).zip(&self.numeric) {
            self.text.put_u8(b',');
            match cell.ok().flatten() {
                None => self.text.put_slice(b"NULL"),
                Some(number) if *is_numeric => self.text.put_slice(number),
                Some(bytes) => put_hex(bytes, &mut self.text),
            }
        }
        self.text.put_u8(b')');
    }

    fn take(&mut self) -> bytes::Bytes {
        self.text.split().freeze()
    }
}

/// Bytes as they are stored, whatever the character set of the session.
fn put_hex(bytes: &[u8], text: &mut BytesMut) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.put_slice(b"X'");
    for byte in bytes {
        let pair =
            [byte >> 4, byte & 15].map(|digit| DIGITS.get(usize::from(digit)).copied().unwrap_or(b'0'));
        text.put_slice(&pair);
    }
    text.put_u8(b'\'');
}

/// Whether a column's text is a number literal.
fn is_numeric(column: &ColumnDef) -> bool {
    use ColumnType as T;
    matches!(
        column.column_type,
        T::MYSQL_TYPE_TINY
            | T::MYSQL_TYPE_SHORT
            | T::MYSQL_TYPE_INT24
            | T::MYSQL_TYPE_LONG
            | T::MYSQL_TYPE_LONGLONG
            | T::MYSQL_TYPE_FLOAT
            | T::MYSQL_TYPE_DOUBLE
            | T::MYSQL_TYPE_DECIMAL
            | T::MYSQL_TYPE_NEWDECIMAL
            | T::MYSQL_TYPE_YEAR
    )
}

#[cfg(test)]
mod tests {
    use orrery_wire::value::encode_text_row;

    use super::*;

    #[test]
    fn rows_are_numbered_and_bytes_are_written_as_stored() {
        let columns = [
            ColumnDef::expression("p0", ColumnType::MYSQL_TYPE_DOUBLE, 20),
            ColumnDef::text("p1", 8, 20),
        ];
        let mut loader = Loader::new(2);
        loader.begin(&columns).unwrap();
        for (number, text) in [(Some("1e300"), Some("a'\\")), (None, None)] {
            let mut row = BytesMut::new();
            encode_text_row(&mut row, [number.map(str::as_bytes), text.map(str::as_bytes)]);
            loader.push(&row);
        }
        let sql = String::from_utf8(loader.take().to_vec()).unwrap();
        assert_eq!(
            sql,
            format!("INSERT INTO {TABLE} VALUES (0,1e300,X'61275c'),(1,NULL,NULL)")
        );
        assert!(loader.begin(&columns[..1]).is_err());
    }
}
