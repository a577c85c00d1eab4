//! The czar's MySQL server, for proxies: one account, whose password only proxies know; who a
//! statement is for stands in its query attributes.

mod registry;
mod request;
mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use orrery_archive::names::CZAR_ACCOUNT;
use orrery_tls::Reloaded;
use orrery_wire::OkPacket;
use orrery_wire::auth::Verifier;
use orrery_wire::server::{Authenticator, ServerConfig, ServerConnection};
use rand::Rng as _;
use tokio::net::{TcpListener, TcpStream};

use crate::inside::{Inside, Password};

pub use registry::Registry;
pub use request::Request;
pub use session::Shared;

/// Time for a proxy to log in.
const LOGIN_TIME: Duration = Duration::from_secs(10);
/// Largest statement.
const MAX_STATEMENT: usize = 64 << 20;
/// Pause after the listener failed, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long statements that are ended may take to say so.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Between two looks at what still runs while the czar stops.
const DRAIN_PAUSE: Duration = Duration::from_millis(50);

/// Who may come in: proxies, by their account's password and, with TLS, their certificate.
pub struct Entry {
    /// Password of the proxies' account.
    pub password: Password,
    /// The czar's certificate; without it proxies speak in the clear.
    pub tls: Option<Arc<Reloaded<Inside>>>,
}

impl Entry {
    /// What a proxy that connects now is told.
    fn config(&self) -> ServerConfig {
        let tls = self.tls.as_ref();
        ServerConfig {
            tls: tls.map(|inside| inside.current().server.clone()),
            require_tls: tls.is_some(),
            max_allowed_packet: MAX_STATEMENT,
            ..ServerConfig::default()
        }
    }
}

impl Authenticator for Entry {
    fn verifier(&self, user: &str) -> Option<Verifier> {
        (user == CZAR_ACCOUNT).then(|| Verifier::from_password(self.password.current().as_bytes()))
    }
}

/// Serves proxies until the czar is to stop; then statements that run have `grace` to end.
/// Connections are accepted meanwhile too, as a kill comes on one of its own.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>, entry: Entry, grace: Duration) {
    tokio::select! {
        () = accept(listener, &shared, Arc::new(entry)) => {}
        () = drained(&shared, grace) => {}
    }
}

/// Returns once the czar is to stop and no statement runs, or `grace` is over.
async fn drained(shared: &Shared, grace: Duration) {
    shared.stopping.cancelled().await;
    let idle = async {
        while shared.registry.running() > 0 {
            tokio::time::sleep(DRAIN_PAUSE).await;
        }
    };
    if tokio::time::timeout(grace, idle).await.is_err() {
        tracing::warn!(
            running = shared.registry.running(),
            "statements are ended at the end of the grace period"
        );
        shared.cut.cancel();
        let told = async {
            while shared.registry.running() > 0 {
                tokio::time::sleep(DRAIN_PAUSE).await;
            }
            // Their last packets are on their way.
            tokio::time::sleep(DRAIN_PAUSE).await;
        };
        // Whoever does not read finds the connection closed.
        let _ = tokio::time::timeout(LAST_WORDS, told).await;
    }
}

/// Accepts connections. Their ids start anywhere, so that a kill meant for a statement of the
/// process that was here before hardly ever meets one of ours.
async fn accept(listener: TcpListener, shared: &Arc<Shared>, entry: Arc<Entry>) {
    let next_id = AtomicU32::new(rand::rng().random_range(1..1 << 30));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let id = next_id.fetch_add(1, Ordering::Relaxed);
        let (entry, shared) = (entry.clone(), shared.clone());
        tokio::spawn(async move {
            if let Err(error) = connection(stream, &entry, id, &shared).await {
                tracing::debug!(%peer, id, %error, "connection ended");
            }
        });
    }
}

async fn connection(
    stream: TcpStream,
    entry: &Entry,
    id: u32,
    shared: &Shared,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let peer = stream.peer_addr()?.ip().to_string();
    let config = entry.config();
    let login = ServerConnection::handshake(stream, &config, id, &peer, entry);
    let (mut connection, _) = tokio::time::timeout(LOGIN_TIME, login).await??;
    connection.writer().write_ok(&OkPacket::success()).await?;
    let killed = shared.registry.connect(id);
    let outcome = session::serve(shared, &mut connection, id, killed).await;
    shared.registry.disconnect(id);
    Ok(outcome?)
}
