//! A stand-in for a czar: it honours the attributes a proxy sends, runs the statement on a real
//! MariaDB server and passes the rows on. It can be told to fail.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use orrery_czar_protocol::Question;
use orrery_czar_protocol::answer::{SHADOW_LOST, WARNINGS, data_epoch_state};
use orrery_kit::Mysqld;
use orrery_wire::auth::Verifier;
use orrery_wire::client::{ClientConnection, ClientError, ClientOptions, Endpoint, Next, Response};
use orrery_wire::command::{Command, QueryAttribute};
use orrery_wire::server::{ServerConfig, ServerConnection};
use orrery_wire::{Format, OkPacket, WireError};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::CZAR_PASSWORD;

/// A statement as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub sql: String,
    attributes: Vec<QueryAttribute>,
}

impl Seen {
    pub fn question(&self) -> Question<'_> {
        Question::from_attributes(&self.attributes).unwrap()
    }
}

/// One stand-in.
pub struct Czar {
    pub port: u16,
    pub state: Arc<State>,
}

#[derive(Default)]
pub struct State {
    /// Statements that end with the connection closed instead of an answer.
    pub deaths_before_answer: AtomicUsize,
    /// Statements during which the shadow server is lost.
    pub shadow_losses: AtomicUsize,
    /// Of the next result only this many rows are sent before the connection is closed; 0: all.
    pub rows_before_death: AtomicUsize,
    /// Connections are closed without a word, as while a czar starts.
    pub is_away: AtomicBool,
    /// Statements seen.
    pub seen: Mutex<Vec<Seen>>,
    /// Connections opened.
    pub connections: AtomicU32,
    /// Kills that arrived.
    pub kills: AtomicUsize,
    /// MariaDB's connection id by ours.
    backends: Mutex<HashMap<u32, u32>>,
    stop: Mutex<CancellationToken>,
}

impl Czar {
    pub async fn start(database: &Arc<Mysqld>) -> Self {
        Self::start_with(database, None).await
    }

    /// With TLS, which it then requires.
    pub async fn start_with(
        database: &Arc<Mysqld>,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let (shared, database) = (state.clone(), database.clone());
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let id = 1000 + shared.connections.fetch_add(1, Ordering::Relaxed);
                if shared.is_away.load(Ordering::Relaxed) {
                    continue;
                }
                let (shared, database, tls) = (shared.clone(), database.clone(), tls.clone());
                tokio::spawn(async move {
                    let stop = shared.stop.lock().clone();
                    tokio::select! {
                        () = stop.cancelled() => {}
                        // How a conversation ends is the proxy's business.
                        _ = converse(stream, tls, id, &shared, &database) => {}
                    }
                    shared.backends.lock().remove(&id);
                });
            }
        });
        Self { port, state }
    }

    /// Closes all connections, as a restart would.
    pub fn drop_connections(&self) {
        std::mem::take(&mut *self.state.stop.lock()).cancel();
    }

    pub fn last(&self) -> Seen {
        self.state.seen.lock().last().cloned().unwrap()
    }

    pub fn count(&self, sql: &str) -> usize {
        self.state
            .seen
            .lock()
            .iter()
            .filter(|seen| seen.sql == sql)
            .count()
    }
}

fn backend_options() -> ClientOptions {
    ClientOptions {
        user: "root".to_owned(),
        ..ClientOptions::default()
    }
}

async fn converse(
    stream: TcpStream,
    tls: Option<Arc<rustls::ServerConfig>>,
    id: u32,
    state: &State,
    database: &Mysqld,
) -> Result<(), WireError> {
    let accounts = |user: &str| {
        (user == "orrery_proxy").then(|| Verifier::from_password(CZAR_PASSWORD.as_bytes()))
    };
    let config = ServerConfig {
        require_tls: tls.is_some(),
        tls,
        max_allowed_packet: 64 << 20,
        ..ServerConfig::default()
    };
    let Ok((mut connection, _)) =
        ServerConnection::handshake(stream, &config, id, "proxy", &accounts).await
    else {
        return Ok(());
    };
    connection.writer().write_ok(&OkPacket::success()).await?;
    let endpoint = Endpoint::Unix(database.socket());
    let mut backend = ClientConnection::connect(&endpoint, &backend_options())
        .await
        .unwrap();
    state.backends.lock().insert(id, backend.connection_id());
    loop {
        match connection.read_command().await? {
            Command::Quit => return Ok(()),
            Command::Query { sql, .. } if sql == WARNINGS => {
                let (columns, rows) = backend.query_all(&sql).await.unwrap();
                let writer = connection.writer();
                writer.start_result(&columns).await?;
                for row in rows {
                    writer.write_row_raw(&row).await?;
                }
                writer.finish_result(&OkPacket::success()).await?;
            }
            Command::Query { sql, attributes } => {
                let sql = String::from_utf8(sql.to_vec()).unwrap();
                if let Some(target) = sql.strip_prefix("KILL QUERY ") {
                    state.kills.fetch_add(1, Ordering::Relaxed);
                    kill(target.parse().unwrap(), state, &endpoint).await;
                    connection.writer().write_ok(&OkPacket::success()).await?;
                    continue;
                }
                let seen = Seen { sql, attributes };
                state.seen.lock().push(seen.clone());
                answer(&seen, &mut connection, &mut backend, state).await?;
            }
            _ => connection.writer().write_ok(&OkPacket::success()).await?,
        }
    }
}

async fn kill(target: u32, state: &State, endpoint: &Endpoint) {
    let backend = state.backends.lock().get(&target).copied();
    let Some(backend) = backend else { return };
    let mut other = ClientConnection::connect(endpoint, &backend_options())
        .await
        .unwrap();
    other
        .run(format!("KILL QUERY {backend}").as_bytes())
        .await
        .unwrap();
}

async fn answer(
    seen: &Seen,
    connection: &mut ServerConnection,
    backend: &mut ClientConnection,
    state: &State,
) -> Result<(), WireError> {
    let happens = |left: &AtomicUsize| {
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(1)
        })
        .is_ok()
    };
    if happens(&state.deaths_before_answer) {
        return Err(WireError::Closed);
    }
    if happens(&state.shadow_losses) {
        let lost = SHADOW_LOST.error("the shadow server was lost");
        return connection.writer().write_err(&lost).await;
    }
    let (mut watch, _) = connection.split();
    let asked = tokio::select! {
        asked = ask(seen, backend) => asked,
        error = watch.closed() => return Err(error),
    };
    let answered = match asked {
        Ok(Response::Ok(ok)) => connection.writer().write_ok(&with_epoch(ok)).await,
        Ok(Response::Rows(columns)) => {
            connection.writer().start_result(&columns).await?;
            pass(seen, connection, backend, state).await
        }
        Err(ClientError::Server(error)) => connection.writer().write_err(&error).await,
        Err(error) => panic!("{}: {error}", seen.sql),
    };
    backend.drain().await.unwrap();
    answered
}

/// Settings, then the statement, as the attributes want it.
async fn ask(seen: &Seen, backend: &mut ClientConnection) -> Result<Response, ClientError> {
    let question = seen.question();
    let collation = question.collation.unwrap();
    let settings = format!(
        "SET time_zone='{}', sql_mode='{}', character_set_client=utf8mb4, collation_connection={collation}, \
         character_set_results={}",
        question.time_zone.unwrap(),
        question.sql_mode.unwrap(),
        collation.split('_').next().unwrap(),
    );
    backend.run(settings.as_bytes()).await?;
    if let Some(database) = question.database {
        backend.init_db(database).await?;
    }
    if question.prepare {
        let prepared = backend.prepare(seen.sql.as_bytes()).await?;
        let columns = prepared.columns.clone();
        backend.close_statement(prepared).await?;
        return Ok(if columns.is_empty() {
            Response::Ok(OkPacket::success())
        } else {
            Response::Rows(columns)
        });
    }
    if question.format == Format::Binary {
        let prepared = backend.prepare(seen.sql.as_bytes()).await?;
        return backend.execute(&prepared, &[]).await;
    }
    backend.query(seen.sql.as_bytes()).await
}

async fn pass(
    seen: &Seen,
    connection: &mut ServerConnection,
    backend: &mut ClientConnection,
    state: &State,
) -> Result<(), WireError> {
    if seen.question().prepare {
        return connection
            .writer()
            .finish_result(&with_epoch(OkPacket::success()))
            .await;
    }
    let last = state.rows_before_death.swap(0, Ordering::Relaxed);
    let mut rows = 0;
    loop {
        match backend.next_row().await {
            Ok(Next::Row(row)) => {
                connection.writer().write_row_raw(&row).await?;
                rows += 1;
                if rows == last {
                    connection.writer().flush().await?;
                    return Err(WireError::Closed);
                }
            }
            Ok(Next::End(end)) => return connection.writer().finish_result(&with_epoch(end)).await,
            Err(ClientError::Server(error)) => return connection.writer().write_err(&error).await,
            Err(error) => panic!("{}: {error}", seen.sql),
        }
    }
}

fn with_epoch(ok: OkPacket) -> OkPacket {
    OkPacket {
        session_state: data_epoch_state(7),
        ..ok
    }
}
