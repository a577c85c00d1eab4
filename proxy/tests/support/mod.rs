//! A proxy with its parts in this process: users and tables in a snapshot, and stand-ins for czars
//! that answer from a real MariaDB server and fail on demand. (Answers of real czars are what
//! `make dev` and the end-to-end tests are about.)
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic
)]

pub mod czar;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command as Process, Output};
use std::sync::Arc;
use std::time::Duration;

use orrery_archive::catalog::users::{ServiceClass, UserLimits};
use orrery_archive::catalog::users::{User, Users};
use orrery_archive::catalog::{AcceptedReference, Catalog, Table, TableKey, TableKind, encode};
use orrery_archive::table::OnDeletion;
use orrery_proxy::budget::Budget;
use orrery_proxy::czars::{self, CzarOptions, Czars};
use orrery_proxy::door::{Arrivals, Backoff, Door};
use orrery_proxy::metrics::Metrics;
use orrery_proxy::{Places, Proxy, Registry, serve};
use orrery_snapshot::{Hub, Offer};
use orrery_wire::auth::Verifier;
use orrery_wire::client::{ClientConnection, ClientError, ClientOptions, Endpoint};
use orrery_wire::server::ServerConfig;
use orrery_wire::value::TextCells;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use czar::Czar;

pub const PASSWORD: &str = "correct horse";
pub const CZAR_PASSWORD: &str = "between us";

pub fn user(databases: &[&str], class: ServiceClass, limits: UserLimits) -> User {
    let verifier = Verifier::from_password(PASSWORD.as_bytes());
    User {
        native: hex::encode(verifier.native.unwrap()),
        sha2: Some(hex::encode(verifier.sha2.unwrap())),
        valid_until: None,
        databases: databases.iter().map(|name| (*name).to_owned()).collect(),
        tables: BTreeMap::new(),
        class,
        limits,
    }
}

/// `ann` reads `sky` (in the catalog) and `empty` (not there), `bob` nothing, `root` is admin,
/// `poor` has limits.
pub fn users() -> Users {
    let standard =
        |databases: &[&str]| user(databases, ServiceClass::Standard, UserLimits::default());
    let limits = UserLimits {
        max_rows: Some(1000),
        max_seconds: Some(1),
        max_connections: Some(1),
    };
    Users {
        version: 1,
        users: [
            ("ann".to_owned(), standard(&["sky", "empty"])),
            ("bob".to_owned(), standard(&[])),
            (
                "root".to_owned(),
                user(&["*"], ServiceClass::Admin, UserLimits::default()),
            ),
            (
                "poor".to_owned(),
                user(&["sky"], ServiceClass::Standard, limits),
            ),
        ]
        .into(),
    }
}

/// A running proxy.
pub struct Running {
    pub port: u16,
    /// Its port for other proxies.
    pub peer_port: u16,
    pub proxy: Arc<Proxy>,
    pub czars: Vec<Czar>,
    folder: TempDir,
}

/// Starts a proxy over these czars and waits until one of them answers.
pub async fn start(czars: Vec<Czar>) -> Running {
    start_with(czars, 100).await
}

pub async fn start_with(czars: Vec<Czar>, max_connections: usize) -> Running {
    start_among(czars, max_connections, Vec::new()).await
}

/// With other proxies.
pub async fn start_among(czars: Vec<Czar>, max_connections: usize, peers: Vec<String>) -> Running {
    start_proxy(czars, peers, |proxy| {
        proxy.registry = Arc::new(Registry::new(Places {
            all: max_connections,
            admins: 0,
        }));
    })
    .await
}

/// With what the test needs otherwise.
pub async fn start_proxy(
    czars: Vec<Czar>,
    peers: Vec<String>,
    adapt: impl FnOnce(&mut Proxy),
) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let password_file = folder.path().join("password");
    std::fs::write(&password_file, format!("{CZAR_PASSWORD}\n")).unwrap();
    let hub = Hub::new();
    let catalog = catalog();
    let encoded = encode(&catalog);
    hub.offer(Offer::Users(users()));
    hub.offer(Offer::Catalog(
        Arc::new(catalog),
        encoded.root,
        encoded.objects,
    ));
    let options = CzarOptions {
        names: czars
            .iter()
            .map(|czar| format!("127.0.0.1:{}", czar.port))
            .collect(),
        user: "orrery_proxy".to_owned(),
        password_file,
        tls: None,
        connections: 8,
        timeout: Duration::from_secs(10),
    };
    let mut proxy = Proxy {
        hub,
        czars: Czars::new(options),
        door: Door {
            backoff: Backoff::default(),
            arrivals: Arrivals::new(100, 50),
            timeout: Duration::from_secs(10),
        },
        registry: Arc::new(Registry::new(Places {
            all: 100,
            admins: 2,
        })),
        prepared: Budget::new(64 << 20),
        server: ServerConfig {
            max_allowed_packet: 1 << 20,
            write_timeout: Some(Duration::from_secs(2)),
            ..ServerConfig::default()
        },
        site: None,
        peers,
        audit: None,
        metrics: Metrics::new().unwrap(),
        started: std::time::Instant::now(),
        name: "proxy-test".to_owned(),
        stopping: CancellationToken::new(),
        cut: CancellationToken::new(),
    };
    adapt(&mut proxy);
    let proxy = Arc::new(proxy);
    tokio::spawn(czars::watch(proxy.czars.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(serve(listener, proxy.clone(), Duration::from_secs(5)));
    let peers = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer_port = peers.local_addr().unwrap().port();
    tokio::spawn(orrery_proxy::peers::serve(peers, proxy.clone()));
    let running = Running {
        port,
        peer_port,
        proxy,
        czars,
        folder,
    };
    if !running.czars.is_empty() {
        eventually("a czar answers", async || running.proxy.czars.any_healthy()).await;
    }
    running
}

/// One table, so that the database `sky` exists.
fn catalog() -> Catalog {
    let kind = TableKind::Reference(AcceptedReference {
        columns: Vec::new(),
        primary_key: Vec::new(),
        indexes: Vec::new(),
        charset: "utf8mb4".into(),
        collation: "utf8mb4_general_ci".into(),
    });
    let table = Table {
        incarnation: 1,
        object: "table".into(),
        schema_version: 1,
        kind,
        segments: Vec::new(),
        revoked: Vec::new(),
        on_deletion: OnDeletion::Retain,
    };
    Catalog {
        archive_uid: "test".to_owned(),
        tables: [(TableKey::new("sky", "Filter"), table)].into(),
        ..Catalog::default()
    }
}

/// Waits until a condition holds; fails after 30 s.
pub async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    for _ in 0..1500 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never came true: {what}");
}

impl Running {
    pub fn options(user: &str) -> ClientOptions {
        ClientOptions {
            user: user.to_owned(),
            password: PASSWORD.to_owned(),
            database: (user == "ann").then(|| "sky".to_owned()),
            connect_timeout: Duration::from_secs(30),
            ..ClientOptions::default()
        }
    }

    pub async fn connect(&self, user: &str) -> ClientConnection {
        self.try_connect(&Self::options(user)).await.unwrap()
    }

    pub async fn try_connect(
        &self,
        options: &ClientOptions,
    ) -> Result<ClientConnection, ClientError> {
        ClientConnection::connect(&Endpoint::Tcp(format!("127.0.0.1:{}", self.port)), options).await
    }

    /// The mariadb command-line client, ready to run.
    pub fn mariadb(&self, user: &str, arguments: &[&str]) -> Process {
        let mut command = Process::new("mariadb");
        command
            .args([
                "--no-defaults",
                "-h127.0.0.1",
                "--batch",
                "--skip-column-names",
            ])
            .arg(format!("-P{}", self.port))
            .arg(format!("-u{user}"))
            .arg(format!("-p{PASSWORD}"))
            .args(arguments);
        command
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Runs a program without blocking the runtime the proxy lives in.
pub async fn run(mut command: Process) -> Output {
    tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap()
}

/// All rows of a text result, NULL as `NULL`.
pub async fn rows(
    connection: &mut ClientConnection,
    sql: &str,
) -> Result<Vec<Vec<String>>, ClientError> {
    let (_, rows) = connection.query_all(sql.as_bytes()).await?;
    let cell = |cell: Result<Option<&[u8]>, _>| {
        cell.map(|cell| {
            cell.map_or("NULL".to_owned(), |cell| {
                String::from_utf8_lossy(cell).into_owned()
            })
        })
        .unwrap()
    };
    Ok(rows
        .iter()
        .map(|row| TextCells::new(row).map(cell).collect())
        .collect())
}

/// The first cell.
pub async fn cell(connection: &mut ClientConnection, sql: &str) -> String {
    rows(connection, sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))[0][0]
        .clone()
}

/// Number and text of the error a statement gives.
pub async fn refused(connection: &mut ClientConnection, sql: &str) -> (u16, String) {
    match rows(connection, sql).await {
        Err(ClientError::Server(error)) => (error.code, error.message),
        other => panic!("{sql}: {other:?}"),
    }
}
