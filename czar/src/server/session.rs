//! One connection of a proxy: a loop of commands, each answered whole before the next is read.
//!
//! Keeps true: a statement ends everywhere when its client goes, when it is killed, and when its
//! time is over; the connection is usable afterwards unless a row was cut in the middle.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use orrery_czar_protocol::answer::{self, data_epoch_state};
use orrery_plan::statement::{Statement, classify};
use orrery_wire::command::{Command, QueryAttribute};
use orrery_wire::server::{DisconnectWatch, ResponseWriter, ServerConnection};
use orrery_wire::{ColumnDef, OkPacket, ServerError, WireError, errors};
use tokio_util::sync::CancellationToken;

use super::{Registry, Request};
use crate::backend::SessionSettings;
use crate::engine::{Answer, Engine};
use crate::metrics::Metrics;
use crate::spool::RowPiece;
use crate::warnings::Warnings;

/// How long a killed statement may keep writing to a client that does not read before its
/// connection is closed.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// utf8mb4_general_ci.
const UTF8MB4: u16 = 45;

/// What sessions share.
pub struct Shared {
    /// Answers statements.
    pub engine: Engine,
    /// Running statements.
    pub registry: Registry,
    /// Counters.
    pub metrics: Metrics,
    /// Cancelled when the czar is to stop: statements are refused from then on, in the way that
    /// sends proxies to another czar.
    pub stopping: CancellationToken,
    /// Cancelled when statements that still run are to end.
    pub cut: CancellationToken,
}

/// Why an answer was not finished.
enum Stop {
    /// The client gets this error.
    Error(ServerError),
    /// The connection cannot be used any more.
    Gone(WireError),
}

impl From<WireError> for Stop {
    fn from(error: WireError) -> Self {
        Self::Gone(error)
    }
}

/// Serves commands until the proxy goes or its connection is killed.
pub async fn serve(
    shared: &Shared,
    connection: &mut ServerConnection,
    id: u32,
    killed: CancellationToken,
) -> Result<(), WireError> {
    let mut settings = Arc::new(SessionSettings::default());
    let mut warnings = Warnings::default();
    loop {
        let command = tokio::select! {
            command = connection.read_command() => command?,
            () = killed.cancelled() => return Ok(()),
        };
        match command {
            Command::Quit => return Ok(()),
            Command::Ping
            | Command::ResetConnection
            | Command::InitDb(_)
            | Command::SetOption { .. } => {
                connection.writer().write_ok(&OkPacket::success()).await?;
            }
            Command::Query { sql, .. } if sql == answer::WARNINGS => {
                show(&warnings, connection.writer()).await?;
            }
            Command::Query { sql, attributes } => {
                warnings = query(shared, connection, id, sql, &attributes, &mut settings).await?;
            }
            Command::ProcessKill { connection: target } => {
                let answer = kill(&shared.registry, target, false);
                reply(connection.writer(), answer).await?;
            }
            other => {
                let refusal = other.refusal().unwrap_or_else(errors::unknown_command);
                connection.writer().write_err(&refusal).await?;
            }
        }
    }
}

async fn query(
    shared: &Shared,
    connection: &mut ServerConnection,
    id: u32,
    sql: Bytes,
    attributes: &[QueryAttribute],
    settings: &mut Arc<SessionSettings>,
) -> Result<Warnings, WireError> {
    // A kill carries no user: it speaks of a connection of the same proxy account.
    if let Some((target, query_only)) = as_kill(&sql) {
        let answer = kill(&shared.registry, target, query_only);
        reply(connection.writer(), answer).await?;
        return Ok(Warnings::default());
    }
    if shared.stopping.is_cancelled() {
        let error = errors::SERVER_SHUTDOWN.error("Server shutdown in progress");
        connection.writer().write_err(&error).await?;
        return Ok(Warnings::default());
    }
    let request = match Request::new(sql, attributes, settings) {
        Ok(request) => request,
        Err(error) => {
            connection.writer().write_err(&error).await?;
            return Ok(Warnings::default());
        }
    };
    *settings = request.settings.clone();
    let timer = shared.metrics.begin();
    let cancel = shared.registry.begin(id);
    let (watch, writer) = connection.split();
    let outcome = answer(shared, &request, watch, writer, &cancel).await;
    shared.registry.end(id);
    match outcome {
        Ok((rows, warnings)) => {
            timer.finished(rows);
            Ok(warnings)
        }
        Err(Stop::Error(error)) => {
            tracing::debug!(user = request.user, connection = request.connection, %error, "statement failed");
            timer.failed();
            connection.writer().write_err(&error).await?;
            Ok(Warnings::default())
        }
        Err(Stop::Gone(error)) => {
            timer.failed();
            Err(error)
        }
    }
}

/// Runs a statement and writes its answer; returns the number of rows, and the warnings.
async fn answer(
    shared: &Shared,
    request: &Request,
    mut watch: DisconnectWatch<'_>,
    writer: &mut ResponseWriter,
    cancel: &CancellationToken,
) -> Result<(u64, Warnings), Stop> {
    let mut bounds = Bounds::new(request, cancel, &shared.cut);
    let mut answer = bounds
        .hold(&mut watch, async { shared.engine.answer(request).await })
        .await?
        .map_err(|error| Stop::Error(error.mysql()))?;
    if answer.columns.is_empty() {
        let warnings = answer.take_warnings();
        writer.write_ok(&ok(&answer, &warnings)).await?;
        return Ok((0, warnings));
    }
    let mut is_started = false;
    let mut rows = 0_u64;
    loop {
        let piece = next_piece(&mut answer, &mut bounds, &mut watch, writer).await?;
        // Columns wait for the first rows, so that a failure before them is a plain error, which a
        // proxy may answer with another try.
        if !is_started {
            writer.start_result(&answer.columns).await?;
            is_started = true;
        }
        let Some(piece) = piece else { break };
        for row in piece.rows() {
            rows += 1;
            bounds.count(rows)?;
            if !writer.try_write_row_raw(row) {
                bounds.write(writer.write_row_raw(row)).await?;
            }
        }
    }
    let warnings = answer.take_warnings();
    writer.finish_result(&ok(&answer, &warnings)).await?;
    Ok((rows, warnings))
}

/// The next rows. What has been written is sent only when there is time to wait for: a short answer
/// leaves in one packet.
async fn next_piece(
    answer: &mut Answer,
    bounds: &mut Bounds<'_>,
    watch: &mut DisconnectWatch<'_>,
    writer: &mut ResponseWriter,
) -> Result<Option<RowPiece>, Stop> {
    let next = answer.next();
    tokio::pin!(next);
    let outcome = match futures::poll!(&mut next) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => {
            if writer.has_unsent() {
                bounds.write(writer.flush()).await?;
            }
            bounds.hold(watch, next).await?
        }
    };
    outcome.map_err(|error| Stop::Error(error.mysql()))
}

/// What ends a statement early.
struct Bounds<'r> {
    request: &'r Request,
    cancel: &'r CancellationToken,
    cut: &'r CancellationToken,
    deadline: Option<tokio::time::Instant>,
}

impl<'r> Bounds<'r> {
    fn new(
        request: &'r Request,
        cancel: &'r CancellationToken,
        cut: &'r CancellationToken,
    ) -> Self {
        let deadline = request
            .max_time
            .map(|time| tokio::time::Instant::now() + time);
        Self {
            request,
            cancel,
            cut,
            deadline,
        }
    }

    /// Waits for something unless the statement ends first. What is dropped then cancels itself.
    async fn hold<T>(
        &mut self,
        watch: &mut DisconnectWatch<'_>,
        work: impl Future<Output = T>,
    ) -> Result<T, Stop> {
        tokio::select! {
            biased;
            outcome = work => Ok(outcome),
            error = self.ended() => Err(Stop::Error(error)),
            gone = watch.closed() => Err(Stop::Gone(gone)),
        }
    }

    /// Writes, which waits as long as the client does not read. A statement that ends meanwhile has
    /// cut a packet in the middle if the client does not take it soon: then the connection is lost.
    async fn write(&self, work: impl Future<Output = Result<(), WireError>>) -> Result<(), Stop> {
        tokio::pin!(work);
        let error = tokio::select! {
            biased;
            outcome = &mut work => return Ok(outcome?),
            error = self.ended() => error,
        };
        match tokio::time::timeout(LAST_WORDS, work).await {
            Ok(outcome) => outcome?,
            Err(_) => return Err(Stop::Gone(WireError::Closed)),
        }
        Err(Stop::Error(error))
    }

    /// Resolves when the statement is to end early, to what its client is told.
    async fn ended(&self) -> ServerError {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => errors::interrupted(),
            () = until(self.deadline) => errors::timed_out(),
            () = self.cut.cancelled() => errors::SERVER_SHUTDOWN.error(
                "Server shutdown in progress: the statement was still running at the end of the grace period; \
                 run it again",
            ),
        }
    }

    fn count(&self, rows: u64) -> Result<(), Stop> {
        match self.request.max_rows {
            Some(most) if rows > most => {
                let message = format!(
                    "Query execution was interrupted: the result has more than the {most} rows this account may get; use LIMIT"
                );
                Err(Stop::Error(errors::INTERRUPTED.error(message)))
            }
            _ => Ok(()),
        }
    }
}

async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The end of an answer, with the dataEpoch it was made with.
fn ok(answer: &Answer, warnings: &Warnings) -> OkPacket {
    OkPacket {
        session_state: data_epoch_state(answer.data_epoch),
        warnings: warnings.count(),
        ..OkPacket::success()
    }
}

/// Writes the warnings of the statement before.
async fn show(warnings: &Warnings, writer: &mut ResponseWriter) -> Result<(), WireError> {
    let columns = ["Level", "Code", "Message"].map(|name| ColumnDef::text(name, UTF8MB4, 2048));
    writer.start_result(&columns).await?;
    for warning in warnings.listed() {
        let code = warning.code.to_string();
        let cells = [&warning.level, &code, &warning.message].map(|cell| Some(cell.as_bytes()));
        writer.write_text_row(cells).await?;
    }
    writer.finish_result(&OkPacket::success()).await
}

fn as_kill(sql: &[u8]) -> Option<(u32, bool)> {
    // Every statement comes by here: look at the first letter before anything else.
    let start = sql.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if !start.eq_ignore_ascii_case(&b'k') {
        return None;
    }
    match classify(std::str::from_utf8(sql).ok()?).ok()? {
        Statement::Kill { query_only, id } => Some((u32::try_from(id).ok()?, query_only)),
        _ => None,
    }
}

fn kill(registry: &Registry, id: u32, query_only: bool) -> Result<(), ServerError> {
    let is_known = if query_only {
        registry.kill_query(id)
    } else {
        registry.kill_connection(id)
    };
    if is_known {
        return Ok(());
    }
    Err(errors::unknown_thread(id.into()))
}

async fn reply(
    writer: &mut ResponseWriter,
    answer: Result<(), ServerError>,
) -> Result<(), WireError> {
    match answer {
        Ok(()) => writer.write_ok(&OkPacket::success()).await,
        Err(error) => writer.write_err(&error).await,
    }
}
