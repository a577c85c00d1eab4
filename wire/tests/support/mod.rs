//! What the tests of both sides share: certificates, a real mariadbd, and a small server over our server side.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use orrery_wire::auth::Verifier;
use orrery_wire::client::{ClientOptions, ClientTls, Endpoint};
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
        let _ = rustls::crypto::ring::default_provider().install_default();
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

/// A mariadbd of its own in a temporary directory; stopped when dropped.
pub struct Mariadbd {
    child: Child,
    dir: TempDir,
    pub port: u16,
}

impl Mariadbd {
    pub fn start(extra: &[String]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let installed = Process::new("mariadb-install-db")
            .args([
                "--no-defaults",
                "--user=root",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ])
            .arg(format!("--datadir={}", dir.path().join("data").display()))
            .arg(format!("--tmpdir={}", dir.path().display()))
            .output()
            .unwrap();
        assert!(
            installed.status.success(),
            "{}",
            String::from_utf8_lossy(&installed.stderr)
        );
        // A free port may be taken by somebody else before the server binds it.
        for _ in 0..5 {
            let port = std::net::TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let mut child = spawn(dir.path(), port, extra);
            if comes_up(&mut child, dir.path()) {
                return Self { child, dir, port };
            }
        }
        panic!(
            "mariadbd does not start: {}",
            std::fs::read_to_string(dir.path().join("log")).unwrap_or_default()
        );
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("s.sock")
    }

    /// Runs SQL with the mariadb command-line client as root.
    pub fn sql(&self, sql: &str) {
        let done = Process::new("mariadb")
            .args(["--no-defaults", "-uroot", "-e", sql])
            .arg(format!("--socket={}", self.socket().display()))
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    pub fn tcp(&self) -> Endpoint {
        Endpoint::Tcp(format!("127.0.0.1:{}", self.port))
    }

    pub fn unix(&self) -> Endpoint {
        Endpoint::Unix(self.socket())
    }
}

fn spawn(dir: &Path, port: u16, extra: &[String]) -> Child {
    Process::new("mariadbd")
        .args([
            "--no-defaults",
            "--user=root",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
        ])
        .args([
            "--innodb-buffer-pool-size=32M",
            "--innodb-flush-log-at-trx-commit=0",
        ])
        .arg(format!("--datadir={}", dir.join("data").display()))
        .arg(format!("--tmpdir={}", dir.display()))
        .arg(format!("--socket={}", dir.join("s.sock").display()))
        .arg(format!("--port={port}"))
        .args(extra)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(dir.join("log")).unwrap())
        .spawn()
        .unwrap()
}

/// Waits until the server answers on its socket; false if it has exited.
fn comes_up(child: &mut Child, dir: &Path) -> bool {
    let until = Instant::now() + Duration::from_mins(1);
    while Instant::now() < until && child.try_wait().unwrap().is_none() {
        if std::os::unix::net::UnixStream::connect(dir.join("s.sock")).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

impl Drop for Mariadbd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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

/// Starts a server over our server side. Users: `ann` (both digests), `nat` (native only), `sha` (SHA-2 only), all
/// with [`PASSWORD`].
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
        "sha" => Some(Verifier { native: None, ..both }),
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
    async fn answer(&mut self, connection: &mut ServerConnection, command: Command) -> Result<(), WireError> {
        if let Some(error) = command.refusal() {
            return connection.writer().write_err(&error).await;
        }
        match command {
            Command::Query { sql, attributes } => {
                let attributes: Vec<_> = attributes
                    .iter()
                    .map(|a| format!("{}={:?}", a.name, a.param.value))
                    .collect();
                self.query(connection, &String::from_utf8_lossy(&sql), &attributes.join(","))
                    .await
            }
            Command::InitDb(name) => {
                self.database = String::from_utf8_lossy(&name).into_owned();
                connection.writer().write_ok(&OkPacket::success()).await
            }
            Command::ChangeUser(request) => {
                match connection.change_user(request, "127.0.0.1", &accounts).await {
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
                        let mut column = ColumnDef::expression(format!("p{i}"), param.column_type, 255);
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
            ["whoami"] => one_cell(writer, format!("{}/{}", self.who, self.database).as_bytes()).await,
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
                    .write_err(&ServerError::new(4999, b"HY000", "a worker went away"))
                    .await
            }
            ["two"] => {
                writer.start_result(&[text("a")]).await?;
                writer.write_text_row([Some(&b"1"[..])]).await?;
                let more = OkPacket::with_status(orrery_wire::StatusFlags::SERVER_MORE_RESULTS_EXISTS, 0);
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

async fn one_cell(writer: &mut orrery_wire::server::ResponseWriter, cell: &[u8]) -> Result<(), WireError> {
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
