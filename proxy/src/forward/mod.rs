//! Sending a statement to a czar and its rows to the client.
//!
//! Rows are not decoded. Up to [`HOLD`] bytes they are held until the answer is complete, so that a czar that dies before costs a
//! second run and nothing else; a longer answer streams, with the client's speed as the czar's speed. While a statement is under way
//! the caller's `interrupt` (kill, disconnect, time over) is watched at every point of waiting, and stops it at the czar.

mod overlay;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use orrery_wire::client::{ClientError, Next, Response};
use orrery_wire::command::QueryAttribute;
use orrery_wire::reply::decode_tracked_variables;
use orrery_wire::server::ResponseWriter;
use orrery_wire::value::TextCells;
use orrery_wire::{ColumnDef, OkPacket, ServerError, StatusFlags, WireError};

pub use overlay::{Known, Overlay};

use crate::czars::{CzarError, Czars, Lease};
use crate::metrics::Metrics;
use crate::session::{Diagnostic, MAX_DIAGNOSTICS};

/// Bytes of rows held until the answer is complete.
const HOLD: usize = 1 << 20;
/// Czars tried for one statement.
const ATTEMPTS: usize = 3;
/// Pause before a czar that failed is tried again because there is no other.
const PAUSE: Duration = Duration::from_millis(200);
/// How long SHOW WARNINGS may take.
const WARNINGS_PATIENCE: Duration = Duration::from_secs(2);
/// Error number of a czar that has not yet seen the dataEpoch the session has seen: another one may have.
const BEHIND: u16 = 1297;
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

/// An answer of which nothing has been sent.
struct Begun {
    lease: Lease,
    /// `None`: an OK packet without rows.
    columns: Option<Vec<ColumnDef>>,
    held: Vec<Bytes>,
    /// The end, if it has come already.
    end: Option<OkPacket>,
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
    // From here on a failure of the czar can only be told.
    writer.start_result(&columns).await?;
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
    Ok(columns.unwrap_or_default())
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

/// Tries czars until one has begun to answer: with its whole answer, or with so much of it that holding it ends.
async fn begin_somewhere(
    czars: &Czars,
    question: &Question<'_>,
    mut interrupt: Pin<&mut impl Future<Output = Interrupt>>,
    metrics: &Metrics,
) -> Result<Begun, Failure> {
    let mut avoid: Vec<SocketAddr> = Vec::new();
    loop {
        let lease = guarded(interrupt.as_mut(), czars.lease(&avoid))
            .await
            .map_err(Failure::Interrupted)?;
        let (address, failed) = match lease {
            Ok(mut lease) => {
                let address = lease.address();
                match guarded(interrupt.as_mut(), begin(&mut lease, question)).await {
                    Err(interrupt) => {
                        lease.cancel(question.user).await;
                        return Err(Failure::Interrupted(interrupt));
                    }
                    Ok(Ok((columns, held, end))) => {
                        return Ok(Begun {
                            lease,
                            columns,
                            held,
                            end,
                        });
                    }
                    Ok(Err(ClientError::Server(error))) if error.code == BEHIND => {
                        (address, error.to_string())
                    }
                    Ok(Err(ClientError::Server(error))) if !is_czars_trouble(&error) => {
                        return Err(Failure::Tell(error));
                    }
                    Ok(Err(error)) => {
                        lease.distrust();
                        (address, error.to_string())
                    }
                }
            }
            Err(CzarError::Unreachable { address, source }) => (address, source.to_string()),
            Err(error) => return Err(Failure::Tell(no_czar(&error.to_string()))),
        };
        tracing::warn!(czar = %address, error = %failed, attempt = avoid.len() + 1, "czar failed before the first row");
        metrics.czar_failures.inc();
        let again = avoid.contains(&address);
        avoid.push(address);
        if avoid.len() >= ATTEMPTS {
            return Err(Failure::Tell(no_czar(&failed)));
        }
        if again {
            let pause = tokio::time::sleep(PAUSE);
            guarded(interrupt.as_mut(), pause)
                .await
                .map_err(Failure::Interrupted)?;
        }
    }
}

/// Sends the statement and reads up to [`HOLD`] bytes of its answer.
async fn begin(
    lease: &mut Lease,
    question: &Question<'_>,
) -> Result<(Option<Vec<ColumnDef>>, Vec<Bytes>, Option<OkPacket>), ClientError> {
    let connection = lease.connection()?;
    let response = connection
        .query_with_attributes(question.sql.as_bytes(), &question.attributes)
        .await?;
    let columns = match response {
        Response::Ok(ok) => return Ok((None, Vec::new(), Some(ok))),
        Response::Rows(columns) => columns,
    };
    let (mut held, mut size) = (Vec::new(), 0);
    while size < HOLD {
        match connection.next_row().await? {
            Next::Row(row) => {
                size += row.len();
                held.push(row);
            }
            Next::End(end) => return Ok((Some(columns), held, Some(end))),
        }
    }
    Ok((Some(columns), held, None))
}

/// Why streaming ended early.
enum Stop {
    /// While nothing of a packet to the client was outstanding.
    Between(Interrupt),
    /// While the client was not taking what was sent.
    Writing,
    Czar(ClientError),
    Client(WireError),
}

impl From<WireError> for Stop {
    fn from(error: WireError) -> Self {
        Self::Client(error)
    }
}

impl Stop {
    /// Stops the statement at the czar and says what the client is to be told.
    async fn act(self, mut lease: Lease, user: &str) -> Failure {
        match self {
            Self::Between(interrupt) => {
                lease.cancel(user).await;
                Failure::Interrupted(interrupt)
            }
            Self::Writing => {
                lease.cancel(user).await;
                Failure::Client(WireError::Closed)
            }
            Self::Client(error) => {
                lease.cancel(user).await;
                Failure::Client(error)
            }
            Self::Czar(ClientError::Server(error)) => Failure::Tell(error),
            Self::Czar(error) => {
                let address = lease.address();
                lease.distrust();
                tracing::warn!(czar = %address, %error, "czar failed in the middle of an answer");
                Failure::Tell(ServerError::new(
                    1105,
                    b"HY000",
                    "The server that made this answer went away in the middle of it; run the statement again",
                ))
            }
        }
    }
}

/// Passes rows on until the end.
async fn stream(
    lease: &mut Lease,
    question: &Question<'_>,
    columns: &[ColumnDef],
    mut interrupt: Pin<&mut impl Future<Output = Interrupt>>,
    writer: &mut ResponseWriter,
    rows: &mut u64,
) -> Result<OkPacket, Stop> {
    let connection = lease.connection().map_err(Stop::Czar)?;
    loop {
        while let Some(next) = connection.buffered_row().map_err(Stop::Czar)? {
            let row = match next {
                Next::Row(row) => row,
                Next::End(end) => return Ok(end),
            };
            *rows += 1;
            if question.overlay.is_none() && writer.try_write_row_raw(&row) {
                continue;
            }
            let written = guarded(interrupt.as_mut(), question.overlay.write(&row, columns, writer)).await;
            written.map_err(|_| Stop::Writing)??;
        }
        guarded(interrupt.as_mut(), writer.flush())
            .await
            .map_err(|_| Stop::Writing)??;
        let next = guarded(interrupt.as_mut(), connection.next_row())
            .await
            .map_err(Stop::Between)?;
        match next.map_err(Stop::Czar)? {
            Next::Row(row) => {
                *rows += 1;
                let written =
                    guarded(interrupt.as_mut(), question.overlay.write(&row, columns, writer)).await;
                written.map_err(|_| Stop::Writing)??;
            }
            Next::End(end) => return Ok(end),
        }
    }
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

/// Errors that say something about the czar's process, not about the statement: shutdown, killed connection, too many connections.
fn is_czars_trouble(error: &ServerError) -> bool {
    matches!(error.code, 1053 | 1040 | 1927 | 1152 | 1158..=1161)
}

fn no_czar(why: &str) -> ServerError {
    ServerError::new(1105, b"HY000", format!("No czar can answer now: {why}"))
}

/// The texts of warnings, asked for on the same connection before anybody else uses it.
async fn warnings(lease: &mut Lease, question: &Question<'_>, count: u16) -> Vec<Diagnostic> {
    if count == 0 {
        return Vec::new();
    }
    match tokio::time::timeout(WARNINGS_PATIENCE, fetch_warnings(lease, question)).await {
        Ok(Ok(warnings)) => warnings,
        Ok(Err(error)) => {
            tracing::debug!(%error, "warnings not fetched");
            Vec::new()
        }
        Err(_) => {
            lease.distrust();
            Vec::new()
        }
    }
}

async fn fetch_warnings(lease: &mut Lease, question: &Question<'_>) -> Result<Vec<Diagnostic>, ClientError> {
    let connection = lease.connection()?;
    let attributes: Vec<_> = question
        .attributes
        .iter()
        .filter(|attribute| !matches!(attribute.name.as_str(), "orrery.format" | "orrery.prepare"))
        .cloned()
        .collect();
    let mut found = Vec::new();
    if let Response::Rows(_) = connection
        .query_with_attributes(b"SHOW WARNINGS", &attributes)
        .await?
    {
        while let Next::Row(row) = connection.next_row().await? {
            let mut cells = TextCells::new(&row).map_while(Result::ok);
            let mut next = || {
                cells
                    .next()
                    .flatten()
                    .map(|cell| String::from_utf8_lossy(cell).into_owned())
            };
            if let (Some(level), Some(code), Some(message), true) =
                (next(), next(), next(), found.len() < MAX_DIAGNOSTICS)
            {
                found.push(Diagnostic {
                    level,
                    code: code.parse().unwrap_or_default(),
                    message,
                });
            }
        }
    }
    Ok(found)
}

fn data_epoch(end: &OkPacket) -> Option<u64> {
    let variables = decode_tracked_variables(&end.session_state).ok()?;
    let (_, value) = variables.into_iter().find(|(name, _)| name == DATA_EPOCH)?;
    value.parse().ok()
}
