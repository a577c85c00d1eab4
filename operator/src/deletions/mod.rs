//! Rows of deleted tables (`deletionPolicy: Delete`): workers drop them when their grace period is
//! over and no reader needs them.
//!
//! The catalog keeps a deleted table until its end and names its databases from then on, so that
//! neither a change of leader nor a worker that was away keeps the rows or drops them early.
//! [`plan`] is pure: what may go, and what can be forgotten; [`apply`] asks agents.

mod apply;
mod plan;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use orrery_archive::catalog::{Catalog, Retired};
use orrery_crds::kinds::Worker;
use orrery_snapshot::lease::READER_LABEL;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::catalog::edit;
use crate::catalog::error::WriterError;
use crate::catalog::readers::Readers;
use crate::catalog::writer::Edit;
use crate::controller::context::{Context, Scope};
use crate::controller::error::ReconcileError;
use crate::controller::runner::Controller;
use crate::controller::watch;
use crate::tables::retired::{self, seconds};
use apply::{Progress, Round};
use plan::Gone;

/// Pause while tables are being dropped.
const BUSY: Duration = Duration::from_secs(1);
/// Pause while readers or workers are waited for.
const WAITING: Duration = Duration::from_secs(10);
/// Pause when nothing is to go; a change of the root starts a round at once.
const IDLE: Duration = Duration::from_secs(60);

/// The controller; what it remembers between rounds may be lost at any time.
#[derive(Default)]
pub struct Deletions {
    archives: Mutex<HashMap<String, Archive>>,
}

#[derive(Default)]
struct Archive {
    readers: Readers,
    gone: Gone,
}

impl Controller for Deletions {
    type Key = String;
    type Failure = ReconcileError;
    const NAME: &'static str = "deletions";

    fn watches(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
        watch::roots(client, scope)
    }

    async fn reconcile(
        &self,
        context: &Context,
        namespace: &String,
    ) -> Result<Duration, ReconcileError> {
        let catalog = expire(context, namespace).await?;
        let now = seconds(Timestamp::now());
        let idle = plan::next_end(&catalog, now).map_or(IDLE, |end| end.clamp(BUSY, IDLE));
        if catalog.dropping.is_empty() {
            return Ok(idle);
        }
        let leases = context
            .list::<Lease>(namespace, Some(READER_LABEL))
            .await?
            .valid;
        let workers = context.list::<Worker>(namespace, None).await?;
        let mut archives = self.archives.lock().await;
        let archive = archives.entry(namespace.to_owned()).or_default();
        let now = Instant::now();
        archive.readers.observe(&leases, now);
        let oldest = archive.readers.oldest_needed(catalog.epochs, now);
        let due = plan::due(&catalog, oldest);
        if due.is_empty() {
            return Ok(idle.min(WAITING));
        }
        let round = Round {
            context,
            namespace,
            catalog: &catalog,
        };
        let progress =
            futures::future::join_all(workers.valid.iter().map(|worker| round.clear(worker, &due)))
                .await;
        let all_clean =
            workers.malformed.is_empty() && progress.iter().all(|one| *one == Progress::Clean);
        let gone: BTreeSet<String> = due.into_iter().filter(|_| all_clean).collect();
        let forgotten = archive.gone.observe(&gone, now);
        if !forgotten.is_empty() {
            let change = |catalog: &Catalog| Ok(edit::dropped(catalog, &forgotten));
            context.writer.change(namespace, change).await?;
            tracing::info!(namespace, databases = ?forgotten, "dropped everywhere");
        }
        let busy = progress.contains(&Progress::Dropping);
        Ok(if busy { BUSY } else { idle.min(WAITING) })
    }
}

/// Ends the grace periods that are over. Returns the catalog afterwards.
async fn expire(context: &Context, namespace: &str) -> Result<Arc<Catalog>, WriterError> {
    let now = seconds(Timestamp::now());
    let change = |catalog: &Catalog| {
        let over = edit::over(catalog, now);
        let over: Vec<Retired> = over.cloned().collect();
        Ok(match edit::expire(catalog, now) {
            Some(next) => Edit::Write(Box::new(next), over),
            None => Edit::Keep(over),
        })
    };
    let (catalog, over) = context.writer.edit(namespace, change).await?;
    for retired in &over {
        let about = retired::reference(namespace, retired);
        let event = retired::dropped(retired);
        context.events.publish(&about, None, event).await;
        tracing::info!(namespace, table = %retired.key, incarnation = retired.table.incarnation, "the grace period is over: workers drop its rows");
    }
    Ok(catalog)
}
