//! One czar and its connections.
//!
//! A connection goes back to the pool only when no answer is outstanding. One whose statement is
//! cancelled stays out until the kill is acknowledged *and* the answer has been read to its end, so
//! that a late kill never meets somebody else's statement.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use orrery_wire::client::{ClientConnection, ClientError, Endpoint};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::CzarError;
use super::options::CzarOptions;

/// How long a kill may take to be acknowledged.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the rest of a killed statement's answer may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// One czar.
pub struct Czar {
    address: SocketAddr,
    healthy: AtomicBool,
    in_flight: AtomicUsize,
    slots: Arc<Semaphore>,
    idle: Mutex<Vec<ClientConnection>>,
    /// The connection for probes and kills; it never waits for a statement.
    control: tokio::sync::Mutex<Option<ClientConnection>>,
}

impl Czar {
    pub(super) fn new(address: SocketAddr, connections: usize) -> Self {
        Self {
            address,
            healthy: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            slots: Arc::new(Semaphore::new(connections)),
            idle: Mutex::default(),
            control: tokio::sync::Mutex::default(),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it answered its last probe and no statement failed on it since.
    pub fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// Statements on it now.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    async fn connect(&self, options: &CzarOptions) -> Result<ClientConnection, CzarError> {
        let endpoint = Endpoint::Tcp(self.address.to_string());
        let connected = ClientConnection::connect(&endpoint, &options.login()?).await;
        connected.map_err(|source| {
            self.healthy.store(false, Ordering::Relaxed);
            CzarError::Unreachable {
                address: self.address,
                source,
            }
        })
    }

    /// Asks whether it is there and remembers the answer.
    pub(super) async fn probe(&self, options: &CzarOptions) {
        let alive = tokio::time::timeout(PROBE_TIMEOUT, self.ping(options)).await;
        let healthy = matches!(alive, Ok(Ok(())));
        if self.healthy.swap(healthy, Ordering::Relaxed) != healthy {
            tracing::info!(czar = %self.address, healthy, "czar probed");
        }
    }

    async fn ping(&self, options: &CzarOptions) -> Result<(), CzarError> {
        self.command(&Order::Ping, options).await
    }

    /// Stops the statement that runs on connection `id`. Returns once the czar has acknowledged.
    async fn kill(&self, id: u32, options: &CzarOptions) -> Result<(), CzarError> {
        self.command(&Order::Kill { id }, options).await
    }

    /// Carries out an order on the control connection, which is made anew when there is none or the
    /// old one turns out to be dead.
    async fn command(&self, order: &Order, options: &CzarOptions) -> Result<(), CzarError> {
        let mut control = self.control.lock().await;
        // Taken out while in use: a dropped future leaves nothing half-used behind.
        if let Some(mut connection) = control.take()
            && order.carry_out(&mut connection).await.is_ok()
        {
            *control = Some(connection);
            return Ok(());
        }
        let mut connection = self.connect(options).await?;
        let done = order.carry_out(&mut connection).await;
        if connection.is_idle() {
            *control = Some(connection);
        }
        done.map_err(|source| CzarError::Unreachable {
            address: self.address,
            source,
        })
    }

    /// A kept connection that the czar has not closed meanwhile.
    fn take_idle(&self) -> Option<ClientConnection> {
        loop {
            let mut connection = self.idle.lock().pop()?;
            // An idle czar says nothing: whatever can be read now is the end of the connection.
            if connection.closed().now_or_never().is_none() {
                return Some(connection);
            }
        }
    }
}

/// What the control connection is for.
enum Order {
    Ping,
    /// The statement that runs on this connection of the czar's ends.
    Kill {
        id: u32,
    },
}

impl Order {
    async fn carry_out(&self, connection: &mut ClientConnection) -> Result<(), ClientError> {
        match self {
            Self::Ping => connection.ping().await,
            Self::Kill { id } => connection.run(format!("KILL QUERY {id}").as_bytes()).await,
        }
    }
}

/// A connection for one statement; goes back to its czar when dropped, if it is idle.
pub struct PooledConnection {
    czar: Arc<Czar>,
    connection: Option<ClientConnection>,
    options: Arc<CzarOptions>,
    _slot: OwnedSemaphorePermit,
}

impl PooledConnection {
    pub(super) async fn take(
        czar: Arc<Czar>,
        fresh: bool,
        options: &Arc<CzarOptions>,
    ) -> Result<Self, CzarError> {
        let waiting = tokio::time::timeout(options.timeout, czar.slots.clone().acquire_owned());
        let Ok(Ok(slot)) = waiting.await else {
            return Err(CzarError::Busy {
                seconds: options.timeout.as_secs(),
            });
        };
        czar.in_flight.fetch_add(1, Ordering::Relaxed);
        let mut taken = Self {
            czar,
            connection: None,
            options: options.clone(),
            _slot: slot,
        };
        let kept = if fresh { None } else { taken.czar.take_idle() };
        let connection = match kept {
            Some(connection) => connection,
            None => taken.czar.connect(options).await?,
        };
        taken.connection = Some(connection);
        Ok(taken)
    }

    /// Which czar.
    pub fn address(&self) -> SocketAddr {
        self.czar.address
    }

    /// The connection.
    pub fn connection(&mut self) -> Result<&mut ClientConnection, ClientError> {
        self.connection
            .as_mut()
            .ok_or(ClientError::NotReady("the connection has been given up"))
    }

    /// The czar failed in the middle of a conversation: others are preferred until it answers a
    /// probe.
    pub fn distrust(&mut self) {
        self.czar.healthy.store(false, Ordering::Relaxed);
        self.connection = None;
    }

    /// Stops the statement that runs here and returns once the czar has acknowledged (or does not
    /// answer: then the connection is closed, which a czar takes for the same). The rest of its
    /// answer is read in the background.
    pub async fn cancel(mut self) {
        let Some(id) = self
            .connection
            .as_ref()
            .map(ClientConnection::connection_id)
        else {
            return;
        };
        let czar = self.czar.clone();
        let killed = tokio::time::timeout(KILL_TIMEOUT, czar.kill(id, &self.options)).await;
        if !matches!(killed, Ok(Ok(()))) {
            tracing::warn!(czar = %czar.address, "kill not acknowledged; connection closed");
            self.connection = None;
            return;
        }
        tokio::spawn(async move {
            if let Some(connection) = &mut self.connection {
                // Killed statements end with an error, which leaves the connection idle; Drop looks
                // at nothing else.
                let _ = tokio::time::timeout(DRAIN_TIMEOUT, connection.drain()).await;
            }
        });
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        self.czar.in_flight.fetch_sub(1, Ordering::Relaxed);
        if let Some(connection) = self.connection.take().filter(ClientConnection::is_idle) {
            self.czar.idle.lock().push(connection);
        }
    }
}
