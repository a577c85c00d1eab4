//! Agents as a source: their signed copies of the catalog, for when the API server is away or a
//! replica knows a newer catalog.

use std::sync::Arc;

use orrery_archive::catalog::SignedCatalog;
use orrery_archive::signing::TrustedKeys;
use orrery_worker_api::CallError;
use orrery_worker_api::client::Agents;

use crate::hub::{Hub, Offer};

/// Asks the agents that `hub` knows for their copies, all at once, and offers every copy that
/// verifies. Returns whether the hub got a newer one.
pub async fn refresh(agents: &Agents, keys: &TrustedKeys, hub: &Hub) -> bool {
    let urls: Vec<String> = hub
        .state()
        .snapshot
        .workers
        .values()
        .filter_map(super::WorkerView::agent_url)
        .collect();
    let copies = futures::future::join_all(urls.iter().map(|url| fetch(agents, url))).await;
    let mut newer = false;
    for (url, copy) in urls.iter().zip(copies) {
        match copy.map(|copy| (copy.verify(keys), copy)) {
            Ok((Ok(catalog), copy)) => {
                newer |= hub.offer(Offer::Catalog(
                    Arc::new(catalog),
                    copy.root().clone(),
                    copy.objects,
                ));
            }
            Ok((Err(error), _)) => tracing::warn!(agent = %url, %error, "catalog copy not used"),
            Err(error) => tracing::debug!(agent = %url, %error, "no catalog copy"),
        }
    }
    newer
}

async fn fetch(agents: &Agents, url: &str) -> Result<SignedCatalog, CallError> {
    agents.at(url)?.catalog().await
}
