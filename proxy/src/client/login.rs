//! From an accepted stream to a client that has proved who it is, and what it may not do any more
//! after that.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use orrery_wire::command::ChangeUserRequest;
use orrery_wire::server::{HandshakeError, Introduced, ServerConnection};
use orrery_wire::{ServerError, WireError};
use tokio::net::TcpStream;

use super::visitor::{NotIn, Visitor};
use super::{Answer, Client};
use crate::accounts::{Accounts, check_database};
use crate::door::Try;
use crate::prepared::PreparedStatements;
use crate::refusals;
use crate::registry::{Full, Membership};
use crate::session::{Collation, Session};
use crate::shared::Proxy;

/// Serves a client until it leaves.
pub async fn serve(stream: TcpStream, address: SocketAddr, proxy: Arc<Proxy>) {
    let mut visitor = Visitor::new(address);
    let member = proxy.registry.enter(address.to_string());
    let id = member.entry().id;
    let outcome = enter(stream, &proxy, member, &mut visitor).await;
    visitor.report(outcome.as_ref().map(|_| ()), id, &proxy);
    let Ok((mut connection, mut client)) = outcome else {
        return;
    };
    let ended = client.converse(&mut connection).await;
    // The client may have closed before.
    let _ = connection.close().await;
    if let Err(error) = ended {
        tracing::debug!(client = %address, %error, "connection ended");
    }
}

/// Logs a client in within the time for that, as long as no newer one takes its place.
async fn enter(
    stream: TcpStream,
    proxy: &Arc<Proxy>,
    member: Membership,
    visitor: &mut Visitor,
) -> Result<(ServerConnection, Client), NotIn> {
    let arrival = proxy.door.arrivals.arrive(visitor.address.ip());
    let timeout = proxy.door.timeout;
    tokio::select! {
        biased;
        entered = log_in(stream, proxy, member, visitor) => entered,
        () = arrival.displaced.cancelled() => Err(NotIn::Displaced),
        () = tokio::time::sleep(timeout) => Err(NotIn::TooSlow(timeout)),
    }
}

/// Handshake, limits and default database.
async fn log_in(
    stream: TcpStream,
    proxy: &Arc<Proxy>,
    member: Membership,
    visitor: &mut Visitor,
) -> Result<(ServerConnection, Client), NotIn> {
    stream
        .set_nodelay(true)
        .map_err(|error| HandshakeError::Wire(error.into()))?;
    let introduced = Introduced::greet(stream, &proxy.server_now(), member.entry().id).await?;
    let claim = introduced.claim();
    *visitor = Visitor::introduced(visitor.address, &claim);
    let peer = visitor.host().to_string();
    let attempt = match proxy.attempt(&claim.user, visitor.host()) {
        Ok(attempt) => attempt,
        Err(wait) => {
            // Who is turned away may or may not read why.
            let _ = introduced
                .refuse(&refusals::too_soon(&claim.user, &peer, wait))
                .await;
            return Err(NotIn::TooSoon(wait));
        }
    };
    let proved = introduced.authenticate(&peer, &Accounts(&proxy.hub)).await;
    settle(attempt, &proved);
    let (mut connection, login) = proved?;
    let mut client = Client {
        proxy: proxy.clone(),
        member,
        visitor: visitor.clone(),
        session: Session::new(login.user.clone(), None, Collation::default()),
        peer,
        prepared: PreparedStatements::new(&proxy.prepared),
        answer: Answer::default(),
    };
    match client.enter(login) {
        Ok(()) => {
            let welcome = client.write_ok(&mut connection).await;
            welcome.map_err(HandshakeError::Wire)?;
            Ok((connection, client))
        }
        Err(error) => {
            let told = connection.writer().write_err(&error).await;
            if told.is_ok() {
                let _ = connection.close().await;
            }
            Err(NotIn::Refused(error))
        }
    }
}

/// What a proof of a password means for the next one.
fn settle<T>(attempt: Try<'_>, proved: &Result<T, HandshakeError>) {
    match proved {
        Ok(_) => attempt.right(Instant::now()),
        Err(HandshakeError::AccessDenied { .. }) => attempt.wrong(Instant::now()),
        // It was not proved either way.
        Err(_) => drop(attempt),
    }
}

impl Proxy {
    /// Whether somebody may try to log in now, or how long it has to wait.
    fn attempt(&self, user: &str, from: IpAddr) -> Result<Try<'_>, Duration> {
        self.door.backoff.may_try(user, from, Instant::now())
    }
}

impl Client {
    /// Begins the session of a user who has proved the password, after what else is checked:
    /// number of connections, character set, default database.
    fn enter(&mut self, login: orrery_wire::server::Session) -> Result<(), ServerError> {
        self.session = Session::new(login.user, None, Collation::default());
        let user = self.account()?;
        let name = self.session.user.clone();
        self.member
            .log_in(&name, user.class, user.limits.max_connections)
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

    async fn become_other(
        &mut self,
        connection: &mut ServerConnection,
        request: ChangeUserRequest,
    ) -> Result<(), NotIn> {
        let proxy = self.proxy.clone();
        let attempt = match proxy.attempt(&request.user, self.visitor.host()) {
            Ok(attempt) => attempt,
            Err(wait) => {
                let refusal = refusals::too_soon(&request.user, &self.peer, wait);
                // The connection is closed whether or not the client hears why.
                let _ = connection.writer().write_err(&refusal).await;
                let _ = connection.writer().flush().await;
                return Err(NotIn::TooSoon(wait));
            }
        };
        let proved = connection
            .change_user(request, &self.peer, &Accounts(&proxy.hub))
            .await;
        settle(attempt, &proved);
        self.enter(proved?).map_err(NotIn::Refused)
    }

    /// COM_CHANGE_USER: like a new connection, on the same stream.
    pub(super) async fn change_user(
        &mut self,
        connection: &mut ServerConnection,
        request: ChangeUserRequest,
    ) -> Result<(), WireError> {
        self.visitor = self.visitor.as_user(&request.user);
        let outcome = self.become_other(connection, request).await;
        let id = self.member.entry().id;
        self.visitor
            .report(outcome.as_ref().copied(), id, &self.proxy);
        match outcome {
            Ok(()) => {
                self.prepared.clear();
                self.write_ok(connection).await
            }
            Err(NotIn::Handshake(HandshakeError::Wire(error))) => Err(error),
            Err(NotIn::Refused(error)) => {
                self.send_error(connection.writer(), &error).await?;
                connection.writer().flush().await?;
                Err(WireError::Closed)
            }
            Err(_) => Err(WireError::Closed),
        }
    }
}
