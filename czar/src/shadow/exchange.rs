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
use orrery_wire::{ColumnDef, Format, load_data};
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
/// Bytes of rows in a statement.
const LOAD_BYTES: usize = 1 << 20;

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

/// Writes rows into one table, by statements of about a megabyte: `LOAD DATA` takes half the time of
/// `INSERT`, and parses no SQL.
pub struct Loader {
    statement: String,
    wanted: usize,
    is_numbered: bool,
    sequence: u64,
    text: BytesMut,
}

impl Loader {
    /// A loader of rows with so many columns into a table, by its quoted name. `columns` lists the
    /// table's columns in the order of the rows, in parentheses; empty: all, in the table's order.
    pub fn new(table: &str, columns: &str, wanted: usize) -> Self {
        Self {
            statement: format!(
                "LOAD DATA LOCAL INFILE 'rows' INTO TABLE {table} {} {columns}",
                load_data::FORMAT
            ),
            wanted,
            is_numbered: false,
            sequence: 0,
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
        self.check(&done.columns)?;
        while let Some(piece) = done.rows.next().await.map_err(ExchangeError::from)? {
            count(piece.rows().map(|row| STORED_ROW + row.len() as u64).sum())?;
            for row in piece {
                self.push(&row)?;
                if self.text.len() >= LOAD_BYTES {
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
        let loaded = connection
            .load_local(self.statement.as_bytes(), &self.text)
            .await;
        self.text.clear();
        let ok = match loaded {
            Err(ClientError::Server(error)) if CHANGED.contains(&error.code) => {
                return Err(ExchangeError::Changed(error.message));
            }
            loaded => loaded?,
        };
        if ok.warnings == 0 {
            return Ok(());
        }
        let warnings = Warnings::fetch(connection, ok.warnings).await?;
        let said = warnings.listed().first().map_or_else(
            || "a warning without a text".to_owned(),
            |first| first.message.clone(),
        );
        Err(ExchangeError::Changed(said))
    }

    /// Whether the rows that follow have the columns of the table.
    fn check(&self, columns: &[ColumnDef]) -> Result<(), ExchangeError> {
        if columns.len() != self.wanted && !columns.is_empty() {
            return Err(ExchangeError::Columns {
                given: columns.len(),
                wanted: self.wanted,
            });
        }
        Ok(())
    }

    fn push(&mut self, row: &[u8]) -> Result<(), ExchangeError> {
        if self.is_numbered {
            let _ = write!(self.text, "{}\t", self.sequence);
        }
        self.sequence += 1;
        for (number, cell) in TextCells::new(row).enumerate() {
            if number > 0 {
                self.text.put_u8(b'\t');
            }
            match cell.map_err(ClientError::from)? {
                None => self.text.put_slice(load_data::NULL),
                Some(bytes) => load_data::escape(bytes, &mut self.text),
            }
        }
        self.text.put_u8(b'\n');
        Ok(())
    }
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
    use orrery_wire::ColumnType;
    use orrery_wire::value::encode_text_row;

    use super::*;

    fn text(mut loader: Loader) -> String {
        let columns = [
            ColumnDef::expression("p0", ColumnType::MYSQL_TYPE_DOUBLE, 20),
            ColumnDef::text("p1", 8, 20),
        ];
        loader.check(&columns).unwrap();
        for (number, text) in [(Some("1e300"), Some("a'\\")), (None, None)] {
            let mut row = BytesMut::new();
            encode_text_row(
                &mut row,
                [number.map(str::as_bytes), text.map(str::as_bytes)],
            );
            loader.push(&row).unwrap();
        }
        assert!(loader.check(&columns[..1]).is_err());
        String::from_utf8(loader.text.to_vec()).unwrap()
    }

    #[test]
    fn rows_are_written_as_load_data_takes_them() {
        let loader = || Loader::new("t", "", 2);
        assert_eq!(text(loader()), "1e300\ta'\\\\\n\\N\t\\N\n");
        assert_eq!(text(loader().numbered()), "0\t1e300\ta'\\\\\n1\t\\N\t\\N\n");
    }
}
