//! What the tests of both sides share: certificates, and a small server over our server side.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use orrery_wire::auth::Verifier;
use orrery_wire::client::{ClientOptions, ClientTls};
use orrery_wire::command::Command;
use orrery_wire::server::{ServerConfig, ServerConnection};
use orrery_wire::statement::StatementParams;
use orrery_wire::{ColumnDef, ColumnType, OkPacket, ServerError, Value, WireError};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

pub const PASSWORD: &str = "correct horse";

/// A certificate for `localhost`, as files and as rustls configurations.
pub struct Tls {
    pub dir: TempDir,
    pub server: Arc<rustls::ServerConfig>,
    pub client: ClientTls,
}

impl Tls {
    pub fn new() -> Self {
        orrery_shell::install_crypto();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let server = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = ClientTls {
            config: Arc::new(client),
            server_name: "localhost".try_into().unwrap(),
        };
        Self {
            dir,
            server: Arc::new(server),
            client,
        }
    }

    pub fn cert(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }
}

pub fn options(user: &str, password: &str) -> ClientOptions {
    ClientOptions {
        user: user.to_owned(),
        password: password.to_owned(),
        connect_timeout: Duration::from_secs(30),
        ..ClientOptions::default()
    }
}

/// Starts a server over our server side. Users: `ann` (both digests), `nat` (native only), `sha`
/// (SHA-2 only), all with [`PASSWORD`].
pub async fn serve(config: ServerConfig) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let ids = AtomicU32::new(100);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (config, id) = (config.clone(), ids.fetch_add(1, Ordering::Relaxed));
            tokio::spawn(async move {
                // A client that misbehaves on purpose ends its own connection only.
                let _ = converse(stream, config, id).await;
            });
        }
    });
    port
}

pub fn accounts(user: &str) -> Option<Verifier> {
    let both = Verifier::from_password(PASSWORD.as_bytes());
    match user {
        "ann" => Some(both),
        "nat" => Some(Verifier { sha2: None, ..both }),
        "sha" => Some(Verifier {
            native: None,
            ..both
        }),
        _ => None,
    }
}

async fn converse(stream: TcpStream, config: ServerConfig, id: u32) -> std::io::Result<()> {
    let (mut connection, session) =
        ServerConnection::handshake(stream, &config, id, "127.0.0.1", &accounts).await?;
    connection
        .writer()
        .write_ok(&OkPacket::success())
        .await
        .map_err(std::io::Error::other)?;
    let mut server = Conversation {
        who: session.user.clone(),
        database: session.database.clone().unwrap_or_default(),
        statement: StatementParams::default(),
        info: format!("{session:?}"),
    };
    while let Ok(command) = connection.read_command().await {
        if command == Command::Quit || server.answer(&mut connection, command).await.is_err() {
            break;
        }
    }
    connection.close().await.map_err(std::io::Error::other)
}

struct Conversation {
    who: String,
    database: String,
    info: String,
    statement: StatementParams,
}

impl Conversation {
    async fn answer(
        &mut self,
        connection: &mut ServerConnection,
        command: Command,
    ) -> Result<(), WireError> {
        if let Some(error) = command.refusal() {
            return connection.writer().write_err(&error).await;
        }
        match command {
            Command::Query { sql, attributes } => {
                let attributes: Vec<_> = attributes
                    .iter()
                    .map(|a| format!("{}={:?}", a.name, a.param.value))
                    .collect();
                self.query(
                    connection,
                    &String::from_utf8_lossy(&sql),
                    &attributes.join(","),
                )
                .await
            }
            Command::InitDb(name) => {
                self.database = String::from_utf8_lossy(&name).into_owned();
                connection.writer().write_ok(&OkPacket::success()).await
            }
            Command::ChangeUser(request) => {
                match connection
                    .change_user(request, "127.0.0.1", &accounts)
                    .await
                {
                    Ok(session) => {
                        self.who = session.user;
                        self.database = session.database.unwrap_or_default();
                        connection.writer().write_ok(&OkPacket::success()).await
                    }
                    Err(_) => Err(WireError::Closed),
                }
            }
            Command::Prepare(sql) => {
                let count = String::from_utf8_lossy(&sql).matches('?').count();
                self.statement = StatementParams::new(count);
                let params: Vec<_> = (0..count).map(|_| text("?")).collect();
                let columns: Vec<_> = (0..count).map(|i| text(&format!("p{i}"))).collect();
                connection
                    .writer()
                    .write_prepare_ok(1, &params, &columns, 0)
                    .await
            }
            Command::Execute(request) => {
                let params = self.statement.take(&request)?;
                let columns: Vec<_> = params
                    .iter()
                    .enumerate()
                    .map(|(i, param)| {
                        let mut column =
                            ColumnDef::expression(format!("p{i}"), param.column_type, 255);
                        column
                            .flags
                            .set(orrery_wire::ColumnFlags::UNSIGNED_FLAG, param.unsigned);
                        column
                    })
                    .collect();
                let values: Vec<Value> = params.into_iter().map(|param| param.value).collect();
                let writer = connection.writer();
                writer.start_result(&columns).await?;
                writer.write_binary_row(&values, &columns).await.unwrap();
                writer.finish_result(&OkPacket::success()).await
            }
            Command::SendLongData { param, data, .. } => {
                self.statement.append_long_data(param, &data, 1 << 26)
            }
            Command::CloseStatement(_) => Ok(()),
            _ => connection.writer().write_ok(&OkPacket::success()).await,
        }
    }

    async fn query(
        &self,
        connection: &mut ServerConnection,
        sql: &str,
        attributes: &str,
    ) -> Result<(), WireError> {
        let words: Vec<&str> = sql.split_whitespace().collect();
        let writer = connection.writer();
        match words.as_slice() {
            ["length", ..] => one_cell(writer, sql.len().to_string().as_bytes()).await,
            ["cell", length] => one_cell(writer, &vec![b'x'; length.parse().unwrap()]).await,
            ["whoami"] => {
                one_cell(writer, format!("{}/{}", self.who, self.database).as_bytes()).await
            }
            ["session"] => one_cell(writer, self.info.as_bytes()).await,
            ["attributes"] => one_cell(writer, attributes.as_bytes()).await,
            ["warn"] => {
                writer.start_result(&[text("w")]).await?;
                writer
                    .finish_result(&OkPacket {
                        warnings: 3,
                        ..OkPacket::success()
                    })
                    .await
            }
            ["nulls"] => {
                writer.start_result(&[text("a"), text("b")]).await?;
                writer.write_text_row([Some(&b"1"[..]), None]).await?;
                writer.write_text_row([None, Some(&b""[..])]).await?;
                writer.finish_result(&OkPacket::success()).await
            }
            ["midway"] => {
                writer.start_result(&[text("a")]).await?;
                writer.write_text_row([Some(&b"1"[..])]).await?;
                writer
                    .write_err(&ServerError {
                        code: 4999,
                        sqlstate: *b"HY000",
                        message: "a worker went away".to_owned(),
                    })
                    .await
            }
            ["two"] => {
                writer.start_result(&[text("a")]).await?;
                writer.write_text_row([Some(&b"1"[..])]).await?;
                let more =
                    OkPacket::with_status(orrery_wire::StatusFlags::SERVER_MORE_RESULTS_EXISTS, 0);
                writer.finish_result(&more).await?;
                one_cell(writer, b"2").await
            }
            _ => {
                writer
                    .write_ok(&OkPacket {
                        affected_rows: 0,
                        ..OkPacket::success()
                    })
                    .await
            }
        }
    }
}

fn text(name: &str) -> ColumnDef {
    ColumnDef::text(name.to_owned(), 45, 1 << 24)
}

async fn one_cell(
    writer: &mut orrery_wire::server::ResponseWriter,
    cell: &[u8],
) -> Result<(), WireError> {
    let column = ColumnDef {
        column_type: ColumnType::MYSQL_TYPE_LONG_BLOB,
        ..text("v")
    };
    writer.start_result(&[column]).await?;
    writer.write_text_row([Some(cell)]).await?;
    writer.finish_result(&OkPacket::success()).await
}

pub fn path_str(path: &Path) -> String {
    path.display().to_string()
}
