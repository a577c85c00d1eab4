//! Leaves signed copies of the catalog at the agents, so that czars and proxies can start while the
//! cluster API is away.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Secret;
use orrery_archive::catalog::{Catalog, Epochs, SignedCatalog};
use orrery_archive::names::CATALOG_KEY_SECRET;
use orrery_crds::kinds::Worker;

use crate::agents::AgentError;
use crate::controller::context::Context;
use crate::secrets::plan::CATALOG_KEY;

/// What each agent was given last, by worker name.
#[derive(Debug, Default)]
pub struct Pushed {
    given: HashMap<String, (u32, Epochs)>,
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
    ) -> Result<(), kube::Error> {
        let version = (catalog.lineage, catalog.epochs);
        let due: Vec<(String, String)> = workers
            .iter()
            .filter_map(|worker| {
                let name = worker.metadata.name.clone()?;
                let address = worker.status.as_ref()?.address.clone()?;
                (self.given.get(&name) != Some(&version)).then_some((name, address))
            })
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let Some(key) = signing_key(context, namespace).await? else {
            return Ok(());
        };
        let copy = SignedCatalog::sign(catalog, &key);
        let given = futures::future::join_all(
            due.iter()
                .map(|(_, address)| give(context, namespace, address, &copy)),
        )
        .await;
        for ((name, address), result) in due.into_iter().zip(given) {
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

async fn signing_key(context: &Context, namespace: &str) -> Result<Option<Vec<u8>>, kube::Error> {
    let secret = context
        .api::<Secret>(namespace)
        .get_opt(CATALOG_KEY_SECRET)
        .await?;
    Ok(secret
        .and_then(|secret| secret.data?.remove(CATALOG_KEY))
        .map(|key| key.0))
}

async fn give(
    context: &Context,
    namespace: &str,
    address: &str,
    copy: &SignedCatalog,
) -> Result<(), AgentError> {
    let agent = context.agents.at(namespace, address)?;
    Ok(agent.put_catalog(copy).await?)
}
