//! Has workers drop the rows of deleted tables.

use kube::ResourceExt;
use orrery_archive::catalog::Catalog;
use orrery_crds::kinds::Worker;
use orrery_worker_api::agent::{Drop, Dropped};

use crate::agents::AgentError;
use crate::controller::context::Context;

/// How far one worker is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It has nothing of them any more.
    Clean,
    /// It dropped tables, and others are left.
    Dropping,
    /// It did not answer, or what is left is in use.
    Stuck,
}

/// What every worker of a round is asked with.
pub struct Round<'a> {
    /// The operator's tools.
    pub context: &'a Context,
    /// Archive.
    pub namespace: &'a str,
    /// The catalog that does not list the databases any more.
    pub catalog: &'a Catalog,
}

impl Round<'_> {
    /// Has a worker drop what it has of these databases, as far as it goes in one call.
    pub async fn clear(&self, worker: &Worker, databases: &[String]) -> Progress {
        match self.drop(worker, databases).await {
            Ok(dropped) if dropped.unfinished.is_empty() => Progress::Clean,
            Ok(dropped) if dropped.gone.is_empty() => Progress::Stuck,
            Ok(_) => Progress::Dropping,
            Err(error) => {
                let name = worker.name_any();
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
        let id = worker.spec.id;
        let address = address.ok_or_else(|| AgentError::NoAddress(format!("worker {id}")))?;
        let request = Drop {
            term: self.catalog.term,
            placement_epoch: self.catalog.epochs.placement,
            tables: Vec::new(),
            databases: databases.to_vec(),
        };
        let agent = self.context.agents.of(self.namespace, id, address)?;
        Ok(agent.drop(&request).await?)
    }
}
