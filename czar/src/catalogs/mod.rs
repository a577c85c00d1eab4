//! The catalog that statements are planned with.
//!
//! A snapshot becomes current only after the shadow server holds what it needs and the workers'
//! addresses are known. Keeps true (docs/design/catalog.md#epochs): a statement keeps the
//! [`Current`] it began with, and the current one counts as in use for the reader's lease.

mod plans;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use orrery_archive::catalog::Catalog;
use orrery_archive::signing::TrustedKeys;
use orrery_crds::kinds::WorkerPhase;
use orrery_snapshot::lease::{InUse, InUseGuard};
use orrery_snapshot::{Hub, Snapshot, agents};
use orrery_tls::KeysFileError;
use orrery_worker_api::CallError;
use orrery_worker_api::client::{Agents, Timeouts};
use tokio::sync::watch;

use crate::dispatch::Workers;
use crate::shadow::{LeftOut, MetadataCache, ShadowError, ShadowServer};

pub use plans::PlanCache;

/// Pause after the shadow server could not be brought to a catalog.
const RETRY: Duration = Duration::from_millis(500);
/// How long an agent may take to give its copy of the catalog.
const ASK: Duration = Duration::from_secs(2);
/// Agents are asked for newer catalogs at most this often.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// A snapshot that statements may use.
pub struct Current {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    /// Metadata valid for it.
    pub metadata: Arc<MetadataCache>,
    /// Plans valid for it.
    pub plans: PlanCache,
    _in_use: InUseGuard,
}

impl Current {
    /// The catalog.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.snapshot.catalog
    }
}

/// How agents are asked for their copies of the catalog.
pub struct AgentAccess {
    /// Folder with the czar's certificate, read with each round of questions: it is renewed now and
    /// then, and they are rare.
    pub tls: PathBuf,
    /// File with the public keys of catalog copies, read as often: they take turns.
    pub keys: PathBuf,
}

/// Why agents cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The certificate cannot be used.
    #[error(transparent)]
    Client(#[from] CallError),
    /// The public keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysFileError),
}

impl AgentAccess {
    /// Calls to agents with the certificate as it is now.
    pub fn client(&self) -> Result<Agents, AccessError> {
        let timeouts = Timeouts {
            connect: ASK,
            call: ASK,
        };
        Ok(Agents::from_folder(&self.tls, timeouts)?)
    }

    /// The public keys as they are now.
    pub fn trusted(&self) -> Result<TrustedKeys, AccessError> {
        Ok(orrery_tls::trusted_keys(&self.keys)?)
    }

    async fn refresh(&self, hub: &Hub) -> Result<(), AccessError> {
        agents::refresh(&self.client()?, &self.trusted()?, hub).await;
        Ok(())
    }
}

/// Follows the hub's snapshots.
pub struct Catalogs {
    hub: Hub,
    in_use: InUse,
    current: ArcSwapOption<Current>,
    changed: watch::Sender<u64>,
    agents: Option<AgentAccess>,
    asked: tokio::sync::Mutex<Option<tokio::time::Instant>>,
}

impl Catalogs {
    /// No catalog yet.
    pub fn new(hub: Hub, in_use: InUse, agents: Option<AgentAccess>) -> Arc<Self> {
        Arc::new(Self {
            hub,
            in_use,
            current: ArcSwapOption::empty(),
            changed: watch::Sender::new(0),
            agents,
            asked: tokio::sync::Mutex::new(None),
        })
    }

    /// What new statements use; `None` before the first complete snapshot.
    pub fn current(&self) -> Option<Arc<Current>> {
        self.current.load_full()
    }

    /// Marks the epochs of a statement as in use while the guard lives.
    pub fn enter(&self, current: &Current) -> InUseGuard {
        self.in_use.enter(current.catalog().epochs)
    }

    /// Waits at most `timeout` for a catalog of at least this dataEpoch.
    pub async fn at_least(&self, data_epoch: u64, timeout: Duration) -> Option<Arc<Current>> {
        let reached = |current: &Arc<Current>| current.catalog().epochs.data >= data_epoch;
        if let Some(current) = self.current().filter(reached) {
            return Some(current);
        }
        let mut changed = self.changed.subscribe();
        let wait = async {
            loop {
                if let Some(current) = self.current().filter(reached) {
                    return Some(current);
                }
                changed.changed().await.ok()?;
            }
        };
        tokio::time::timeout(timeout, wait).await.ok().flatten()
    }

    /// Asks the agents for a newer catalog than the cluster API has given; many callers share one
    /// round. A newer one becomes current by the usual way.
    pub async fn ask_agents(&self) {
        let Some(agents) = &self.agents else { return };
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|when| when.elapsed() < ASK_EVERY) {
            return;
        }
        if let Err(error) = agents.refresh(&self.hub).await {
            tracing::warn!(%error, "agents cannot be asked for a newer catalog");
        }
        *asked = Some(tokio::time::Instant::now());
    }

    /// Takes over snapshots until the process ends.
    pub async fn follow(self: Arc<Self>, shadow: Arc<ShadowServer>, workers: Arc<Workers>) {
        let mut snapshots = self.hub.subscribe();
        let mut are_sizes_shown = true;
        loop {
            let next = tokio::select! {
                next = snapshots.next() => next,
                () = tokio::time::sleep(RETRY), if !are_sizes_shown => {
                    are_sizes_shown = self.show_sizes(&shadow).await;
                    continue;
                }
            };
            let Some(mut snapshot) = next else { return };
            // Addresses first: they are right whatever the shadow server does.
            workers.update(addresses(&snapshot));
            while let Err(error) = self.adopt(&snapshot, &shadow).await {
                tracing::warn!(%error, "the shadow server cannot be brought to the catalog; trying again");
                tokio::time::sleep(RETRY).await;
                if let Some(newer) = self.hub.current() {
                    snapshot = newer;
                    workers.update(addresses(&snapshot));
                }
            }
            are_sizes_shown = self.show_sizes(&shadow).await;
        }
    }

    async fn adopt(
        &self,
        snapshot: &Arc<Snapshot>,
        shadow: &ShadowServer,
    ) -> Result<(), ShadowError> {
        let before = self.current();
        let mirrored = shadow.mirror(&snapshot.catalog, &snapshot.users).await?;
        for (table, why) in &mirrored.left_out {
            tracing::error!(%table, why, "the shadow server does not make this table; no statement can name it here");
        }
        let snapshot = &without(snapshot, &mirrored.left_out);
        // What is in use now is resized later.
        shadow.show_sizes(&snapshot.catalog).await?;
        let metadata = match &before {
            Some(before) if !mirrored.is_change => before.metadata.clone(),
            _ => Arc::default(),
        };
        let epochs = snapshot.catalog.epochs;
        self.current.store(Some(Arc::new(Current {
            snapshot: snapshot.clone(),
            metadata,
            plans: PlanCache::default(),
            _in_use: self.in_use.enter(epochs),
        })));
        self.changed.send_replace(epochs.data);
        // Not before: a lease that names a catalog says that statements are answered with it.
        self.in_use.serve(epochs);
        tracing::info!(%epochs, "catalog in use");
        shadow.forget(&mirrored.after).await
    }

    /// Shows the sizes of the current catalog's tables; false when it has to be done again.
    async fn show_sizes(&self, shadow: &ShadowServer) -> bool {
        let Some(current) = self.current() else {
            return true;
        };
        match shadow.show_sizes(current.catalog()).await {
            Ok(are_shown) => are_shown,
            Err(error) => {
                tracing::warn!(%error, "the shadow server cannot be told how large tables are; trying again");
                false
            }
        }
    }
}

/// The snapshot without tables that have no shadow, and without the children of such directors,
/// whose rows are found by their directors' keys.
fn without(snapshot: &Arc<Snapshot>, left_out: &LeftOut) -> Arc<Snapshot> {
    if left_out.is_empty() {
        return Arc::clone(snapshot);
    }
    let mut catalog = Catalog::clone(&snapshot.catalog);
    catalog.tables.retain(|key, table| {
        let director = table.kind.director_key(key);
        !left_out.contains_key(key) && director.is_none_or(|key| !left_out.contains_key(&key))
    });
    Arc::new(Snapshot {
        catalog: Arc::new(catalog),
        ..Snapshot::clone(snapshot)
    })
}

/// Ids, addresses and readiness of a snapshot's workers.
fn addresses(snapshot: &Snapshot) -> Vec<(orrery_archive::names::WorkerId, String, bool)> {
    let listed = snapshot.workers.iter().filter_map(|(id, worker)| {
        let address = worker.address.as_ref()?;
        // An IPv6 address needs brackets before a port.
        let host = if address.contains(':') {
            format!("[{address}]")
        } else {
            address.clone()
        };
        let serves = matches!(
            worker.phase,
            WorkerPhase::Ready | WorkerPhase::Draining | WorkerPhase::Suspect
        );
        Some((*id, format!("{host}:{}", worker.mysql_port), serves))
    });
    listed.collect()
}
