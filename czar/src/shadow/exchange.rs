//! Rows into temporary tables of the shadow server, and results out of it.
//!
//! Keeps true: a value is stored as it came, or its statement fails: out of range, cut and the like
//! are errors here, and a warning is one, too.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use orrery_plan::STORED_ROW;
use orrery_wire::client::{ClientConnection, ClientError, Next, Response};
use orrery_wire::value::TextCells;
use orrery_wire::{ColumnDef, ColumnType, Format};
use thiserror::Error;

use super::server::ShadowError;
use crate::dispatch::Done;
use crate::spool::{Rows, SpoolError};
use crate::warnings::Warnings;

/// Mode of sessions that store rows: every value is stored as it came, or not at all. Dates are
/// what the archive holds, valid or not.
pub const LOAD_MODE: &str = "SET sql_mode='STRICT_ALL_TABLES,ALLOW_INVALID_DATES', sql_notes=1";
/// Errors of values that do not fit: out of range, cut, no such date or number, no such characters,
/// too long.
const CHANGED: [u16; 5] = [1264, 1265, 1292, 1366, 1406];
/// Warning that a function's value was longer than a packet and became NULL, which a client could
/// not tell from an answer.
pub const TOO_LONG: u16 = 1301;
/// Bytes of an INSERT.
const INSERT_BYTES: usize = 1 << 20;

/// Why rows did not get in or out.
#[derive(Debug, Error)]
pub enum ExchangeError {
    /// The shadow server refused or went away.
    #[error(transparent)]
    Shadow(#[from] ShadowError),
    /// Rows could not be held or read back.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The temporary table would hold something else than what came.
    #[error(
        "a value cannot be carried exactly ({0}); select the rows and compute from them, or round less"
    )]
    Changed(String),
    /// A function's value was longer than a packet and became NULL.
    #[error("{0}")]
    TooLong(String),
    /// Rows are not what the plan says.
    #[error("rows have {given} columns where {wanted} were expected")]
    Columns {
        /// Columns of the rows.
        given: usize,
        /// Columns planned.
        wanted: usize,
    },
}

impl From<ClientError> for ExchangeError {
    fn from(error: ClientError) -> Self {
        Self::Shadow(error.into())
    }
}

/// A result of the shadow server, held by the czar: no connection of it waits for whoever reads it.
pub struct Held {
    /// Columns of the statement.
    pub columns: Arc<[ColumnDef]>,
    /// Its rows.
    pub rows: Rows,
    /// Its warnings.
    pub warnings: Warnings,
}

/// Writes rows into one table, by INSERT statements.
pub struct Loader {
    insert: String,
    wanted: usize,
    is_numbered: bool,
    sequence: u64,
    numeric: Vec<bool>,
    text: BytesMut,
}

impl Loader {
    /// A loader of rows with so many columns. `insert` is the statement up to the rows.
    pub fn new(insert: String, wanted: usize) -> Self {
        Self {
            insert,
            wanted,
            is_numbered: false,
            sequence: 0,
            numeric: Vec::new(),
            text: BytesMut::new(),
        }
    }

    /// Puts the row's number, from 0, before its columns.
    #[must_use]
    pub fn numbered(mut self) -> Self {
        self.is_numbered = true;
        self
    }

    /// Stores the rows of a task. `count` is given the bytes of each piece of them first.
    pub async fn load<E: From<ExchangeError>>(
        &mut self,
        connection: &mut ClientConnection,
        done: &mut Done,
        count: &mut (dyn FnMut(u64) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        self.begin(&done.columns)?;
        while let Some(piece) = done.rows.next().await.map_err(ExchangeError::from)? {
            count(piece.rows().map(|row| STORED_ROW + row.len() as u64).sum())?;
            for row in piece {
                self.push(&row);
                if self.text.len() >= INSERT_BYTES {
                    self.flush(connection).await?;
                }
            }
        }
        Ok(())
    }

    /// Stores what is left; to be called after the last row.
    pub async fn flush(&mut self, connection: &mut ClientConnection) -> Result<(), ExchangeError> {
        if self.text.is_empty() {
            return Ok(());
        }
        let statement = self.text.split().freeze();
        let response = match connection.query(&statement).await {
            Err(ClientError::Server(error)) if CHANGED.contains(&error.code) => {
                return Err(ExchangeError::Changed(error.message));
            }
            response => response?,
        };
        match response {
            Response::Ok(ok) if ok.warnings == 0 => Ok(()),
            Response::Ok(ok) => {
                let warnings = Warnings::fetch(connection, ok.warnings).await?;
                let said = warnings.listed().first().map_or_else(
                    || "a warning without a text".to_owned(),
                    |first| first.message.clone(),
                );
                Err(ExchangeError::Changed(said))
            }
            Response::Rows(_) => Err(ExchangeError::Changed("rows instead of OK".to_owned())),
        }
    }

    /// Takes over the columns of the rows that follow.
    fn begin(&mut self, columns: &[ColumnDef]) -> Result<(), ExchangeError> {
        if columns.len() != self.wanted && !columns.is_empty() {
            return Err(ExchangeError::Columns {
                given: columns.len(),
                wanted: self.wanted,
            });
        }
        self.numeric = columns.iter().map(is_numeric).collect();
        Ok(())
    }

    fn push(&mut self, row: &[u8]) {
        if self.text.is_empty() {
            self.text.put_slice(self.insert.as_bytes());
        } else {
            self.text.put_u8(b',');
        }
        self.text.put_u8(b'(');
        if self.is_numbered {
            let _ = write!(self.text, "{},", self.sequence);
        }
        self.sequence += 1;
        for (number, (cell, is_numeric)) in TextCells::new(row).zip(&self.numeric).enumerate() {
            if number > 0 {
                self.text.put_u8(b',');
            }
            match cell.ok().flatten() {
                None => self.text.put_slice(b"NULL"),
                Some(number) if *is_numeric => self.text.put_slice(number),
                Some(bytes) => put_hex(bytes, &mut self.text),
            }
        }
        self.text.put_u8(b')');
    }
}

/// Bytes as they are stored, whatever the character set of the session.
fn put_hex(bytes: &[u8], text: &mut BytesMut) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.put_slice(b"X'");
    for byte in bytes {
        let pair = [byte >> 4, byte & 15]
            .map(|digit| DIGITS.get(usize::from(digit)).copied().unwrap_or(b'0'));
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

/// Runs a statement and takes its whole result over.
pub async fn take_over(
    connection: &mut ClientConnection,
    statement: &str,
    format: Format,
    mut rows: Rows,
) -> Result<Held, ExchangeError> {
    let mut prepared = None;
    let response = match format {
        Format::Text => connection.query(statement.as_bytes()).await?,
        Format::Binary => {
            let statement = prepared.insert(connection.prepare(statement.as_bytes()).await?);
            connection.execute(statement, &[]).await?
        }
    };
    let Response::Rows(columns) = response else {
        return Err(ExchangeError::Columns {
            given: 0,
            wanted: 1,
        });
    };
    let end = loop {
        let next = match connection.buffered_row()? {
            Some(next) => next,
            None => connection.next_row().await?,
        };
        match next {
            Next::Row(row) => {
                if rows.push(&row) {
                    rows.settle().await?;
                }
            }
            Next::End(end) => break end,
        }
    };
    rows.settle().await?;
    let warnings = Warnings::fetch(connection, end.warnings).await?;
    if let Some(message) = warnings.message(TOO_LONG) {
        return Err(ExchangeError::TooLong(message.to_owned()));
    }
    if let Some(prepared) = prepared {
        connection.close_statement(prepared).await?;
    }
    Ok(Held {
        columns: columns.into(),
        rows,
        warnings,
    })
}

#[cfg(test)]
mod tests {
    use orrery_wire::value::encode_text_row;

    use super::*;

    fn text(mut loader: Loader) -> String {
        let columns = [
            ColumnDef::expression("p0", ColumnType::MYSQL_TYPE_DOUBLE, 20),
            ColumnDef::text("p1", 8, 20),
        ];
        loader.begin(&columns).unwrap();
        for (number, text) in [(Some("1e300"), Some("a'\\")), (None, None)] {
            let mut row = BytesMut::new();
            encode_text_row(
                &mut row,
                [number.map(str::as_bytes), text.map(str::as_bytes)],
            );
            loader.push(&row);
        }
        assert!(loader.begin(&columns[..1]).is_err());
        String::from_utf8(loader.text.to_vec()).unwrap()
    }

    #[test]
    fn numbers_are_written_as_literals_and_bytes_as_stored() {
        let loader = || Loader::new("INSERT INTO t VALUES ".to_owned(), 2);
        assert_eq!(
            text(loader()),
            "INSERT INTO t VALUES (1e300,X'61275c'),(NULL,NULL)"
        );
        assert_eq!(
            text(loader().numbered()),
            "INSERT INTO t VALUES (0,1e300,X'61275c'),(1,NULL,NULL)"
        );
    }
}
