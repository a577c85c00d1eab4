//! One round over an archive's databases that are to go.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use orrery_archive::catalog::Catalog;
use orrery_crds::kinds::Worker;
use orrery_snapshot::lease::READER_LABEL;
use orrery_worker_api::agent::{Drop, Dropped};
use reqwest::Method;
use thiserror::Error;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::plan::{self, Gone};
use crate::agents::AgentError;
use crate::catalog::edit;
use crate::catalog::readers::Readers;
use crate::context::Context;
use crate::writer::WriterError;

/// Pause while tables are being dropped.
const BUSY: Duration = Duration::from_secs(1);
/// Pause while readers or workers are waited for.
const WAITING: Duration = Duration::from_secs(10);
/// Pause when nothing is to go; a change of the root starts a round at once.
const IDLE: Duration = Duration::from_secs(60);

/// Why a round did not end.
#[derive(Debug, Error)]
pub enum DeletionError {
    /// The cluster API failed.
    #[error("the cluster API: {0}")]
    Api(#[from] kube::Error),
    /// The catalog was not read or written.
    #[error(transparent)]
    Writer(#[from] WriterError),
}

/// What is remembered between rounds; nothing is lost when it is.
#[derive(Default)]
pub struct Deletions {
    archives: Mutex<HashMap<String, Archive>>,
}

#[derive(Default)]
struct Archive {
    readers: Readers,
    gone: Gone,
}

/// How far one worker is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// It has nothing of them any more.
    Clean,
    /// It dropped tables, and others are left.
    Dropping,
    /// It did not answer, or what is left is in use.
    Stuck,
}

impl Deletions {
    /// One round for `namespace`.
    pub async fn reconcile(&self, context: &Context, namespace: &str) -> Result<Duration, DeletionError> {
        let catalog = context.writer.catalog(namespace).await?;
        if catalog.dropping.is_empty() {
            return Ok(IDLE);
        }
        let leases = context.list::<Lease>(namespace, Some(READER_LABEL)).await?.valid;
        let workers = context.list::<Worker>(namespace, None).await?;
        let mut archives = self.archives.lock().await;
        let archive = archives.entry(namespace.to_owned()).or_default();
        let now = Instant::now();
        archive.readers.observe(&leases, now);
        let oldest = archive.readers.oldest_needed(catalog.epochs, now);
        let due = plan::due(&catalog, oldest);
        if due.is_empty() {
            return Ok(WAITING);
        }
        let round = Round {
            context,
            namespace,
            catalog: &catalog,
        };
        let progress =
            futures::future::join_all(workers.valid.iter().map(|worker| round.clear(worker, &due))).await;
        let all_clean = workers.malformed.is_empty() && progress.iter().all(|one| *one == Progress::Clean);
        let gone: BTreeSet<String> = due.into_iter().filter(|_| all_clean).collect();
        let forgotten = archive.gone.observe(&gone, now);
        if !forgotten.is_empty() {
            let change = Box::new(|catalog: &Catalog| Ok(edit::dropped(catalog, &forgotten)));
            context.writer.change(namespace, change).await?;
            tracing::info!(namespace, databases = ?forgotten, "dropped everywhere");
        }
        let busy = progress.contains(&Progress::Dropping);
        Ok(if busy { BUSY } else { WAITING })
    }
}

struct Round<'a> {
    context: &'a Context,
    namespace: &'a str,
    catalog: &'a Catalog,
}

impl Round<'_> {
    /// Has a worker drop what it has of these databases, as far as it goes in one call.
    async fn clear(&self, worker: &Worker, databases: &[String]) -> Progress {
        match self.drop(worker, databases).await {
            Ok(dropped) if dropped.unfinished.is_empty() => Progress::Clean,
            Ok(dropped) if dropped.gone.is_empty() => Progress::Stuck,
            Ok(_) => Progress::Dropping,
            Err(error) => {
                let name = worker.metadata.name.as_deref().unwrap_or_default();
                tracing::debug!(namespace = self.namespace, worker = name, %error, "the worker does not drop the rows of deleted tables; the next round asks again");
                Progress::Stuck
            }
        }
    }

    async fn drop(&self, worker: &Worker, databases: &[String]) -> Result<Dropped, AgentError> {
        let address = worker
            .status
            .as_ref()
            .and_then(|status| status.address.as_deref());
        let address = address.ok_or_else(|| AgentError::Address("a worker without address".into()))?;
        let request = Drop {
            term: self.catalog.term,
            placement_epoch: self.catalog.epochs.placement,
            tables: Vec::new(),
            databases: databases.to_vec(),
        };
        let agent = self.context.agents.at(self.namespace, address)?;
        agent.send(Method::POST, "/v1/drop", &request).await
    }
}
