//! An answer on its way to the client: columns, then pieces of rows.

use std::sync::Arc;

use orrery_plan::{Plan, RowRange};
use orrery_snapshot::lease::InUseGuard;
use orrery_wire::client::{ClientError, Next, Prepared};
use orrery_wire::{ColumnDef, Format, errors};

use super::error::{StatementError, client_error};
use crate::backend::PooledConnection;
use crate::dispatch::{Done, Tasks};
use crate::encode::Encoder;
use crate::shadow::{Held, Listing, TOO_LONG};
use crate::spool::{PieceBuilder, RowPiece, Rows};
use crate::warnings::{Met, OfParts, Raised, Warnings};

/// How a statement is answered.
pub struct Answer {
    /// Columns; empty when there is no result set.
    pub columns: Arc<[ColumnDef]>,
    /// dataEpoch the answer was made with.
    pub data_epoch: u64,
    source: Source,
    format: Format,
    range: RowRange,
    warnings: Met,
    /// Keeps the answer's epochs in use.
    in_use: Option<InUseGuard>,
}

/// Where rows come from.
pub enum Source {
    /// Rows already made.
    Ready(Option<RowPiece>),
    /// Tasks whose rows are the answer.
    Tasks(Box<Tasks>, Option<Box<Done>>),
    /// The shadow server executed the user's statement.
    Shadow(Box<Forwarded>),
    /// A result of the shadow server, taken over.
    Held(Box<Held>),
}

/// A result set of the shadow server being passed on.
pub struct Forwarded {
    /// The connection.
    pub lease: PooledConnection,
    /// Statement to close afterwards.
    pub prepared: Option<Prepared>,
    /// Whether the last row has been read.
    pub is_over: bool,
    /// It may list tables.
    pub listing: Listing,
    /// Those of the statement, once it is over.
    pub warnings: Warnings,
}

impl Answer {
    /// An answer from `source`, in the protocol the client wants.
    pub fn new(columns: Arc<[ColumnDef]>, data_epoch: u64, source: Source, format: Format) -> Self {
        Self {
            columns,
            data_epoch,
            source,
            format,
            range: RowRange::default(),
            warnings: Met::default(),
            in_use: None,
        }
    }

    /// Only these rows of the source.
    #[must_use]
    pub fn within(mut self, range: RowRange) -> Self {
        self.range = range;
        self
    }

    /// Made of what parts of the plan computed, whose warnings these are as far as they are known.
    #[must_use]
    pub fn in_parts(mut self, plan: Arc<Plan>, parts: OfParts) -> Self {
        self.warnings.raised = Raised::InParts(plan);
        self.warnings.parts = parts;
        self
    }

    /// Made from rows that were fetched with these warnings.
    #[must_use]
    pub fn fetched_with(mut self, warnings: OfParts) -> Self {
        self.warnings.raised = Raised::Twice;
        self.warnings.parts = warnings;
        self
    }

    /// The warnings of the statement, once its rows are read.
    pub fn take_warnings(&mut self) -> Warnings {
        std::mem::take(&mut self.warnings).whole()
    }

    /// Keeps the epochs in use while the answer lives.
    #[must_use]
    pub fn keeping(mut self, guard: InUseGuard) -> Self {
        self.in_use = Some(guard);
        self
    }

    /// The next rows; `None` after the last. Once it was given `None` or an error it must not be
    /// asked again.
    pub async fn next(&mut self) -> Result<Option<RowPiece>, StatementError> {
        loop {
            if self.range.count == Some(0) {
                return Ok(None);
            }
            let Some(piece) = self.next_of_source().await? else {
                return Ok(None);
            };
            if let Some(piece) = cut(piece, &mut self.range) {
                return Ok(Some(piece));
            }
        }
    }

    async fn next_of_source(&mut self) -> Result<Option<RowPiece>, StatementError> {
        match &mut self.source {
            Source::Ready(piece) => Ok(piece.take()),
            Source::Tasks(tasks, reading) => {
                let parts = &mut self.warnings.parts;
                next_of_tasks(tasks, reading, &self.columns, self.format, parts).await
            }
            Source::Shadow(forwarded) => {
                let piece = next_forwarded(forwarded).await?;
                self.warnings
                    .own
                    .add(std::mem::take(&mut forwarded.warnings));
                Ok(piece)
            }
            Source::Held(held) => {
                self.warnings.own.add(std::mem::take(&mut held.warnings));
                next_rows(&mut held.rows, &held.columns, &self.columns, self.format).await
            }
        }
    }
}

async fn next_of_tasks(
    tasks: &mut Tasks,
    reading: &mut Option<Box<Done>>,
    columns: &[ColumnDef],
    format: Format,
    warnings: &mut OfParts,
) -> Result<Option<RowPiece>, StatementError> {
    loop {
        let Some(done) = reading else {
            match tasks.next().await? {
                None => return Ok(None),
                Some(mut done) => {
                    warnings.add(done.unit, std::mem::take(&mut done.warnings));
                    *reading = Some(Box::new(done));
                }
            }
            continue;
        };
        match next_rows(&mut done.rows, &done.columns, columns, format).await? {
            Some(piece) => return Ok(Some(piece)),
            None => *reading = None,
        }
    }
}

/// The next of `rows`, which have the columns `given`, as rows of `columns`.
async fn next_rows(
    rows: &mut Rows,
    given: &[ColumnDef],
    columns: &[ColumnDef],
    format: Format,
) -> Result<Option<RowPiece>, StatementError> {
    loop {
        let Some(piece) = rows.next().await? else {
            return Ok(None);
        };
        let mut encoder = Encoder::new(given, columns, format)?;
        if encoder.is_raw() {
            return Ok(Some(piece));
        }
        let mut converted = PieceBuilder::default();
        for row in piece {
            converted.push(|out| encoder.encode(&row, out))?;
        }
        if let Some(piece) = converted.take() {
            return Ok(Some(piece));
        }
    }
}

async fn next_forwarded(forwarded: &mut Forwarded) -> Result<Option<RowPiece>, StatementError> {
    match read_forwarded(forwarded).await.map_err(client_error)? {
        Read::Rows(piece) => Ok(piece),
        Read::TooLong(message) => Err(StatementError::refused(errors::PACKET_TOO_LARGE, message)),
    }
}

/// What came of reading.
enum Read {
    Rows(Option<RowPiece>),
    /// A function's value was longer than a packet and became NULL, which a client could not tell
    /// from an answer.
    TooLong(String),
}

async fn read_forwarded(forwarded: &mut Forwarded) -> Result<Read, ClientError> {
    if forwarded.is_over {
        return Ok(Read::Rows(None));
    }
    let connection = forwarded.lease.connection()?;
    let mut piece = PieceBuilder::default();
    while !piece.is_full() {
        let next = match connection.buffered_row()? {
            Some(next) => next,
            None => connection.next_row().await?,
        };
        match next {
            Next::Row(row) => piece.push_row(&row),
            Next::End(end) => {
                forwarded.is_over = true;
                forwarded.warnings = Warnings::fetch(connection, end.warnings).await?;
                if let Some(message) = forwarded.warnings.message(TOO_LONG) {
                    return Ok(Read::TooLong(message.to_owned()));
                }
                if let Some(prepared) = forwarded.prepared.take() {
                    connection.close_statement(prepared).await?;
                }
                break;
            }
        }
    }
    Ok(Read::Rows(piece.take()))
}

/// The rows of a piece that lie in the range, which is narrowed by what went past; `None` when none
/// does.
fn cut(piece: RowPiece, range: &mut RowRange) -> Option<RowPiece> {
    if *range == RowRange::default() {
        return Some(piece);
    }
    let mut kept = PieceBuilder::default();
    for row in piece {
        if range.offset > 0 {
            range.offset -= 1;
            continue;
        }
        match &mut range.count {
            Some(0) => break,
            Some(count) => *count -= 1,
            None => {}
        }
        kept.push_row(&row);
    }
    kept.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(rows: &[&str]) -> RowPiece {
        let mut builder = PieceBuilder::default();
        for row in rows {
            builder.push_row(row.as_bytes());
        }
        builder.take().unwrap()
    }

    #[test]
    fn a_limit_counts_over_pieces() {
        let mut range = RowRange {
            offset: 3,
            count: Some(2),
        };
        assert!(cut(piece(&["a", "b"]), &mut range).is_none());
        let rows: Vec<_> = cut(piece(&["c", "d"]), &mut range).unwrap().collect();
        assert_eq!(rows, ["d"]);
        let rows: Vec<_> = cut(piece(&["e", "f"]), &mut range).unwrap().collect();
        assert_eq!(rows, ["e"]);
        assert_eq!(range.count, Some(0));
    }
}
