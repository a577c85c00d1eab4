//! Finding a czar that answers, and the beginning of its answer.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use orrery_czar_protocol::answer::SHADOW_LOST;
use orrery_wire::client::{ClientError, Next, RawResponse};
use orrery_wire::errors::ErrorKind;
use orrery_wire::{OkPacket, RawColumns, ServerError, errors};

use super::attempts::{Attempts, Failed, Trouble, no_czar};
use super::interrupt::{Interrupt, guarded};
use super::statement::{Failure, Forwarded};
use crate::czars::{CzarError, Czars, PooledConnection};
use crate::metrics::Metrics;

/// Bytes of rows held until the answer is complete.
const HOLD: usize = 1 << 20;
/// Pause before a czar that failed is asked again because there is no other that did not.
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

/// Tries czars until one has begun to answer: with its whole answer, or with so much of it that
/// holding it ends.
pub(super) async fn begin_somewhere(
    czars: &Czars,
    statement: &Forwarded<'_>,
    mut interrupt: Pin<&mut impl Future<Output = Interrupt>>,
    metrics: &Metrics,
) -> Result<Begun, Failure> {
    let mut attempts = Attempts::new(czars.account().timeout);
    loop {
        let asked = try_one(czars, attempts.avoid(), statement, interrupt.as_mut());
        let failed = match asked.await? {
            Ok(begun) => return Ok(begun),
            Err(failed) => failed,
        };
        // A statement that waits asks again and again: its first vain attempt says enough.
        if !attempts.waits() {
            tracing::warn!(
                czar = failed.czar.map(tracing::field::display), error = %failed.why, "czar failed before the first row"
            );
            metrics.czar_failures.inc();
        }
        attempts
            .note(failed, Instant::now())
            .map_err(Failure::Error)?;
        let (_, known) = czars.counts();
        if attempts.have_met_all(known) {
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
            return Ok(Err(Failed {
                czar: Some(address),
                why: source.to_string(),
                trouble: Trouble::Unreached,
            }));
        }
        Err(error @ CzarError::None) => {
            return Ok(Err(Failed {
                czar: None,
                why: error.to_string(),
                trouble: Trouble::Unreached,
            }));
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
    failure_of(&mut czar, &error).map(Err)
}

/// Whose failure an error of a czar is: the czar's, so that another may do better, or else the
/// statement's.
fn failure_of(czar: &mut PooledConnection, error: &ClientError) -> Result<Failed, Failure> {
    let failed = |trouble| Failed {
        czar: Some(czar.address()),
        why: error.to_string(),
        trouble,
    };
    let failed = match error {
        // It has not yet seen the dataEpoch that the session has seen, or finds no replica that
        // answers: another one may.
        ClientError::Server(said) if errors::TEMPORARY.is(said) => {
            return Ok(failed(Trouble::Said(said.clone())));
        }
        ClientError::Server(said) if !is_czars_trouble(said) => {
            return Err(Failure::Error(said.clone()));
        }
        ClientError::Server(said) if SHADOW_LOST.is(said) => failed(Trouble::ShadowLost),
        ClientError::Server(said) if TURNED_AWAY.iter().any(|kind| kind.is(said)) => {
            failed(Trouble::Unreached)
        }
        _ => failed(Trouble::Lost),
    };
    czar.distrust();
    Ok(failed)
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

/// Of these, errors of a czar that did not fail: it stops, or is full.
const TURNED_AWAY: [ErrorKind; 2] = [errors::SERVER_SHUTDOWN, errors::TOO_MANY_CONNECTIONS];

fn is_czars_trouble(error: &ServerError) -> bool {
    CZARS_TROUBLE.iter().any(|kind| kind.is(error))
}
