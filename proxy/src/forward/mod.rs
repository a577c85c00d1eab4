//! Sending a statement to a czar and its rows to the client.
//!
//! Rows are not decoded. Up to a megabyte they are held until the answer is complete, so that a czar that dies before costs a
//! second run and nothing else; a longer answer streams, with the client's speed as the czar's speed. While a statement is under way
//! the caller's `interrupt` (kill, disconnect, time over) is watched at every point of waiting, and stops it at the czar.

mod begin;
mod overlay;
mod stream;
mod warnings;

use std::future::Future;
use std::pin::Pin;

use orrery_wire::command::QueryAttribute;
use orrery_wire::reply::decode_tracked_variables;
use orrery_wire::server::ResponseWriter;
use orrery_wire::{ColumnDef, OkPacket, RawColumns, ServerError, StatusFlags, WireError};

pub use overlay::{Known, Overlay};

use crate::czars::{Czars, Lease};
use crate::metrics::Metrics;
use crate::session::Diagnostic;
use begin::{Begun, begin_somewhere};
use stream::stream;
use warnings::warnings;

/// Name of the session variable in which czars report the dataEpoch of an answer.
const DATA_EPOCH: &str = "orrery_data_epoch";

/// Why a statement stops before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// The client closed its connection.
    ClientGone,
    /// Somebody killed the statement.
    Killed,
    /// It ran for longer than it may.
    TimeOver,
}

/// What to ask a czar.
pub struct Question<'a> {
    /// The statement, UTF-8.
    pub sql: &'a str,
    /// Attributes: whose it is and under which settings.
    pub attributes: Vec<QueryAttribute>,
    /// Account, for the kill.
    pub user: &'a str,
    /// Status flags of the session, for the client.
    pub status: StatusFlags,
    /// What to change in the rows.
    pub overlay: Overlay,
}

/// A statement that ended well.
#[derive(Debug, Default)]
pub struct Answered {
    /// Rows sent.
    pub rows: u64,
    /// Warnings, as the czar tells them.
    pub diagnostics: Vec<Diagnostic>,
    /// dataEpoch it was answered from.
    pub data_epoch: Option<u64>,
}

/// A statement that did not.
#[derive(Debug)]
pub enum Failure {
    /// The client is to be told.
    Tell(ServerError),
    /// It was stopped; the client's connection is in order.
    Interrupted(Interrupt),
    /// The client's connection is not in order any more: close it.
    Client(WireError),
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::Client(error)
    }
}

/// Asks a czar, another one if need be, and writes the answer.
pub async fn forward(
    czars: &Czars,
    question: &Question<'_>,
    mut interrupt: Pin<&mut impl Future<Output = Interrupt>>,
    writer: &mut ResponseWriter,
    metrics: &Metrics,
) -> Result<Answered, Failure> {
    let begun = begin_somewhere(czars, question, interrupt.as_mut(), metrics).await?;
    let Begun {
        mut lease,
        columns,
        held,
        end,
    } = begun;
    let Some(columns) = columns else {
        return finish_ok(question, lease, end.unwrap_or_default(), writer).await;
    };
    let raw_columns = columns;
    let columns = if question.overlay.is_none() {
        Vec::new()
    } else {
        decoded(&raw_columns)?
    };
    // From here on a failure of the czar can only be told.
    writer.start_result_raw(&raw_columns).await?;
    let mut rows = held.len() as u64;
    for row in &held {
        question.overlay.write(row, &columns, writer).await?;
    }
    let end = if let Some(end) = end {
        end
    } else {
        let streamed = stream(&mut lease, question, &columns, interrupt, writer, &mut rows).await;
        match streamed {
            Ok(end) => end,
            Err(stop) => return Err(stop.act(lease, question.user).await),
        }
    };
    let diagnostics = warnings(&mut lease, question, end.warnings).await;
    writer
        .finish_result(&OkPacket::with_status(question.status, end.warnings))
        .await?;
    Ok(Answered {
        rows,
        diagnostics,
        data_epoch: data_epoch(&end),
    })
}

/// Asks a czar for the columns of a statement only; nothing is written.
pub async fn columns(
    czars: &Czars,
    question: &Question<'_>,
    mut interrupt: Pin<&mut impl Future<Output = Interrupt>>,
    metrics: &Metrics,
) -> Result<Vec<ColumnDef>, Failure> {
    let begun = begin_somewhere(czars, question, interrupt.as_mut(), metrics).await?;
    let Begun {
        mut lease,
        columns,
        end,
        ..
    } = begun;
    if end.is_none() {
        // More than a megabyte of rows where none are expected: not worth reading.
        lease.distrust();
    }
    decoded(&columns.unwrap_or_default())
}

fn decoded(columns: &RawColumns) -> Result<Vec<ColumnDef>, Failure> {
    columns.decode().map_err(|error| {
        let message = format!("A czar's answer cannot be read: {error}");
        Failure::Tell(ServerError::new(1105, b"HY000", message))
    })
}

async fn finish_ok(
    question: &Question<'_>,
    mut lease: Lease,
    end: OkPacket,
    writer: &mut ResponseWriter,
) -> Result<Answered, Failure> {
    let diagnostics = warnings(&mut lease, question, end.warnings).await;
    let ok = OkPacket {
        affected_rows: end.affected_rows,
        info: end.info.clone(),
        ..OkPacket::with_status(question.status, end.warnings)
    };
    writer.write_ok(&ok).await?;
    Ok(Answered {
        rows: 0,
        diagnostics,
        data_epoch: data_epoch(&end),
    })
}

/// Does something unless interrupted first.
async fn guarded<T>(
    interrupt: Pin<&mut impl Future<Output = Interrupt>>,
    work: impl Future<Output = T>,
) -> Result<T, Interrupt> {
    tokio::select! {
        biased;
        // First, or a czar and a client that are both fast would never let it be seen.
        interrupt = interrupt => Err(interrupt),
        done = work => Ok(done),
    }
}

fn data_epoch(end: &OkPacket) -> Option<u64> {
    let variables = decode_tracked_variables(&end.session_state).ok()?;
    let (_, value) = variables.into_iter().find(|(name, _)| name == DATA_EPOCH)?;
    value.parse().ok()
}
