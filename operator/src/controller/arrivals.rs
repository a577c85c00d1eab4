//! Workers that begin to serve, as one controller says to others of this process.

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::broadcast::{self, error::RecvError};

/// Most archives that wait to be taken notice of.
const ROOM: usize = 1024;

/// Archives in which a worker began to serve.
#[derive(Clone)]
pub struct Arrivals(broadcast::Sender<String>);

impl Default for Arrivals {
    fn default() -> Self {
        Self(broadcast::Sender::new(ROOM))
    }
}

impl Arrivals {
    /// A worker of the archive in `namespace` serves.
    pub fn announce(&self, namespace: &str) {
        // It fails when nobody listens, and then nobody waits.
        let _ = self.0.send(namespace.to_owned());
    }

    /// Namespaces of the archives in which a worker began to serve from now on, without end. Who
    /// falls behind misses some, and looks again after its own pause.
    pub fn follow(&self) -> BoxStream<'static, String> {
        let arrivals = stream::unfold(self.0.subscribe(), |mut receiver| async move {
            loop {
                match receiver.recv().await {
                    Ok(namespace) => return Some((namespace, receiver)),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        });
        arrivals.chain(stream::pending()).boxed()
    }
}
