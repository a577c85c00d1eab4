//! Damaged copies: agents compare their tables with the manifest, slowly and without end
//! (docs/design/placement.md#integrity). A copy that differs is read no more, and its worker is
//! behind for it, so that [`crate::copies`] makes a new one; the last copy is never given up.

mod plan;
mod status;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::stream::BoxStream;
use kube::Client;
use orrery_archive::names::WorkerId;
use orrery_crds::kinds::{Worker, WorkerPhase};

use crate::catalog::edit;
use crate::controller::context::{Context, Scope};
use crate::controller::error::ReconcileError;
use crate::controller::runner::Controller;
use crate::controller::watch;
use crate::fleet::{Addresses, Fleet};
use plan::Found;

/// Pause between looks: agents find damage without a trigger.
const ROUND: Duration = Duration::from_secs(30);

/// The controller.
#[derive(Default)]
pub struct Scrub;

impl Controller for Scrub {
    type Key = String;
    type Failure = ReconcileError;
    const NAME: &'static str = "scrub";

    fn watches(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
        watch::archives(client, scope)
    }

    async fn reconcile(
        &self,
        context: &Context,
        namespace: &String,
    ) -> Result<Duration, ReconcileError> {
        if !context.agents.knows(namespace) {
            return Ok(ROUND);
        }
        let workers = context.list::<Worker>(namespace, None).await?.valid;
        let found = ask(context, namespace, &workers).await;
        let catalog = context.writer.catalog(namespace).await?;
        let plan = plan::plan(&catalog, &found, &serving(&workers));
        if !plan.mark.is_empty() {
            tracing::warn!(namespace, copies = ?plan.mark, "damaged copies are replaced");
            let change = |catalog: &_| edit::damaged(catalog, &plan.mark);
            context.writer.change(namespace, change).await?;
        }
        let kept = plan.kept.values().map(Vec::len).sum();
        let replaced = plan.replaced + plan.mark.len();
        context.metrics.damaged(namespace, replaced, kept);
        status::write(context, namespace, &plan).await?;
        Ok(ROUND)
    }
}

fn serving(workers: &[Worker]) -> BTreeSet<WorkerId> {
    let serves = |worker: &&Worker| {
        let phase = worker.status.as_ref().map(|status| status.phase);
        matches!(phase, Some(WorkerPhase::Ready | WorkerPhase::Draining))
    };
    let serving = workers.iter().filter(serves);
    serving.map(|worker| worker.spec.id).collect()
}

/// What the agents that answer have found.
async fn ask(context: &Context, namespace: &str, workers: &[Worker]) -> Found {
    let addresses = Addresses::of(workers);
    let fleet = Fleet {
        agents: &context.agents,
        namespace,
        addresses: &addresses,
    };
    let asked = addresses.live().map(|worker| async move {
        let damaged = fleet.agent(worker).ok()?.damaged().await.ok()?;
        Some((worker, damaged.tables))
    });
    let answers = futures::future::join_all(asked).await;
    answers.into_iter().flatten().collect()
}
