//! What stops a statement from outside.

use std::future::Future;
use std::pin::Pin;

/// Why a statement stops before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// The client closed its connection.
    ClientGone,
    /// Somebody killed the statement.
    Killed,
    /// It ran for longer than it may.
    TimeOver,
    /// The proxy stops and waits no longer.
    Shutdown,
}

/// Does something unless interrupted first.
pub(super) async fn guarded<T>(
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
