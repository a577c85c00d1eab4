//! What an archive's catalog needs between changes: objects that no reader needs any more go, and
//! the agents get signed copies.

mod observe;
mod plan;
mod push;

use std::collections::HashMap;
use std::time::Duration;

use futures::stream::BoxStream;
use kube::Client;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::catalog::readers::Readers;
use crate::catalog::store::Store;
use crate::controller::context::{Context, Scope};
use crate::controller::error::ReconcileError;
use crate::controller::runner::Controller;
use crate::controller::watch;
use plan::Garbage;
use push::Pushed;

/// Pause between rounds; a change of the root starts one at once.
const ROUND: Duration = Duration::from_secs(10);

/// The controller; what it remembers between rounds may be lost at any time.
#[derive(Default)]
pub struct Gc {
    archives: Mutex<HashMap<String, Archive>>,
}

#[derive(Default)]
struct Archive {
    pushed: Pushed,
    garbage: Garbage,
    readers: Readers,
}

impl Controller for Gc {
    type Key = String;
    type Failure = ReconcileError;
    const NAME: &'static str = "catalog";

    fn watches(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
        watch::roots(client, scope)
    }

    async fn reconcile(
        &self,
        context: &Context,
        namespace: &String,
    ) -> Result<Duration, ReconcileError> {
        let store = Store::new(&context.client, namespace);
        let observed = observe::observe(context, &store, namespace).await?;
        let mut archives = self.archives.lock().await;
        let archive = archives.entry(namespace.to_owned()).or_default();
        let workers = &observed.workers;
        archive
            .pushed
            .push(context, namespace, &observed.catalog, workers)
            .await?;
        let now = Instant::now();
        archive.readers.observe(&observed.leases, now);
        let oldest = archive.readers.oldest_needed(observed.needed.epochs, now);
        let due = archive
            .garbage
            .due(&observed.needed, &observed.there, oldest, now);
        for (name, version) in due {
            store.delete(&name, &version).await?;
        }
        Ok(ROUND)
    }
}
