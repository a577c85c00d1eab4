//! Passing on the rows of a long answer, at the client's speed.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use orrery_wire::client::{ClientError, Next, Pause};
use orrery_wire::server::ResponseWriter;
use orrery_wire::{ColumnDef, OkPacket, WireError, errors};

use super::interrupt::{Interrupt, guarded};
use super::statement::{Failure, Forwarded};
use crate::czars::PooledConnection;

/// Why streaming ended early.
pub(super) enum Stop {
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
    pub(super) async fn act(self, mut czar: PooledConnection) -> Failure {
        match self {
            Self::Between(interrupt) => {
                czar.cancel().await;
                Failure::Interrupted(interrupt)
            }
            Self::Writing => {
                czar.cancel().await;
                Failure::Client(WireError::Closed)
            }
            Self::Client(error) => {
                czar.cancel().await;
                Failure::Client(error)
            }
            Self::Czar(ClientError::Server(error)) => Failure::Error(error),
            Self::Czar(error) => {
                let address = czar.address();
                czar.distrust();
                tracing::warn!(czar = %address, %error, "czar failed in the middle of an answer");
                Failure::Error(errors::UNKNOWN_ERROR.error(
                    "The server that made this answer went away in the middle of it; run the statement again",
                ))
            }
        }
    }
}

/// Passes rows on until the end.
pub(super) async fn stream(
    czar: &mut PooledConnection,
    statement: &Forwarded<'_>,
    columns: &[ColumnDef],
    mut interrupt: Pin<&mut impl Future<Output = Interrupt>>,
    writer: &mut ResponseWriter,
    rows: &mut u64,
) -> Result<OkPacket, Stop> {
    let connection = czar.connection().map_err(Stop::Czar)?;
    let is_raw = statement.overlay.is_none();
    loop {
        let pause = connection.visit_rows(|row| {
            let taken = is_raw && writer.try_write_row_raw(row);
            *rows += u64::from(taken);
            taken
        });
        if pause.map_err(Stop::Czar)? == Pause::NeedBytes {
            let mut more = std::pin::pin!(connection.more_rows());
            // What has been written is sent when there is time to wait for, so that packets are
            // full while the czar is fast.
            let received = match futures::poll!(&mut more) {
                Poll::Ready(received) => received,
                Poll::Pending => {
                    guarded(interrupt.as_mut(), writer.flush())
                        .await
                        .map_err(|_| Stop::Writing)??;
                    guarded(interrupt.as_mut(), more)
                        .await
                        .map_err(Stop::Between)?
                }
            };
            received.map_err(Stop::Czar)?;
            continue;
        }
        let next = guarded(interrupt.as_mut(), connection.next_row())
            .await
            .map_err(Stop::Between)?;
        match next.map_err(Stop::Czar)? {
            Next::Row(row) => {
                *rows += 1;
                let written = guarded(
                    interrupt.as_mut(),
                    statement.overlay.write(&row, columns, writer),
                )
                .await;
                written.map_err(|_| Stop::Writing)??;
            }
            Next::End(end) => return Ok(end),
        }
    }
}
