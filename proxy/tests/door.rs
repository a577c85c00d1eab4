//! What holds before a client has logged in: guessing is slow, silence keeps nobody out, and every
//! log-in is in the log.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use orrery_proxy::door::Arrivals;
use orrery_proxy::{Places, Registry};
use orrery_wire::client::{ClientConnection, ClientError, ClientOptions, Endpoint};
use parking_lot::Mutex;
use support::{PASSWORD, Running, eventually, start, start_proxy};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connects to a port of this host, from another address than 127.0.0.1.
async fn from_elsewhere(port: u16) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 2], 0))).unwrap();
    let proxy = SocketAddr::from(([127, 0, 0, 1], port));
    socket.connect(proxy).await.unwrap()
}

/// A port that leads to the proxy from another address.
async fn elsewhere(running: &Running) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, port) = (listener.local_addr().unwrap(), running.port);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = from_elsewhere(port).await;
            tokio::spawn(async move {
                // How a conversation ends is for its two ends.
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    Endpoint::Tcp(address.to_string())
}

fn with_password(user: &str, password: &str) -> ClientOptions {
    ClientOptions {
        password: password.to_owned(),
        ..Running::options(user)
    }
}

/// Number of the error; 0 when there is none.
fn code(outcome: Result<ClientConnection, ClientError>) -> u16 {
    match outcome {
        Ok(_) => 0,
        Err(ClientError::Server(error)) => error.code,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn guessing_a_password_is_slow_and_locks_out_nobody_elsewhere() {
    let running = start(Vec::new()).await;
    let guess = with_password("ann", "guess");
    let started = Instant::now();
    let (mut denied, mut delayed) = (0, 0);
    for _ in 0..200 {
        match code(running.try_connect(&guess).await) {
            1045 => denied += 1,
            1129 => delayed += 1,
            other => panic!("{other}"),
        }
    }
    let seconds = started.elapsed().as_secs();
    assert!(denied <= 4 + seconds, "{denied} guesses in {seconds} s");
    assert_eq!(denied + delayed, 200);
    let ann = with_password("ann", PASSWORD);
    assert_eq!(code(running.try_connect(&ann).await), 1129);
    assert_eq!(code(running.try_connect(&Running::options("bob")).await), 0);
    let other = elsewhere(&running).await;
    assert_eq!(code(ClientConnection::connect(&other, &ann).await), 0);
}

#[tokio::test]
async fn a_change_of_user_is_no_way_around_the_pauses() {
    let running = start(Vec::new()).await;
    let mut codes = Vec::new();
    for _ in 0..5 {
        let mut bob = running.connect("bob").await;
        let changed = bob.change_user("ann", "guess", None).await;
        codes.push(code(changed.map(|()| bob)));
    }
    assert_eq!(codes, [1045, 1045, 1045, 1129, 1129]);
}

#[tokio::test]
async fn silent_connections_keep_nobody_out_and_are_closed_in_time() {
    let running = start_proxy(Vec::new(), Vec::new(), |proxy| {
        proxy.door.arrivals = Arrivals::new(60, 20);
        proxy.door.timeout = Duration::from_secs(6);
        proxy.registry = Arc::new(Registry::new(Places { all: 5, admins: 0 }));
    })
    .await;
    let started = Instant::now();
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(from_elsewhere(running.port).await);
    }
    eventually("they are taken in", async || {
        running.proxy.door.arrivals.len() == 20
    })
    .await;
    assert_eq!(code(running.try_connect(&Running::options("bob")).await), 0);
    let same_address = elsewhere(&running).await;
    let bob = ClientConnection::connect(&same_address, &Running::options("bob")).await;
    assert_eq!(code(bob), 0);
    let mut rest = Vec::new();
    for stream in &mut silent[..280] {
        rest.clear();
        // What is sent is the greeting; then the connection ends.
        stream.read_to_end(&mut rest).await.unwrap();
    }
    let seconds = started.elapsed().as_secs();
    assert!(
        seconds < 5,
        "the oldest go at once and not after {seconds} s"
    );
    for stream in &mut silent {
        stream.read_to_end(&mut rest).await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(12));
    eventually("they are gone", async || {
        running.proxy.door.arrivals.is_empty()
    })
    .await;
}

#[tokio::test]
async fn admins_come_in_when_all_other_places_are_taken() {
    let running = start_proxy(Vec::new(), Vec::new(), |proxy| {
        proxy.registry = Arc::new(Registry::new(Places { all: 3, admins: 1 }));
    })
    .await;
    let (_bob, _second) = (running.connect("bob").await, running.connect("bob").await);
    let refused = code(running.try_connect(&Running::options("bob")).await);
    assert_eq!(refused, 1040);
    let _root = running.connect("root").await;
    let refused = code(running.try_connect(&Running::options("root")).await);
    assert_eq!(refused, 1040);
}

/// Log lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn every_log_in_and_every_refusal_is_in_the_log() {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(log).unwrap();
    let running = start(Vec::new()).await;
    let named = ClientOptions {
        attributes: vec![
            ("_client_name".to_owned(), "libtest".to_owned()),
            ("_client_version".to_owned(), "1.2".to_owned()),
        ],
        ..Running::options("poor")
    };
    let _poor = running.try_connect(&named).await.unwrap();
    let forged = with_password("eve\nINFO logged in", "x");
    assert_eq!(code(running.try_connect(&forged).await), 1045);
    let line = |what: &str| {
        let text = String::from_utf8_lossy(&lines.0.lock()).into_owned();
        text.lines()
            .find(|line| line.contains(what))
            .map(str::to_owned)
    };
    eventually("both are logged", async || {
        line("user=\"poor\"").is_some() && line("user=\"eve").is_some()
    })
    .await;
    let poor = line("user=\"poor\"").unwrap();
    for part in [
        " logged in",
        "address=127.0.0.1:",
        "tls=false",
        "libtest 1.2",
    ] {
        assert!(poor.contains(part), "{poor}");
    }
    let eve = line("user=\"eve").unwrap();
    for part in ["not logged in", "eve\\nINFO", "access denied"] {
        assert!(eve.contains(part), "{eve}");
    }
}
