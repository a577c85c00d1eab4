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

/// Tries czars until one has begun to answer: with its whole answer, or with so much of it that holding it ends.
pub(super) async fn begin_somewhere(
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
        // What the client is told if nobody does better: a czar's own error, if it gave one that is about the statement.
        let mut own = None;
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
                        let failed = error.to_string();
                        own = Some(error);
                        (address, failed)
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
        avoid.push(address);
        if avoid.len() >= ATTEMPTS {
            return Err(Failure::Tell(own.unwrap_or_else(|| no_czar(&failed))));
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
