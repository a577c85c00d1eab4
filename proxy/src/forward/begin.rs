//! Finding a czar that answers, and the beginning of its answer.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use orrery_czar_protocol::answer::SHADOW_LOST;
use orrery_wire::client::{ClientError, Next, RawResponse};
use orrery_wire::errors::ErrorKind;
use orrery_wire::{OkPacket, RawColumns, ServerError, errors};

use super::interrupt::{Interrupt, guarded};
use super::statement::{Failure, Forwarded};
use crate::czars::{CzarError, Czars, PooledConnection};
use crate::metrics::Metrics;

/// Bytes of rows held until the answer is complete.
const HOLD: usize = 1 << 20;
/// Czars tried for one statement.
const ATTEMPTS: usize = 3;
/// Shadow servers that may be lost with one statement: it may be what they die of.
const MOST_LOSSES: usize = 2;
/// Pause before a czar that failed is tried again because there is no other that did not.
const PAUSE: Duration = Duration::from_millis(200);

/// An answer of which nothing has been sent.
pub(super) enum Begun {
    /// Success without rows.
    Ok(PooledConnection, OkPacket),
    /// Rows.
    Rows(Rows),
}

/// The beginning of an answer with rows.
pub(super) struct Rows {
    /// Where the others come from.
    pub(super) czar: PooledConnection,
    pub(super) columns: RawColumns,
    /// The rows read so far.
    pub(super) held: Vec<Bytes>,
    /// The end, if it has come already.
    pub(super) end: Option<OkPacket>,
}

/// A czar that gave no answer.
struct Failed {
    address: SocketAddr,
    why: String,
    /// Whether its shadow server was lost while the statement ran.
    is_shadow_lost: bool,
    /// What it said itself of the statement; the client is told that if no other czar does better.
    own: Option<ServerError>,
}

impl Failed {
    fn of(address: SocketAddr, why: String) -> Self {
        Self {
            address,
            why,
            is_shadow_lost: false,
            own: None,
        }
    }
}

/// Tries czars until one has begun to answer: with its whole answer, or with so much of it that
/// holding it ends.
pub(super) async fn begin_somewhere(
    czars: &Czars,
    statement: &Forwarded<'_>,
    mut interrupt: Pin<&mut impl Future<Output = Interrupt>>,
    metrics: &Metrics,
) -> Result<Begun, Failure> {
    let mut avoid: Vec<SocketAddr> = Vec::new();
    let mut losses = 0;
    loop {
        let failed = match try_one(czars, &avoid, statement, interrupt.as_mut()).await? {
            Ok(begun) => return Ok(begun),
            Err(failed) => failed,
        };
        tracing::warn!(
            czar = %failed.address, error = %failed.why, attempt = avoid.len() + 1, "czar failed before the first row"
        );
        metrics.czar_failures.inc();
        avoid.push(failed.address);
        losses += usize::from(failed.is_shadow_lost);
        if losses >= MOST_LOSSES {
            return Err(Failure::Error(deadly(&failed.why)));
        }
        if avoid.len() >= ATTEMPTS {
            return Err(Failure::Error(
                failed.own.unwrap_or_else(|| no_czar(&failed.why)),
            ));
        }
        let (_, known) = czars.counts();
        if avoid.len() >= known {
            let pause = tokio::time::sleep(PAUSE);
            guarded(interrupt.as_mut(), pause)
                .await
                .map_err(Failure::Interrupted)?;
        }
    }
}

/// Asks one czar, not one to avoid if there is another. The outer error is the client's, whatever
/// other czars would say.
async fn try_one(
    czars: &Czars,
    avoid: &[SocketAddr],
    statement: &Forwarded<'_>,
    mut interrupt: Pin<&mut impl Future<Output = Interrupt>>,
) -> Result<Result<Begun, Failed>, Failure> {
    let connection = guarded(interrupt.as_mut(), czars.connection(avoid))
        .await
        .map_err(Failure::Interrupted)?;
    let mut czar = match connection {
        Ok(connection) => connection,
        Err(CzarError::Unreachable { address, source }) => {
            return Ok(Err(Failed::of(address, source.to_string())));
        }
        Err(error) => return Err(Failure::Error(no_czar(&error.to_string()))),
    };
    let begun = match guarded(interrupt, begin(&mut czar, statement)).await {
        Ok(begun) => begun,
        Err(interrupt) => {
            czar.cancel().await;
            return Err(Failure::Interrupted(interrupt));
        }
    };
    let error = match begun {
        Ok(Beginning::Ok(end)) => return Ok(Ok(Begun::Ok(czar, end))),
        Ok(Beginning::Rows(columns, held, end)) => {
            return Ok(Ok(Begun::Rows(Rows {
                czar,
                columns,
                held,
                end,
            })));
        }
        Err(error) => error,
    };
    failure_of(&mut czar, error).map(Err)
}

/// Whose failure an error of a czar is: the czar's, so that another may do better, or else the
/// statement's.
fn failure_of(czar: &mut PooledConnection, error: ClientError) -> Result<Failed, Failure> {
    let failed = Failed::of(czar.address(), error.to_string());
    match error {
        // It has not yet seen the dataEpoch that the session has seen, or finds no replica that
        // answers: another one may.
        ClientError::Server(error) if errors::TEMPORARY.is(&error) => Ok(Failed {
            own: Some(error),
            ..failed
        }),
        ClientError::Server(error) if !is_czars_trouble(&error) => Err(Failure::Error(error)),
        error => {
            czar.distrust();
            Ok(Failed {
                is_shadow_lost: error
                    .server_error()
                    .is_some_and(|error| SHADOW_LOST.is(error)),
                ..failed
            })
        }
    }
}

/// What a czar has answered so far.
enum Beginning {
    Ok(OkPacket),
    Rows(RawColumns, Vec<Bytes>, Option<OkPacket>),
}

/// Sends the statement and reads up to [`HOLD`] bytes of its answer.
async fn begin(
    czar: &mut PooledConnection,
    statement: &Forwarded<'_>,
) -> Result<Beginning, ClientError> {
    let connection = czar.connection()?;
    let response = connection
        .query_raw(statement.sql.as_bytes(), &statement.question.attributes())
        .await?;
    let columns = match response {
        RawResponse::Ok(ok) => return Ok(Beginning::Ok(ok)),
        RawResponse::Rows(columns) => columns,
    };
    let (mut held, mut size) = (Vec::new(), 0);
    while size < HOLD {
        match connection.next_row().await? {
            Next::Row(row) => {
                size += row.len();
                held.push(row);
            }
            Next::End(end) => return Ok(Beginning::Rows(columns, held, Some(end))),
        }
    }
    Ok(Beginning::Rows(columns, held, None))
}

/// Errors that say something about the czar's process, not about the statement: shutdown, killed
/// connection, too many connections.
const CZARS_TROUBLE: [ErrorKind; 8] = [
    errors::SERVER_SHUTDOWN,
    errors::TOO_MANY_CONNECTIONS,
    errors::CONNECTION_KILLED,
    errors::ABORTED_CONNECTION,
    SHADOW_LOST,
    errors::NET_READ_INTERRUPTED,
    errors::NET_WRITE_ERROR,
    errors::NET_WRITE_INTERRUPTED,
];

fn is_czars_trouble(error: &ServerError) -> bool {
    CZARS_TROUBLE.iter().any(|kind| kind.is(error))
}

fn deadly(why: &str) -> ServerError {
    errors::UNKNOWN_ERROR.error(format!(
        "The shadow servers of {MOST_LOSSES} czars were lost while they ran this statement ({why}); it is not sent to others: ask for less at once"
    ))
}

fn no_czar(why: &str) -> ServerError {
    errors::UNKNOWN_ERROR.error(format!("No czar can answer now: {why}"))
}
