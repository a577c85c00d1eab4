//! Agents as a source: their signed copies of the catalog, for when the API server is away or a replica knows a newer catalog.

use std::sync::Arc;
use std::time::Duration;

use orrery_archive::catalog::SignedCatalog;

use crate::hub::{Hub, Offer};

/// How long one agent may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the agents that `hub` knows for their copies, all at once, and offers every copy that verifies. Returns whether the hub got a newer one.
///
/// `client` presents this process's role certificate and expects the server name `orrery-agent`.
pub async fn refresh(client: &reqwest::Client, key: &[u8], hub: &Hub) -> bool {
    let urls: Vec<String> = hub
        .state()
        .snapshot
        .workers
        .values()
        .filter_map(super::WorkerView::agent_url)
        .collect();
    let copies = futures::future::join_all(urls.iter().map(|url| fetch(client, url))).await;
    let mut newer = false;
    for (url, copy) in urls.iter().zip(copies) {
        let Some(copy) = copy else { continue };
        match copy.verify(key) {
            Ok(catalog) => newer |= hub.offer(Offer::Catalog(Arc::new(catalog), copy.root, copy.objects)),
            Err(error) => tracing::warn!(agent = %url, %error, "catalog copy not used"),
        }
    }
    newer
}

async fn fetch(client: &reqwest::Client, url: &str) -> Option<SignedCatalog> {
    let answer = client
        .get(format!("{url}/v1/catalog"))
        .timeout(PATIENCE)
        .send()
        .await;
    match answer.and_then(reqwest::Response::error_for_status) {
        Ok(response) => response.json().await.ok(),
        Err(error) => {
            tracing::debug!(agent = %url, %error, "no catalog copy");
            None
        }
    }
}
