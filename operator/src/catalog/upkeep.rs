//! What the catalog needs between changes: copies at the agents, and old objects dropped.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use orrery_crds::kinds::Worker;
use orrery_snapshot::lease::READER_LABEL;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::collect::Garbage;
use super::push::Pushed;
use super::readers::Readers;
use super::store::Store;
use crate::context::Context;
use crate::writer::WriterError;

/// Pause between rounds; a change of the root starts one at once.
const ROUND: Duration = Duration::from_secs(10);

/// What is remembered between rounds; nothing is lost when it is.
#[derive(Default)]
pub struct Upkeep {
    archives: Mutex<HashMap<String, Archive>>,
}

#[derive(Default)]
struct Archive {
    pushed: Pushed,
    garbage: Garbage,
    readers: Readers,
}

impl Upkeep {
    /// One round for `namespace`.
    pub async fn reconcile(&self, context: &Context, namespace: &str) -> Result<Duration, WriterError> {
        let catalog = context.writer.catalog(namespace).await?;
        let workers = context.list::<Worker>(namespace, None).await?.valid;
        let leases = context.list::<Lease>(namespace, Some(READER_LABEL)).await?.valid;
        let mut archives = self.archives.lock().await;
        let archive = archives.entry(namespace.to_owned()).or_default();
        archive
            .pushed
            .push(context, namespace, &catalog, &workers)
            .await?;
        let now = Instant::now();
        archive.readers.observe(&leases, now);
        let store = Store::new(&context.client, namespace);
        let there = store.names().await?;
        // After the objects: what a root of another process uses again meanwhile has another resourceVersion.
        let needed = context.writer.needed(namespace).await?;
        let oldest = archive.readers.oldest_needed(needed.epochs, now);
        for (name, version) in archive.garbage.due(&needed, &there, oldest, now) {
            store.delete(&name, &version).await?;
        }
        Ok(ROUND)
    }
}
