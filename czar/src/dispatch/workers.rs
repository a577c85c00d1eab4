//! The workers as the czar sees them: a pool of connections each, how busy they are, and whether
//! they answer.
//!
//! Keeps true: a worker that stops answering without closing its connections (a cut network) is
//! noticed by a probe, and every task that waits for it is notified; a worker that was reached
//! again is used again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use orrery_archive::names::WorkerId;
use orrery_tls::Reloaded;
use orrery_wire::client::{ClientConnection, ClientError, ClientOptions, Endpoint};
use parking_lot::RwLock;
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;

use crate::backend::{Login, Pool};
use crate::inside::{Inside, Password};

/// Time between probes of a worker.
const PROBE_EVERY: Duration = Duration::from_secs(2);
/// A probe that takes longer has failed.
const PROBE_TIME: Duration = Duration::from_secs(3);
/// How long a worker that refuses is left alone.
const BACK_OFF: Duration = Duration::from_secs(2);
/// For every new connection. A table that is being dropped or imported keeps its readers out, by
/// default for a day; after this many seconds the statement ends with error 1205 and is sent to
/// another replica (docs/design/catalog.md#missing-tables).
const SETUP: &str = "SET lock_wait_timeout=2";
/// Largest row a worker may send: MariaDB's own limit.
const MAX_ROW: usize = 1 << 30;

/// How to talk to workers.
pub struct WorkerOptions {
    /// Account with SELECT on the chunk tables.
    pub user: String,
    /// Its password.
    pub password: Password,
    /// Certificate for them; without it they are spoken to in the clear.
    pub tls: Option<Arc<Reloaded<Inside>>>,
    /// Connections to each worker.
    pub connections: usize,
    /// How many of them scans may use at once.
    pub scans: usize,
    /// Time to connect and log in.
    pub connect_timeout: Duration,
}

impl WorkerOptions {
    fn client(&self) -> ClientOptions {
        ClientOptions {
            user: self.user.clone(),
            password: self.password.current(),
            tls: self
                .tls
                .as_ref()
                .map(|inside| inside.current().workers.clone()),
            max_allowed_packet: MAX_ROW,
            connect_timeout: self.connect_timeout,
            ..ClientOptions::default()
        }
    }
}

/// Every worker the catalog knows an address of.
pub struct Workers {
    options: Arc<WorkerOptions>,
    started: Instant,
    by_id: RwLock<HashMap<WorkerId, Arc<Worker>>>,
}

/// One worker.
pub struct Worker {
    /// Its id.
    pub id: WorkerId,
    /// Connections to it.
    pub pool: Arc<Pool>,
    /// Places for scans.
    pub scans: Arc<Semaphore>,
    in_flight: AtomicUsize,
    /// Milliseconds after the start of [`Workers`] until which the worker is left alone.
    rests_until: AtomicU64,
    is_listed_ready: AtomicBool,
    /// Whether the last probes were answered.
    answers: watch::Sender<bool>,
    probe: AbortHandle,
}

/// Counts a task in flight while it lives.
pub struct InFlight(Arc<Worker>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.probe.abort();
    }
}

impl Worker {
    /// Notes a task on the worker.
    pub fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self.clone())
    }

    /// Resolves when the worker has stopped answering probes.
    pub async fn is_lost(&self) {
        let mut answers = self.answers.subscribe();
        if answers.wait_for(|answers| !*answers).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Workers {
    /// No workers yet.
    pub fn new(options: WorkerOptions) -> Arc<Self> {
        Arc::new(Self {
            options: Arc::new(options),
            started: Instant::now(),
            by_id: RwLock::new(HashMap::new()),
        })
    }

    /// Takes over the workers of a snapshot: id, `host:port`, and whether the operator counts it as
    /// serving.
    pub fn update(&self, listed: impl IntoIterator<Item = (WorkerId, String, bool)>) {
        let mut next = HashMap::new();
        let mut workers = self.by_id.write();
        for (id, address, is_ready) in listed {
            let endpoint = Endpoint::Tcp(address);
            let worker = match workers.get(&id) {
                Some(worker) => {
                    worker.pool.set_endpoint(endpoint);
                    worker.clone()
                }
                None => self.worker(id, endpoint),
            };
            worker.is_listed_ready.store(is_ready, Ordering::Relaxed);
            next.insert(id, worker);
        }
        *workers = next;
    }

    /// The worker with this id.
    pub fn get(&self, id: WorkerId) -> Option<Arc<Worker>> {
        self.by_id.read().get(&id).cloned()
    }

    /// Every worker's id.
    pub fn ids(&self) -> Vec<WorkerId> {
        self.by_id.read().keys().copied().collect()
    }

    /// The best of some workers: those that answer first, then the one with the least work. `extra`
    /// is work the caller has in mind for a worker but has not begun.
    pub fn choose(
        &self,
        candidates: &[WorkerId],
        extra: impl Fn(WorkerId) -> usize,
    ) -> Option<WorkerId> {
        let workers = self.by_id.read();
        let now = self.now();
        let rank = |worker: &Worker| {
            let is_bad =
                !*worker.answers.borrow() || worker.rests_until.load(Ordering::Relaxed) > now;
            let is_unlisted = !worker.is_listed_ready.load(Ordering::Relaxed);
            (
                is_bad,
                is_unlisted,
                worker.in_flight.load(Ordering::Relaxed) + extra(worker.id),
            )
        };
        let known = candidates.iter().filter_map(|id| workers.get(id));
        known
            .min_by_key(|worker| rank(worker))
            .map(|worker| worker.id)
    }

    /// Leaves a worker alone for a while, if there is another.
    pub fn rest(&self, id: WorkerId) {
        if let Some(worker) = self.get(id) {
            let until = self.now() + BACK_OFF.as_millis() as u64;
            worker.rests_until.store(until, Ordering::Relaxed);
        }
    }

    /// Tasks in flight on each worker.
    pub fn load(&self) -> Vec<(WorkerId, usize, bool)> {
        let workers = self.by_id.read();
        let entry = |worker: &Arc<Worker>| {
            (
                worker.id,
                worker.in_flight.load(Ordering::Relaxed),
                *worker.answers.borrow(),
            )
        };
        workers.values().map(entry).collect()
    }

    fn now(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    fn worker(&self, id: WorkerId, endpoint: Endpoint) -> Arc<Worker> {
        let options = self.options.clone();
        let login: Login = Arc::new(move || options.client());
        let pool = Pool::new(
            endpoint,
            login.clone(),
            SETUP.to_owned(),
            self.options.connections,
        );
        let (answers, _) = watch::channel(true);
        let probe = tokio::spawn(probe(pool.clone(), login, answers.clone())).abort_handle();
        Arc::new(Worker {
            id,
            pool,
            scans: Arc::new(Semaphore::new(self.options.scans)),
            in_flight: AtomicUsize::new(0),
            rests_until: AtomicU64::new(0),
            is_listed_ready: AtomicBool::new(true),
            answers,
            probe,
        })
    }
}

/// Asks the worker again and again whether it is there, on a connection of its own.
async fn probe(pool: Arc<Pool>, login: Login, answers: watch::Sender<bool>) {
    let mut connection: Option<(Endpoint, ClientConnection)> = None;
    loop {
        tokio::time::sleep(PROBE_EVERY).await;
        let endpoint = pool.endpoint();
        connection = connection.filter(|(to, _)| *to == endpoint);
        let ask = ask(connection.take(), endpoint, &login);
        let outcome = tokio::time::timeout(PROBE_TIME, ask).await;
        connection = outcome.ok().and_then(Result::ok);
        let is_there = connection.is_some();
        answers.send_if_modified(|answers| std::mem::replace(answers, is_there) != is_there);
    }
}

async fn ask(
    connection: Option<(Endpoint, ClientConnection)>,
    endpoint: Endpoint,
    login: &Login,
) -> Result<(Endpoint, ClientConnection), ClientError> {
    let mut connection = match connection {
        Some((_, connection)) => connection,
        None => ClientConnection::connect(&endpoint, &login()).await?,
    };
    connection.ping().await?;
    Ok((endpoint, connection))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn workers() -> Arc<Workers> {
        let workers = Workers::new(WorkerOptions {
            user: String::new(),
            password: Password::open(Path::new("/dev/null")).unwrap(),
            tls: None,
            connections: 1,
            scans: 1,
            connect_timeout: Duration::from_secs(1),
        });
        let listed = |id: WorkerId| (id, format!("127.0.0.1:{id}"), id != 3);
        workers.update([listed(1), listed(2), listed(3)]);
        workers
    }

    #[tokio::test]
    async fn the_least_loaded_worker_that_serves_is_chosen() {
        let workers = workers();
        let busy = workers.get(1).unwrap().begin();
        assert_eq!(workers.choose(&[1, 2, 3], |_| 0), Some(2));
        assert_eq!(
            workers.choose(&[1, 2], |id| if id == 2 { 5 } else { 0 }),
            Some(1)
        );
        drop(busy);
        workers.rest(1);
        assert_eq!(workers.choose(&[1, 2], |_| 0), Some(2));
        assert_eq!(
            workers.choose(&[1, 3], |_| 0),
            Some(3),
            "a worker not listed ready serves before a resting one"
        );
        assert_eq!(
            workers.choose(&[1], |_| 0),
            Some(1),
            "the only one is asked whatever its state"
        );
        assert_eq!(workers.choose(&[9], |_| 0), None);
    }
}
