//! One client's connection, from its first byte to its last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use orrery_wire::command::{ChangeUserRequest, Command};
use orrery_wire::server::{HandshakeError, ServerConnection, refuse_connection};
use orrery_wire::statement::ExecuteRequest;
use orrery_wire::{OkPacket, ServerError, WireError};
use tokio::net::TcpStream;

use crate::Proxy;
use crate::login::{Accounts, check_database};
use crate::peers::Kill;
use crate::prepared::{PreparedStatements, parameter_columns};
use crate::refusals;
use crate::registry::{Full, Membership};
use crate::result::Format;
use crate::session::Session;

/// How long a client may take to log in: MariaDB's connect_timeout.
const LOGIN_PATIENCE: Duration = Duration::from_secs(10);

/// The state of one client.
pub struct Client {
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) member: Membership,
    pub(crate) session: Session,
    /// The client's host, as messages name it.
    pub(crate) peer: String,
    prepared: PreparedStatements,
}

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
    let outcome = match tokio::time::timeout(LOGIN_PATIENCE, log_in(stream, peer, &proxy, member)).await {
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
        session: Session::new(login.user, None, login.collation),
        peer,
        prepared: PreparedStatements::default(),
    };
    match client.enter(login.database) {
        Ok(()) => {
            let ok = OkPacket::with_status(client.session.status(), 0);
            connection.writer().write_ok(&ok).await?;
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
    /// What is checked after the password: the number of connections, and the default database.
    fn enter(&mut self, database: Option<String>) -> Result<(), ServerError> {
        if self.is_peer() {
            return Ok(());
        }
        let user = self.account()?;
        let name = self.session.user.clone();
        self.member
            .log_in(&name, user.limits.max_connections)
            .map_err(|full: Full| refusals::too_many(full, &name))?;
        if let (Some(database), Some(snapshot)) = (&database, self.proxy.hub.current()) {
            check_database(&snapshot, &name, &user, database)?;
        }
        self.member.set_database(database.as_deref());
        self.session.database = database;
        Ok(())
    }

    /// Commands and answers until the client leaves, is killed, or has been idle for too long.
    async fn converse(&mut self, connection: &mut ServerConnection) -> Result<(), WireError> {
        loop {
            connection.writer().flush().await?;
            let idle_limit = self.session.wait_timeout();
            let command = tokio::select! {
                command = connection.read_command() => command?,
                () = self.member.entry().closing.cancelled() => return Ok(()),
                () = self.proxy.stopping.cancelled() => return Ok(()),
                () = tokio::time::sleep(idle_limit) => return Ok(()),
            };
            if command == Command::Quit {
                return Ok(());
            }
            self.answer(connection, command).await?;
            if self.member.entry().closing.is_cancelled() {
                return connection.writer().flush().await;
            }
        }
    }

    /// Whether another proxy is on the other side.
    fn is_peer(&self) -> bool {
        self.session.user == self.proxy.czars.account().user
    }

    /// Carries out a peer's order to kill.
    async fn answer_peer(
        &mut self,
        connection: &mut ServerConnection,
        command: Command,
    ) -> Result<(), WireError> {
        let ordered = match command {
            Command::Query { sql, attributes } => {
                Kill::from_peer(&String::from_utf8_lossy(&sql), &attributes).and_then(|kill| {
                    refusals::not_killed(kill.here(&self.proxy.registry), kill.id).map_or(Ok(()), Err)
                })
            }
            Command::Ping => Ok(()),
            _ => Err(refusals::proxies_only()),
        };
        match ordered {
            Ok(()) => self.write_ok(connection).await,
            Err(error) => connection.writer().write_err(&error).await,
        }
    }

    async fn answer(&mut self, connection: &mut ServerConnection, command: Command) -> Result<(), WireError> {
        if self.is_peer() {
            return self.answer_peer(connection, command).await;
        }
        if let Some(refusal) = command.refusal() {
            return self.tell(connection.writer(), &refusal).await.map(drop);
        }
        match command {
            Command::Query { sql, .. } => match self.text_of(&sql) {
                Some(sql) => self.run(connection, sql, Format::Text).await,
                None => self.tell_not_text(connection).await,
            },
            Command::InitDb(name) => self.init_db(connection, &String::from_utf8_lossy(&name)).await,
            Command::Prepare(sql) => match self.text_of(&sql) {
                Some(sql) => self.prepare(connection, sql).await,
                None => self.tell_not_text(connection).await,
            },
            Command::Execute(request) => self.execute(connection, &request).await,
            Command::SendLongData {
                statement,
                param,
                data,
            } => {
                let limit = self.proxy.server.max_allowed_packet;
                self.prepared.append(statement, param, &data, limit);
                Ok(())
            }
            Command::CloseStatement(id) => {
                self.prepared.remove(id);
                Ok(())
            }
            Command::ResetStatement(id) => match self.prepared.reset(id) {
                Ok(()) => self.write_ok(connection).await,
                Err(error) => self.tell(connection.writer(), &error).await.map(drop),
            },
            Command::ProcessKill { connection: id } => self.process_kill(connection, id).await,
            Command::ChangeUser(request) => self.change_user(connection, request).await,
            Command::ResetConnection => {
                self.session.reset();
                self.prepared.clear();
                self.write_ok(connection).await
            }
            // Several statements in one text are refused one by one, whatever this says.
            Command::Ping | Command::SetOption { .. } => self.write_ok(connection).await,
            Command::Quit | Command::FetchStatement(_) | Command::Unsupported(_) => Err(WireError::Closed),
        }
    }

    /// The text of a statement; `None` when it is not what the session's character set says.
    fn text_of<'a>(&self, bytes: &'a [u8]) -> Option<&'a str> {
        let text = std::str::from_utf8(bytes).ok()?;
        (text.is_ascii() || self.session.collation().reads_utf8()).then_some(text)
    }

    async fn write_ok(&self, connection: &mut ServerConnection) -> Result<(), WireError> {
        let ok = OkPacket::with_status(self.session.status(), 0);
        connection.writer().write_ok(&ok).await
    }

    async fn tell_not_text(&mut self, connection: &mut ServerConnection) -> Result<(), WireError> {
        let error = refusals::not_text(self.session.collation().charset());
        self.tell(connection.writer(), &error).await.map(drop)
    }

    async fn prepare(&mut self, connection: &mut ServerConnection, sql: &str) -> Result<(), WireError> {
        let columns = match self.columns_of(connection, sql).await {
            Ok(columns) => columns,
            Err(failure) => {
                let told = self.tell_failure(connection.writer(), failure).await?;
                return if told == crate::statement::Outcome::ClientGone {
                    Err(WireError::Closed)
                } else {
                    Ok(())
                };
            }
        };
        match self.prepared.add(sql) {
            Ok((id, count)) => {
                let params = parameter_columns(count);
                connection
                    .writer()
                    .write_prepare_ok(id, &params, &columns, 0)
                    .await
            }
            Err(error) => self.tell(connection.writer(), &error).await.map(drop),
        }
    }

    async fn execute(
        &mut self,
        connection: &mut ServerConnection,
        request: &ExecuteRequest,
    ) -> Result<(), WireError> {
        match self.prepared.text(request) {
            Ok(sql) => self.run(connection, &sql, Format::Binary).await,
            Err(error) => self.tell(connection.writer(), &error).await.map(drop),
        }
    }

    /// COM_CHANGE_USER: like a new connection, on the same stream.
    async fn change_user(
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
        self.session = Session::new(login.user, None, login.collation);
        match self.enter(login.database) {
            Ok(()) => self.write_ok(connection).await,
            Err(error) => {
                self.tell(connection.writer(), &error).await?;
                connection.writer().flush().await?;
                Err(WireError::Closed)
            }
        }
    }
}
