//! The catalog's only writer, for every archive (namespace) this operator serves: one change at a
//! time per archive; read, edit, write under the root's resourceVersion, again on conflict. Every
//! number that must be used once in the archive's life comes from here, so that no controller
//! counts by itself.
//!
//! The first write of a leader raises the root's term; a former leader's write then fails on the
//! resourceVersion, because a stale server-side apply would silently win
//! (docs/design/catalog.md#conditional-writes). What was read before such a failure is forgotten,
//! and before anything is read again and written the Lease is looked at: a former leader that was
//! stopped and continues must not take the term back. The order ensures it: root read, Lease held,
//! root written under what was read. A successor that took the Lease in between has yet to read the
//! root.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use kube::{Client, ResourceExt};
use orrery_archive::catalog::Catalog;
use orrery_archive::names::WorkerId;
use orrery_crds::kinds::{ChunkMap, Worker, WorkerPhase};
use orrery_worker_api::agent::Info;
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use super::edit::EditError;
use super::error::WriterError;
use super::store::{Needed, Store, Stored};
use super::witnesses::Witnesses;
use crate::agents::Agents;
use crate::leader::{Mandate, term};

/// Tries of one change before the caller hears of the conflict.
const TRIES: usize = 5;

/// The writer of every archive this leader serves.
pub struct Writer {
    client: Client,
    agents: Arc<Agents>,
    mandate: Mandate,
    archives: Mutex<HashMap<String, Arc<Archive>>>,
}

/// One archive, as this process knows it.
#[derive(Default)]
struct Archive {
    led: Mutex<Option<Led>>,
    witnesses: std::sync::Mutex<Witnesses>,
}

impl Archive {
    fn witnesses(&self) -> std::sync::MutexGuard<'_, Witnesses> {
        self.witnesses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an edit of the catalog comes to, with something to report.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit<T> {
    /// This catalog is to be written.
    Write(Box<Catalog>, T),
    /// Nothing is to be written.
    Keep(T),
}

/// An archive whose root carries this leader's term.
struct Led {
    store: Store,
    stored: Stored,
    catalog: Arc<Catalog>,
}

impl Writer {
    /// A writer for a leader.
    pub fn new(client: Client, agents: Arc<Agents>, mandate: Mandate) -> Self {
        Self {
            client,
            agents,
            mandate,
            archives: Mutex::default(),
        }
    }

    /// The newest catalog. The first call in a term makes the root where there is none, or raises
    /// its term to this leader's (see [`term`]) before anything else is written.
    pub async fn catalog(&self, namespace: &str) -> Result<Arc<Catalog>, WriterError> {
        self.change(namespace, |_| Ok(None)).await
    }

    /// Changes the catalog of `namespace`: `change` says what it would be, `None` when nothing is
    /// to do. It may be called several times. Returns the catalog in force afterwards.
    pub async fn change<F>(
        &self,
        namespace: &str,
        mut change: F,
    ) -> Result<Arc<Catalog>, WriterError>
    where
        F: FnMut(&Catalog) -> Result<Option<Catalog>, EditError> + Send,
    {
        let edit = |catalog: &Catalog| {
            Ok(match change(catalog)? {
                Some(next) => Edit::Write(Box::new(next), ()),
                None => Edit::Keep(()),
            })
        };
        let (catalog, ()) = self.edit(namespace, edit).await?;
        Ok(catalog)
    }

    /// The same for a change that has something to report: the report of the call whose result is
    /// in force comes back.
    pub async fn edit<T, F>(
        &self,
        namespace: &str,
        mut edit: F,
    ) -> Result<(Arc<Catalog>, T), WriterError>
    where
        F: FnMut(&Catalog) -> Result<Edit<T>, EditError> + Send,
    {
        let archive = self.archive(namespace).await;
        let mut led_now = archive.led.lock().await;
        for _ in 0..TRIES {
            let led = match led_now.take() {
                Some(led) => led,
                None => self.lead(namespace, &archive).await?,
            };
            // The root is read again next time: a newer backup may be there by then.
            archive.witnesses().check(&led.catalog)?;
            let led = led_now.insert(led);
            let (next, report) = match edit(&led.catalog)? {
                Edit::Keep(report) => return Ok((Arc::clone(&led.catalog), report)),
                Edit::Write(next, report) => (*next, report),
            };
            match led.store.write(&led.stored, next).await {
                Ok(stored) => {
                    led.catalog = Arc::new(stored.catalog.clone());
                    led.stored = stored;
                    return Ok((Arc::clone(&led.catalog), report));
                }
                Err(WriterError::Conflict) => *led_now = None,
                Err(error) => {
                    // The write may have happened all the same: start from what is there.
                    *led_now = None;
                    return Err(error);
                }
            }
        }
        Err(WriterError::Conflict)
    }

    /// Writes a catalog that was put together from what workers hold, over the root with this
    /// resourceVersion or where there is none, under a term of this leader. Nothing of what is
    /// there counts; another root there is a conflict.
    pub async fn rebuild(
        &self,
        namespace: &str,
        over: Option<&str>,
        mut catalog: Catalog,
    ) -> Result<Arc<Catalog>, WriterError> {
        let archive = self.archive(namespace).await;
        let mut led_now = archive.led.lock().await;
        let store = Store::new(&self.client, namespace);
        let root = store.root().await?;
        if root
            .as_ref()
            .and_then(ResourceExt::resource_version)
            .as_deref()
            != over
        {
            return Err(WriterError::Conflict);
        }
        catalog.term = term::next(self.mandate.transitions, catalog.term, []);
        self.mandate
            .check()
            .await
            .map_err(|error| WriterError::NotLeading(error.to_string()))?;
        *led_now = None;
        let stored = store.write(&Stored::to_replace(root), catalog).await?;
        let catalog = Arc::new(stored.catalog.clone());
        tracing::warn!(namespace, term = catalog.term, lineage = catalog.lineage, epochs = %catalog.epochs, "the catalog was rebuilt from what workers hold");
        *led_now = Some(Led {
            store,
            stored,
            catalog: Arc::clone(&catalog),
        });
        Ok(catalog)
    }

    /// `count` worker ids that were never given out before, ascending.
    pub async fn reserve_workers(
        &self,
        namespace: &str,
        count: u32,
    ) -> Result<Vec<WorkerId>, WriterError> {
        let reserve = |catalog: &Catalog| {
            let mut next = catalog.clone();
            next.counters.worker += count;
            Ok((count > 0).then_some(next))
        };
        let last = self.change(namespace, reserve).await?.counters.worker;
        Ok((last - count + 1..=last).collect())
    }

    /// What the newest root needs. It is read again under its resourceVersion: this guards drops.
    pub async fn needed(&self, namespace: &str) -> Result<Needed, WriterError> {
        let archive = self.archive(namespace).await;
        let mut led_now = archive.led.lock().await;
        for _ in 0..TRIES {
            let led = match led_now.take() {
                Some(led) => led,
                None => self.lead(namespace, &archive).await?,
            };
            archive.witnesses().check(&led.catalog)?;
            let version =
                |root: &Option<ChunkMap>| root.as_ref().and_then(ResourceExt::resource_version);
            if version(&led.store.root().await?) == version(&led.stored.root) {
                let needed = Needed {
                    epochs: led.catalog.epochs,
                    names: led.stored.names.clone(),
                };
                *led_now = Some(led);
                return Ok(needed);
            }
        }
        Err(WriterError::Conflict)
    }

    /// Takes in what agents say of themselves. While one of them knows a number that the catalog
    /// has not given out, every call here ends with [`WriterError::Behind`] and writes nothing.
    pub async fn hear<'a>(&self, namespace: &str, infos: impl IntoIterator<Item = &'a Info>) {
        self.archive(namespace).await.witnesses().hear(infos);
    }

    async fn archive(&self, namespace: &str) -> Arc<Archive> {
        let mut archives = self.archives.lock().await;
        Arc::clone(archives.entry(namespace.to_owned()).or_default())
    }

    /// Reads the archive and puts this leader's term into its root before anything else is written.
    async fn lead(&self, namespace: &str, archive: &Archive) -> Result<Led, WriterError> {
        let store = Store::new(&self.client, namespace);
        let stored = store.read().await?;
        let workers = kube::Api::<Worker>::namespaced(self.client.clone(), namespace);
        let workers = workers.list(&kube::api::ListParams::default()).await?.items;
        let infos = self.agent_infos(namespace, &workers).await?;
        check_first(&stored, &adopted(&workers, |_| true), &infos)?;
        {
            let mut witnesses = archive.witnesses();
            witnesses.hear(&infos);
            witnesses.check(&stored.catalog)?;
            let expected = adopted(&workers, |phase| phase != WorkerPhase::Down);
            witnesses.complete(expected, Instant::now())?;
        }
        let agent_terms = infos.iter().map(|info| info.term);
        let term = term::next(self.mandate.transitions, stored.catalog.term, agent_terms);
        let mut next = stored.catalog.clone();
        next.term = term;
        if stored.root.is_none() {
            next.archive_uid = Uuid::new_v4().to_string();
        }
        self.mandate
            .check()
            .await
            .map_err(|error| WriterError::NotLeading(error.to_string()))?;
        let stored = store.write(&stored, next).await?;
        tracing::info!(namespace, term, epochs = %stored.catalog.epochs, "this process writes the catalog");
        let catalog = Arc::new(stored.catalog.clone());
        Ok(Led {
            store,
            stored,
            catalog,
        })
    }

    /// What the agents that answer say of themselves. One that is away keeps its term on disk and
    /// refuses a lower one later.
    async fn agent_infos(
        &self,
        namespace: &str,
        workers: &[Worker],
    ) -> Result<Vec<Info>, WriterError> {
        let addresses: Vec<(WorkerId, String)> = workers
            .iter()
            .filter_map(|worker| Some((worker.spec.id, worker.status.as_ref()?.address.clone()?)))
            .collect();
        if !addresses.is_empty() && !self.agents.knows(namespace) {
            return Err(WriterError::NotYet);
        }
        let asked = addresses.into_iter().map(|(worker, address)| async move {
            let agent = self.agents.of(namespace, worker, &address).ok()?;
            agent.info().await.ok()
        });
        Ok(futures::future::join_all(asked)
            .await
            .into_iter()
            .flatten()
            .collect())
    }
}

/// Workers whose data directory was adopted, and which were in such a phase when last seen.
fn adopted(workers: &[Worker], phase: impl Fn(WorkerPhase) -> bool) -> Vec<WorkerId> {
    let adopted = workers.iter().filter(|worker| {
        let status = worker.status.as_ref();
        status.is_some_and(|status| status.identity.is_some() && phase(status.phase))
    });
    adopted.map(|worker| worker.spec.id).collect()
}

/// A root is made only where there never was one. Otherwise it was lost: a new one would give its
/// numbers out a second time.
fn check_first(stored: &Stored, adopted: &[WorkerId], infos: &[Info]) -> Result<(), WriterError> {
    if stored.root.is_some() {
        return Ok(());
    }
    let owned = infos.iter().find_map(|info| info.identity.as_ref());
    if let Some(identity) = owned {
        return Err(WriterError::Behind(format!(
            "there is no root, but worker {} belongs to archive {}",
            identity.worker, identity.archive_uid
        )));
    }
    if let Some(worker) = adopted.first() {
        return Err(WriterError::Behind(format!(
            "there is no root, but the data directory of worker {worker} was adopted"
        )));
    }
    if stored.remains > 0 {
        return Err(WriterError::Behind(format!(
            "there is no root, but {} other objects of a catalog",
            stored.remains
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
