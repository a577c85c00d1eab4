//! Finding a czar that answers, and the beginning of its answer.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use orrery_wire::client::{ClientError, Next, RawResponse};
use orrery_wire::{OkPacket, RawColumns, ServerError};

use super::{Failure, Interrupt, Question, guarded};
use crate::czars::{CzarError, Czars, Lease};
use crate::metrics::Metrics;

/// Bytes of rows held until the answer is complete.
const HOLD: usize = 1 << 20;
/// Czars tried for one statement.
const ATTEMPTS: usize = 3;
/// Pause before a czar that failed is tried again because there is no other that did not.
const PAUSE: Duration = Duration::from_millis(200);
/// Error number of a czar that has not yet seen the dataEpoch the session has seen, or finds no replica that answers: another one may.
const BEHIND: u16 = 1297;

/// An answer of which nothing has been sent.
pub(super) struct Begun {
    pub(super) lease: Lease,
    /// `None`: an OK packet without rows.
    pub(super) columns: Option<RawColumns>,
    pub(super) held: Vec<Bytes>,
    /// The end, if it has come already.
    pub(super) end: Option<OkPacket>,
}

/// A czar that gave no answer.
struct Failed {
    address: SocketAddr,
    why: String,
    /// What it said itself of the statement; the client is told that if no other czar does better.
    own: Option<ServerError>,
}

/// Tries czars until one has begun to answer: with its whole answer, or with so much of it that holding it ends.
pub(super) async fn begin_somewhere(
    czars: &Czars,
    question: &Question<'_>,
    mut interrupt: Pin<&mut impl Future<Output = Interrupt>>,
    metrics: &Metrics,
) -> Result<Begun, Failure> {
    let mut avoid: Vec<SocketAddr> = Vec::new();
    loop {
        let failed = match try_one(czars, &avoid, question, interrupt.as_mut()).await? {
            Ok(begun) => return Ok(begun),
            Err(failed) => failed,
        };
        tracing::warn!(
            czar = %failed.address, error = %failed.why, attempt = avoid.len() + 1, "czar failed before the first row"
        );
        metrics.czar_failures.inc();
        avoid.push(failed.address);
        if avoid.len() >= ATTEMPTS {
            return Err(Failure::Tell(failed.own.unwrap_or_else(|| no_czar(&failed.why))));
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

/// Asks one czar, not one to avoid if there is another. The outer error is the client's, whatever other czars would say.
async fn try_one(
    czars: &Czars,
    avoid: &[SocketAddr],
    question: &Question<'_>,
    mut interrupt: Pin<&mut impl Future<Output = Interrupt>>,
) -> Result<Result<Begun, Failed>, Failure> {
    let failed = |address, why, own| Ok(Err(Failed { address, why, own }));
    let lease = guarded(interrupt.as_mut(), czars.lease(avoid))
        .await
        .map_err(Failure::Interrupted)?;
    let mut lease = match lease {
        Ok(lease) => lease,
        Err(CzarError::Unreachable { address, source }) => return failed(address, source.to_string(), None),
        Err(error) => return Err(Failure::Tell(no_czar(&error.to_string()))),
    };
    let address = lease.address();
    let begun = match guarded(interrupt, begin(&mut lease, question)).await {
        Ok(begun) => begun,
        Err(interrupt) => {
            lease.cancel(question.user).await;
            return Err(Failure::Interrupted(interrupt));
        }
    };
    match begun {
        Ok((columns, held, end)) => Ok(Ok(Begun {
            lease,
            columns,
            held,
            end,
        })),
        Err(ClientError::Server(error)) if error.code == BEHIND => {
            failed(address, error.to_string(), Some(error))
        }
        Err(ClientError::Server(error)) if !is_czars_trouble(&error) => Err(Failure::Tell(error)),
        Err(error) => {
            lease.distrust();
            failed(address, error.to_string(), None)
        }
    }
}

/// Sends the statement and reads up to [`HOLD`] bytes of its answer.
async fn begin(
    lease: &mut Lease,
    question: &Question<'_>,
) -> Result<(Option<RawColumns>, Vec<Bytes>, Option<OkPacket>), ClientError> {
    let connection = lease.connection()?;
    let response = connection
        .query_raw(question.sql.as_bytes(), &question.attributes)
        .await?;
    let columns = match response {
        RawResponse::Ok(ok) => return Ok((None, Vec::new(), Some(ok))),
        RawResponse::Rows(columns) => columns,
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

/// Errors that say something about the czar's process, not about the statement: shutdown, killed connection, too many connections.
fn is_czars_trouble(error: &ServerError) -> bool {
    matches!(error.code, 1053 | 1040 | 1927 | 1152 | 1158..=1161)
}

fn no_czar(why: &str) -> ServerError {
    ServerError::new(1105, b"HY000", format!("No czar can answer now: {why}"))
}
