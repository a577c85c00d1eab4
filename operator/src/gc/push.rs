//! Leaves signed copies of the catalog at the agents, so that czars and proxies can start while the
//! cluster API is away.

use std::collections::HashMap;

use k8s_openapi::jiff::Timestamp;
use orrery_archive::catalog::{Catalog, Epochs, SignedCatalog};
use orrery_archive::names::WorkerId;
use orrery_archive::signing::PublicKey;
use orrery_crds::kinds::Worker;

use crate::agents::AgentError;
use crate::controller::context::Context;
use crate::controller::error::ReconcileError;
use crate::secrets;

/// What orders copies, and who signed them: a copy by a new key replaces the same one by an old key.
type Version = (u32, Epochs, PublicKey);

/// What each agent was given last, by worker name.
#[derive(Debug, Default)]
pub struct Pushed {
    given: HashMap<String, Version>,
}

impl Pushed {
    /// Gives `catalog` to every agent that has an older one. An agent that is away gets it when it
    /// is back; nothing waits for it.
    pub async fn push(
        &mut self,
        context: &Context,
        namespace: &str,
        catalog: &Catalog,
        workers: &[Worker],
    ) -> Result<(), ReconcileError> {
        let keys = secrets::signing_keys(context, namespace).await?;
        // There is none before the first was made.
        let Some(key) = keys.signer(Timestamp::now()) else {
            return Ok(());
        };
        let version = (catalog.lineage, catalog.epochs, key.public());
        let due: Vec<(String, WorkerId, String)> = workers
            .iter()
            .filter_map(|worker| {
                let name = worker.metadata.name.clone()?;
                let address = worker.status.as_ref()?.address.clone()?;
                let is_due = self.given.get(&name) != Some(&version);
                is_due.then_some((name, worker.spec.id, address))
            })
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let copy = SignedCatalog::sign(catalog, key);
        let given = futures::future::join_all(
            due.iter()
                .map(|(_, worker, address)| give(context, namespace, *worker, address, &copy)),
        )
        .await;
        for ((name, _, address), result) in due.into_iter().zip(given) {
            match result {
                Ok(()) => {
                    self.given.insert(name, version);
                }
                Err(error) => {
                    tracing::debug!(namespace, worker = name, address, %error, "catalog copy not given");
                }
            }
        }
        Ok(())
    }
}

async fn give(
    context: &Context,
    namespace: &str,
    worker: WorkerId,
    address: &str,
    copy: &SignedCatalog,
) -> Result<(), AgentError> {
    let agent = context.agents.of(namespace, worker, address)?;
    Ok(agent.put_catalog(copy).await?)
}
