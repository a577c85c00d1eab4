//! Merging in the shadow server: partial rows go into a temporary table, the plan's merging
//! statement reads it.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use orrery_plan::ShadowMerge;
use orrery_wire::client::{ClientConnection, ClientError, Next, Response};
use orrery_wire::value::TextCells;
use orrery_wire::{ColumnDef, ColumnType, Format, ServerError};
use thiserror::Error;

use crate::backend::SessionSettings;
use crate::dispatch::Done;
use crate::shadow::{ShadowError, ShadowServer};
use crate::spool::{Budget, Rows, SpoolError};

/// Name of the temporary table; each session has its own.
const TABLE: &str = "`orrery_merge`.`partial`";
/// Mode of the load: every value is stored as it came, or not at all. Dates are what the archive
/// holds, valid or not.
const LOAD_MODE: &str = "SET sql_mode='STRICT_ALL_TABLES,ALLOW_INVALID_DATES', sql_notes=1";
/// Errors of values that do not fit: out of range, cut, no such date or number, no such characters,
/// too long.
const CHANGED: [u16; 5] = [1264, 1265, 1292, 1366, 1406];
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
    /// The temporary table holds something else than what came.
    #[error(
        "a partial result cannot be carried exactly ({0}); select the rows and compute from them, or round less"
    )]
    Changed(String),
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
        Self::Shadow(match error {
            // The temporary table is none of the user's.
            ClientError::Server(error) => ClientError::Server(ServerError {
                message: error.message.replace(&format!("{TABLE}."), ""),
                ..error
            })
            .into(),
            other => other.into(),
        })
    }
}

/// A merged result, held by the czar: no connection of the shadow server waits for whoever reads
/// it.
pub struct Merged {
    /// Columns of the merging statement.
    pub columns: Arc<[ColumnDef]>,
    /// Its rows.
    pub rows: Rows,
}

/// Loads partial rows, in the order given, runs the merging statement and takes its rows over.
pub async fn merge_in_shadow(
    shadow: &ShadowServer,
    merge: &ShadowMerge,
    partial: Vec<Done>,
    settings: &Arc<SessionSettings>,
    format: Format,
    budget: Arc<Budget>,
) -> Result<Merged, ServerMergeError> {
    let mut lease = shadow.merge_session(settings).await?;
    // Until the temporary table is gone the connection serves no other statement.
    lease.spoil();
    let connection = lease.connection()?;
    connection.run(merge.create_sql(TABLE).as_bytes()).await?;
    connection.run(LOAD_MODE.as_bytes()).await?;
    load(connection, merge.partial_columns, partial).await?;
    connection.run(settings.set_statement().as_bytes()).await?;
    let merged = run(
        connection,
        &merge.merge_sql(TABLE),
        format,
        Rows::new(budget),
    )
    .await?;
    connection
        .run(format!("DROP TEMPORARY TABLE {TABLE}").as_bytes())
        .await?;
    lease.unspoil();
    Ok(merged)
}

/// Fills the temporary table.
async fn load(
    connection: &mut ClientConnection,
    columns: usize,
    partial: Vec<Done>,
) -> Result<(), ServerMergeError> {
    let mut loader = Loader::new(columns);
    for mut done in partial {
        loader.begin(&done.columns)?;
        while let Some(piece) = done.rows.next().await? {
            for row in piece {
                loader.push(&row);
                if loader.text.len() >= INSERT_BYTES {
                    insert(connection, &loader.take()).await?;
                }
            }
        }
    }
    if loader.text.is_empty() {
        return Ok(());
    }
    insert(connection, &loader.take()).await
}

/// Inserts rows; a value that is not stored as it came is an error.
async fn insert(
    connection: &mut ClientConnection,
    statement: &[u8],
) -> Result<(), ServerMergeError> {
    let response = match connection.query(statement).await {
        Err(ClientError::Server(error)) if CHANGED.contains(&error.code) => {
            return Err(ServerMergeError::Changed(error.message));
        }
        response => response?,
    };
    match response {
        Response::Ok(ok) if ok.warnings == 0 => Ok(()),
        Response::Ok(_) => {
            let (_, rows) = connection.query_all(b"SHOW WARNINGS").await?;
            let message = rows
                .first()
                .and_then(|row| TextCells::new(row).nth(2)?.ok()?);
            let said = message.map_or_else(
                || "a warning without a text".to_owned(),
                |message| String::from_utf8_lossy(message).into_owned(),
            );
            Err(ServerMergeError::Changed(said))
        }
        Response::Rows(_) => Err(ServerMergeError::Changed("rows instead of OK".to_owned())),
    }
}

async fn run(
    connection: &mut ClientConnection,
    statement: &str,
    format: Format,
    mut rows: Rows,
) -> Result<Merged, ServerMergeError> {
    let mut prepared = None;
    let response = match format {
        Format::Text => connection.query(statement.as_bytes()).await?,
        Format::Binary => {
            let statement = prepared.insert(connection.prepare(statement.as_bytes()).await?);
            connection.execute(statement, &[]).await?
        }
    };
    let Response::Rows(columns) = response else {
        return Err(ServerMergeError::Columns {
            given: 0,
            wanted: 1,
        });
    };
    loop {
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
            Next::End(_) => break,
        }
    }
    rows.settle().await?;
    if let Some(prepared) = prepared {
        connection.close_statement(prepared).await?;
    }
    Ok(Merged {
        columns: columns.into(),
        rows,
    })
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
            encode_text_row(
                &mut row,
                [number.map(str::as_bytes), text.map(str::as_bytes)],
            );
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
