//! From an accepted stream to a client that has proved who it is, and what it may not do any more
//! after that.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use orrery_wire::command::ChangeUserRequest;
use orrery_wire::server::{HandshakeError, ServerConnection, refuse_connection};
use orrery_wire::{ServerError, WireError};
use tokio::net::TcpStream;

use super::Client;
use crate::accounts::{Accounts, check_database};
use crate::prepared::PreparedStatements;
use crate::refusals;
use crate::registry::{Full, Membership};
use crate::session::{Collation, Session};
use crate::shared::Proxy;

/// How long a client may take to log in: MariaDB's connect_timeout.
const LOGIN_PATIENCE: Duration = Duration::from_secs(10);

/// Serves a client until it leaves.
pub async fn serve(stream: TcpStream, address: SocketAddr, proxy: Arc<Proxy>) {
    let peer = address.ip().to_canonical().to_string();
    let member = match proxy.registry.enter(address.to_string()) {
        Ok(member) => member,
        Err(full) => {
            proxy.metrics.logins.with_label_values(&["refused"]).inc();
            // Who is turned away may or may not read why.
            let _ = refuse_connection(stream, &refusals::too_many(full, "")).await;
            return;
        }
    };
    let outcome =
        match tokio::time::timeout(LOGIN_PATIENCE, log_in(stream, peer, &proxy, member)).await {
            Ok(Ok((mut connection, mut client))) => {
                proxy.metrics.logins.with_label_values(&["ok"]).inc();
                let ended = client.converse(&mut connection).await;
                // The client may have closed before.
                let _ = connection.close().await;
                ended.map_err(HandshakeError::Wire)
            }
            Ok(Err(error)) => {
                let label = if matches!(error, HandshakeError::AccessDenied { .. }) {
                    "denied"
                } else {
                    "failed"
                };
                proxy.metrics.logins.with_label_values(&[label]).inc();
                Err(error)
            }
            Err(_) => {
                proxy.metrics.logins.with_label_values(&["failed"]).inc();
                Ok(())
            }
        };
    if let Err(error) = outcome {
        tracing::debug!(client = %address, %error, "connection ended");
    }
}

/// Handshake, limits and default database.
async fn log_in(
    stream: TcpStream,
    peer: String,
    proxy: &Arc<Proxy>,
    member: Membership,
) -> Result<(ServerConnection, Client), HandshakeError> {
    stream.set_nodelay(true).map_err(WireError::from)?;
    let id = member.entry().id;
    let accounts = Accounts {
        hub: &proxy.hub,
        proxies: proxy.czars.account(),
    };
    let (mut connection, login) =
        ServerConnection::handshake(stream, &proxy.server, id, &peer, &accounts).await?;
    let mut client = Client {
        proxy: proxy.clone(),
        member,
        session: Session::new(login.user.clone(), None, Collation::default()),
        peer,
        prepared: PreparedStatements::new(&proxy.prepared),
    };
    match client.enter(login) {
        Ok(()) => {
            client.write_ok(&mut connection).await?;
            Ok((connection, client))
        }
        Err(error) => {
            connection.writer().write_err(&error).await?;
            connection.close().await?;
            Err(HandshakeError::AccessDenied {
                user: client.session.user,
            })
        }
    }
}

impl Client {
    /// Begins the session of a user who has proved the password, after what else is checked:
    /// character set, number of connections, default database.
    fn enter(&mut self, login: orrery_wire::server::Session) -> Result<(), ServerError> {
        self.session = Session::new(login.user, None, Collation::default());
        if self.is_peer() {
            return Ok(());
        }
        let user = self.account()?;
        let name = self.session.user.clone();
        self.member
            .log_in(&name, user.limits.max_connections)
            .map_err(|full: Full| refusals::too_many(full, &name))?;
        let collation = Collation::of_id(login.collation);
        self.session
            .set_collation(collation.ok_or_else(|| refusals::unknown_collation(login.collation))?);
        let database = login.database;
        if let (Some(database), Some(snapshot)) = (&database, self.proxy.hub.current()) {
            check_database(&snapshot, &name, &user, database)?;
        }
        self.member.set_database(database.as_deref());
        self.session.database = database;
        Ok(())
    }

    /// COM_CHANGE_USER: like a new connection, on the same stream.
    pub(super) async fn change_user(
        &mut self,
        connection: &mut ServerConnection,
        request: ChangeUserRequest,
    ) -> Result<(), WireError> {
        let proxy = self.proxy.clone();
        let accounts = Accounts {
            hub: &proxy.hub,
            proxies: proxy.czars.account(),
        };
        let login = match connection.change_user(request, &self.peer, &accounts).await {
            Ok(login) => login,
            Err(HandshakeError::Wire(error)) => return Err(error),
            Err(_) => {
                proxy.metrics.logins.with_label_values(&["denied"]).inc();
                return Err(WireError::Closed);
            }
        };
        self.prepared.clear();
        match self.enter(login) {
            Ok(()) => self.write_ok(connection).await,
            Err(error) => {
                self.tell(connection.writer(), &error).await?;
                connection.writer().flush().await?;
                Err(WireError::Closed)
            }
        }
    }
}
