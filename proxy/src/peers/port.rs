//! The port on which other proxies order kills.

use std::sync::Arc;
use std::time::Duration;

use orrery_wire::auth::Verifier;
use orrery_wire::command::Command;
use orrery_wire::server::{HandshakeError, ServerConfig, ServerConnection};
use orrery_wire::{OkPacket, ServerError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Kill;
use crate::refusals;
use crate::shared::Proxy;

/// How long one conversation may take: a log-in and a kill.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Conversations at once; more wait to be accepted.
const AT_ONCE: usize = 64;
/// Largest order, bytes.
const LONGEST: usize = 16 << 10;
/// Pause after a failed accept.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes orders of other proxies until the proxy has stopped.
pub async fn serve(listener: TcpListener, proxy: Arc<Proxy>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, address)) => {
                let proxy = proxy.clone();
                tokio::spawn(async move {
                    let peer = address.ip().to_canonical().to_string();
                    let talk = converse(stream, &peer, &proxy);
                    if let Ok(Err(error)) = tokio::time::timeout(TIMEOUT, talk).await {
                        tracing::info!(peer = %address, %error, "peer's connection ended");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "peer's connection not accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, peer: &str, proxy: &Proxy) -> Result<(), HandshakeError> {
    let account = proxy.czars.account();
    let tls = account.tls.as_ref();
    let config = ServerConfig {
        tls: tls.map(|inside| inside.current().server.clone()),
        require_tls: tls.is_some(),
        max_allowed_packet: LONGEST,
        ..ServerConfig::default()
    };
    let accounts = |user: &str| {
        let password = (user == account.user).then(|| account.password().ok())?;
        password.map(|password| Verifier::from_password(password.as_bytes()))
    };
    let (mut connection, _) =
        ServerConnection::handshake(stream, &config, 0, peer, &accounts).await?;
    connection.writer().write_ok(&OkPacket::success()).await?;
    loop {
        let command = connection.read_command().await?;
        if command == Command::Quit {
            return Ok(());
        }
        match obey(command, proxy) {
            Ok(()) => connection.writer().write_ok(&OkPacket::success()).await?,
            Err(refusal) => connection.writer().write_err(&refusal).await?,
        }
    }
}

/// Carries out a peer's order.
fn obey(command: Command, proxy: &Proxy) -> Result<(), ServerError> {
    let Command::Query { sql, attributes } = command else {
        return Err(refusals::proxies_only());
    };
    let kill = Kill::from_peer(&String::from_utf8_lossy(&sql), &attributes)?;
    refusals::not_killed(kill.here(&proxy.registry), kill.id).map_or(Ok(()), Err)
}
