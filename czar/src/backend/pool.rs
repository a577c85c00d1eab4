//! A bounded set of connections of one account to one server.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use orrery_wire::client::{ClientConnection, ClientError, ClientOptions, Endpoint};
use orrery_wire::errors;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::settings::SessionSettings;

/// How long one try of a kill may take, its connection included.
const KILL_TIME: Duration = Duration::from_secs(2);
/// Tries of a kill: a server that is too busy to take a connection has all the more reason to be
/// relieved.
const KILL_TRIES: usize = 10;
/// Pause between tries.
const KILL_PAUSE: Duration = Duration::from_millis(200);

/// How to log in, asked for each new connection: passwords and certificates change.
pub type Login = Arc<dyn Fn() -> ClientOptions + Send + Sync>;

/// Connections of one account to one server.
pub struct Pool {
    endpoint: RwLock<Endpoint>,
    login: Login,
    /// Runs once on each new connection, before the session's settings.
    setup: String,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: ClientConnection,
    state: State,
}

/// What is known of a connection's session.
#[derive(Clone, Default, PartialEq)]
struct State {
    settings: Option<Arc<SessionSettings>>,
    database: Option<Arc<str>>,
}

impl Pool {
    /// An empty pool of at most `size` connections. `setup` is one statement for every new
    /// connection, or empty.
    pub fn new(endpoint: Endpoint, login: Login, setup: String, size: usize) -> Arc<Self> {
        Arc::new(Self {
            endpoint: RwLock::new(endpoint),
            login,
            setup,
            places: Arc::new(Semaphore::new(size)),
            idle: Mutex::new(Vec::new()),
        })
    }

    /// Where the pool connects to.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.read().clone()
    }

    /// Changes the address; connections to the old one are closed when they come back.
    pub fn set_endpoint(&self, endpoint: Endpoint) {
        if *self.endpoint.read() != endpoint {
            *self.endpoint.write() = endpoint;
            self.idle.lock().clear();
        }
    }

    /// Connections that may be taken without waiting.
    pub fn free(&self) -> usize {
        self.places.available_permits()
    }

    /// Waits for a place and takes a connection, a new one when none is idle, with these settings
    /// and this default database.
    pub async fn acquire(
        self: &Arc<Self>,
        settings: &Arc<SessionSettings>,
        database: Option<&str>,
    ) -> Result<PooledConnection, ClientError> {
        let place = self
            .places
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| ClientError::NotReady("the pool is closed"))?;
        let mut lease = match self.take_idle(settings, database) {
            Some(idle) => self.lease(idle, place),
            None => self.open(place).await?,
        };
        lease.prepare(settings, database).await?;
        Ok(lease)
    }

    /// An idle connection: one with the wanted state if there is one. A session cannot lose its
    /// default database, so a connection that has one does not serve those that want none.
    fn take_idle(&self, settings: &Arc<SessionSettings>, database: Option<&str>) -> Option<Idle> {
        let mut idle = self.idle.lock();
        loop {
            let fits = |entry: &Idle| database.is_some() || entry.state.database.is_none();
            let exact = |entry: &Idle| {
                entry.state.database.as_deref() == database
                    && entry.state.settings.as_ref() == Some(settings)
            };
            let place = idle
                .iter()
                .rposition(exact)
                .or_else(|| idle.iter().rposition(fits))?;
            let mut entry = idle.swap_remove(place);
            // A server that has closed the connection is noticed here, without a round trip.
            if entry.connection.closed().now_or_never().is_none() {
                return Some(entry);
            }
        }
    }

    async fn open(
        self: &Arc<Self>,
        place: OwnedSemaphorePermit,
    ) -> Result<PooledConnection, ClientError> {
        let endpoint = self.endpoint();
        let connection = ClientConnection::connect(&endpoint, &(self.login)()).await?;
        let idle = Idle {
            connection,
            state: State::default(),
        };
        let mut lease = self.lease(idle, place);
        lease.endpoint = endpoint;
        if !self.setup.is_empty() {
            lease.connection()?.run(self.setup.as_bytes()).await?;
        }
        Ok(lease)
    }

    fn lease(self: &Arc<Self>, idle: Idle, place: OwnedSemaphorePermit) -> PooledConnection {
        PooledConnection {
            pool: self.clone(),
            endpoint: self.endpoint(),
            connection: Some(idle.connection),
            state: idle.state,
            place: Some(place),
            is_spoiled: false,
        }
    }

    fn give_back(&self, idle: Idle, endpoint: &Endpoint) {
        if *self.endpoint.read() == *endpoint {
            self.idle.lock().push(idle);
        }
    }
}

/// A connection in use.
pub struct PooledConnection {
    pool: Arc<Pool>,
    endpoint: Endpoint,
    connection: Option<ClientConnection>,
    state: State,
    place: Option<OwnedSemaphorePermit>,
    is_spoiled: bool,
}

impl PooledConnection {
    /// Where it leads to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The connection.
    pub fn connection(&mut self) -> Result<&mut ClientConnection, ClientError> {
        self.connection
            .as_mut()
            .ok_or(ClientError::NotReady("the connection was given back"))
    }

    /// Closes the connection without a kill: the server has gone or has closed it.
    pub fn discard(mut self) {
        self.connection = None;
    }

    /// Makes the connection be closed instead of reused: its session holds something (a temporary
    /// table) that must not outlive it.
    pub fn spoil(&mut self) {
        self.is_spoiled = true;
    }

    /// Takes [`Self::spoil`] back: the session holds nothing any more.
    pub fn unspoil(&mut self) {
        self.is_spoiled = false;
    }

    async fn prepare(
        &mut self,
        settings: &Arc<SessionSettings>,
        database: Option<&str>,
    ) -> Result<(), ClientError> {
        if self.state.settings.as_ref() != Some(settings) {
            self.state.settings = None;
            let statement = settings.set_statement();
            self.connection()?.run(statement.as_bytes()).await?;
            self.state.settings = Some(settings.clone());
        }
        if let Some(database) = database
            && self.state.database.as_deref() != Some(database)
        {
            self.connection()?.init_db(database).await?;
            self.state.database = Some(database.into());
        }
        Ok(())
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if connection.is_idle() {
            if !self.is_spoiled {
                let state = std::mem::take(&mut self.state);
                self.pool
                    .give_back(Idle { connection, state }, &self.endpoint);
            }
            return;
        }
        let (endpoint, login, place) = (
            self.endpoint.clone(),
            self.pool.login.clone(),
            self.place.take(),
        );
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let id = connection.connection_id();
                for _ in 0..KILL_TRIES {
                    match kill(&endpoint, &login(), id).await {
                        Ok(()) => break,
                        Err(error) => {
                            tracing::debug!(%endpoint, id, %error, "could not kill a cancelled statement");
                        }
                    }
                    tokio::time::sleep(KILL_PAUSE).await;
                }
                drop(connection);
                drop(place);
            });
        }
    }
}

/// Ends connection `id`, from a connection made for that. Not its statement alone: that may not
/// have begun when the kill arrives, and would then run to its end.
async fn kill(endpoint: &Endpoint, options: &ClientOptions, id: u32) -> Result<(), ClientError> {
    let work = async {
        let mut side = ClientConnection::connect(endpoint, options).await?;
        match side.run(format!("KILL {id}").as_bytes()).await {
            // The connection has gone by itself.
            Err(ClientError::Server(error)) if errors::UNKNOWN_THREAD.is(&error) => Ok(()),
            outcome => outcome,
        }
    };
    match tokio::time::timeout(KILL_TIME, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(ClientError::Timeout {
            endpoint: endpoint.clone(),
            seconds: KILL_TIME.as_secs(),
        }),
    }
}
