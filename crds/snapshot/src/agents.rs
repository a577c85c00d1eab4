//! Agents as a source: their signed copies of the catalog, for when the API server is away or a
//! replica knows a newer catalog.

use std::sync::Arc;

use futures::{StreamExt as _, stream};
use orrery_archive::catalog::SignedCatalog;
use orrery_archive::signing::TrustedKeys;
use orrery_worker_api::CallError;
use orrery_worker_api::agent::KnownCatalog;
use orrery_worker_api::client::Agents;

use crate::hub::{Hub, Offer};

/// Agents that are asked at once, each of which may send a whole catalog.
const AT_ONCE: usize = 16;

/// Asks the agents that `hub` knows for a newer catalog than it has, and offers every copy that
/// verifies. Returns whether the hub got a newer one.
pub async fn refresh(agents: &Agents, keys: &TrustedKeys, hub: &Hub) -> bool {
    let urls: Vec<String> = hub
        .state()
        .snapshot
        .workers
        .values()
        .filter_map(super::WorkerView::agent_url)
        .collect();
    let ask = |url: String, known| async move { fetch(agents, &url, known).await };
    ask_all(urls, keys, hub, ask).await
}

/// Asks for what is newer than the hub's catalog at that moment: once one copy was taken, the same
/// is not sent again by all others.
async fn ask_all<Answer>(
    urls: Vec<String>,
    keys: &TrustedKeys,
    hub: &Hub,
    ask: impl Fn(String, Option<KnownCatalog>) -> Answer,
) -> bool
where
    Answer: Future<Output = Result<Option<SignedCatalog>, CallError>>,
{
    let asked = urls.into_iter().map(|url| {
        let answer = ask(url.clone(), hub.known());
        async move {
            match answer.await {
                Ok(Some(copy)) => return take(&url, copy, keys, hub),
                Ok(None) => {}
                Err(error) => tracing::debug!(agent = %url, %error, "no catalog copy"),
            }
            false
        }
    });
    let answers = stream::iter(asked).buffer_unordered(AT_ONCE);
    answers
        .fold(false, async |newer, answer| newer | answer)
        .await
}

fn take(url: &str, copy: SignedCatalog, keys: &TrustedKeys, hub: &Hub) -> bool {
    match copy.verify(keys) {
        Ok(catalog) => {
            let root = copy.root().clone();
            hub.offer(Offer::Catalog(Arc::new(catalog), root, copy.objects))
        }
        Err(error) => {
            tracing::warn!(agent = %url, %error, "catalog copy not used");
            false
        }
    }
}

async fn fetch(
    agents: &Agents,
    url: &str,
    known: Option<KnownCatalog>,
) -> Result<Option<SignedCatalog>, CallError> {
    let agent = agents.at(url)?;
    match known {
        Some(known) => agent.newer_catalog(&known).await,
        None => agent.catalog().await.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use orrery_archive::catalog::{Catalog, Epochs};
    use orrery_archive::signing::SigningKey;

    use super::*;

    fn catalog(data: u64) -> Catalog {
        Catalog {
            archive_uid: "a".into(),
            epochs: Epochs { data, placement: 1 },
            ..Catalog::default()
        }
    }

    /// Copies of hundreds of workers at once were more than a czar's memory.
    #[tokio::test]
    async fn few_agents_are_asked_at_once_and_a_copy_that_was_taken_is_not_sent_again() {
        let key = SigningKey::generate().unwrap();
        let keys = TrustedKeys::new(vec![key.public()]).unwrap();
        let hub = Hub::new();
        let old = SignedCatalog::sign(&catalog(1), &key);
        assert!(take("first", old, &keys, &hub));
        let (under_way, most, sent) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let (under_way, most, sent, key) = (&under_way, &most, &sent, &key);
        let ask = |_: String, known: Option<KnownCatalog>| async move {
            under_way.set(under_way.get() + 1);
            most.set(most.get().max(under_way.get()));
            tokio::task::yield_now().await;
            under_way.set(under_way.get() - 1);
            if known.unwrap().data >= 2 {
                return Ok(None);
            }
            sent.set(sent.get() + 1);
            Ok(Some(SignedCatalog::sign(&catalog(2), key)))
        };
        let urls: Vec<String> = (0..300).map(|worker| worker.to_string()).collect();
        assert!(ask_all(urls.clone(), &keys, &hub, &ask).await);
        assert_eq!(hub.known().unwrap().data, 2);
        assert_eq!((most.get(), sent.get()), (AT_ONCE, AT_ONCE));
        assert!(!ask_all(urls, &keys, &hub, &ask).await, "nothing is newer");
    }
}
