//! From the beginning of a czar's answer to the end of the client's.

use std::future::Future;
use std::pin::Pin;

use orrery_czar_protocol::answer;
use orrery_wire::server::ResponseWriter;
use orrery_wire::{ColumnDef, OkPacket, WireError, errors};

use super::begin::{Begun, Rows, begin_somewhere};
use super::interrupt::Interrupt;
use super::statement::{Answered, Failure, Forwarded};
use super::stream::{Stop, stream};
use super::warnings::warnings;
use crate::czars::{Czars, PooledConnection};
use crate::metrics::Metrics;

/// Asks a czar, another one if need be, and writes the answer. `rows` counts the rows sent, also of
/// an answer that ends early.
pub async fn forward(
    czars: &Czars,
    statement: &Forwarded<'_>,
    mut interrupt: Pin<&mut impl Future<Output = Interrupt>>,
    writer: &mut ResponseWriter,
    rows: &mut u64,
    metrics: &Metrics,
) -> Result<Answered, Failure> {
    let Rows {
        mut czar,
        columns: raw_columns,
        held,
        end,
    } = match begin_somewhere(czars, statement, interrupt.as_mut(), metrics).await? {
        Begun::Ok(czar, end) => return finish_ok(statement, czar, &end, writer).await,
        Begun::Rows(rows) => rows,
    };
    let columns = if statement.overlay.is_none() {
        Vec::new()
    } else {
        raw_columns.decode().map_err(|error| unreadable(&error))?
    };
    // From here on a failure of the czar can only be told.
    *rows = held.len() as u64;
    let begin = async {
        writer.start_result_raw(&raw_columns).await?;
        for row in &held {
            statement.overlay.write(row, &columns, writer).await?;
        }
        Ok::<(), WireError>(())
    };
    let written = match (write(begin, interrupt.as_mut()).await, end) {
        (Ok(()), None) => stream(&mut czar, statement, &columns, interrupt, writer, rows).await,
        (Ok(()), Some(end)) => Ok(end),
        (Err(stop), _) => Err(stop),
    };
    let end = match written {
        Ok(end) => end,
        Err(stop) => return Err(stop.act(czar).await),
    };
    let answered = ended(&mut czar, &end).await?;
    writer
        .finish_result(&OkPacket::with_status(statement.status, end.warnings))
        .await?;
    Ok(answered)
}

/// Writes to the client, unless it is interrupted while it waits for the client.
async fn write(
    begin: impl Future<Output = Result<(), WireError>>,
    interrupt: Pin<&mut impl Future<Output = Interrupt>>,
) -> Result<(), Stop> {
    tokio::select! {
        biased;
        // First: what needs no waiting is written whatever has happened meanwhile.
        written = begin => written.map_err(Stop::Client),
        // A packet may have been cut in the middle: the connection is lost.
        _ = interrupt => Err(Stop::Writing),
    }
}

/// Asks a czar for the columns of a statement only; nothing is written.
pub async fn columns(
    czars: &Czars,
    statement: &Forwarded<'_>,
    mut interrupt: Pin<&mut impl Future<Output = Interrupt>>,
    metrics: &Metrics,
) -> Result<Vec<ColumnDef>, Failure> {
    match begin_somewhere(czars, statement, interrupt.as_mut(), metrics).await? {
        Begun::Ok(..) => Ok(Vec::new()),
        Begun::Rows(mut rows) => {
            if rows.end.is_none() {
                // More than a megabyte of rows where none are expected: not worth reading.
                rows.czar.distrust();
            }
            rows.columns.decode().map_err(|error| unreadable(&error))
        }
    }
}

async fn finish_ok(
    statement: &Forwarded<'_>,
    mut czar: PooledConnection,
    end: &OkPacket,
    writer: &mut ResponseWriter,
) -> Result<Answered, Failure> {
    let answered = ended(&mut czar, end).await?;
    let ok = OkPacket {
        affected_rows: end.affected_rows,
        info: end.info.clone(),
        ..OkPacket::with_status(statement.status, end.warnings)
    };
    writer.write_ok(&ok).await?;
    Ok(answered)
}

/// What is learnt from the last packet of an answer.
async fn ended(czar: &mut PooledConnection, end: &OkPacket) -> Result<Answered, Failure> {
    // Without it the client's next answer could be older than this one.
    let data_epoch = answer::data_epoch(end).map_err(|error| unreadable(&error))?;
    Ok(Answered {
        diagnostics: warnings(czar, end.warnings).await,
        data_epoch,
    })
}

fn unreadable(error: &WireError) -> Failure {
    Failure::Error(errors::UNKNOWN_ERROR.error(format!("A czar's answer cannot be read: {error}")))
}
