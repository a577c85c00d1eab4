//! Taking connections.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::client::login;
use crate::shared::Proxy;

/// Pause after a failed accept: out of file descriptors, mostly, which does not pass at once.
const PAUSE: Duration = Duration::from_millis(100);

/// How long clients may take to read why their statements ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Takes connections until the proxy is to stop, then waits up to `grace` for statements that run.
pub async fn serve(listener: TcpListener, proxy: Arc<Proxy>, grace: Duration) {
    let clients = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = proxy.stopping.cancelled() => break,
        };
        match accepted {
            Ok((stream, address)) => {
                clients.spawn(login::serve(stream, address, proxy.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    clients.close();
    if tokio::time::timeout(grace, clients.wait()).await.is_err() {
        tracing::warn!(
            clients = clients.len(),
            "statements are ended at the end of the grace period"
        );
        proxy.cut.cancel();
        // Whoever does not read finds the connection closed.
        let _ = tokio::time::timeout(LAST_WORDS, clients.wait()).await;
    }
}
