//! What is declared about the data of an archive: families and tables, judged together and handed
//! to the catalog's writer.
//!
//! One run looks at everything, because what makes an object acceptable lies in other objects. A
//! new table's incarnation is in its status before it is in the catalog, so a crash between the two
//! repeats the second step and never makes another incarnation. A table that comes back is in the
//! catalog first: an object without incarnation has that of the table which the catalog has of its
//! name and schema.

mod apply;
mod observe;
mod plan;
mod status;
mod trials;

use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use kube::Client;
use orrery_crds::kinds::{ChunkFamily, ChunkedTable, ReferenceTable, WorkerPool};

use crate::controller::context::{Context, Scope};
use crate::controller::error::ReconcileError;
use crate::controller::runner::Controller;
use crate::controller::watch::{self, Sensitivity, changes, namespace};
use apply::Archive;
use trials::Trials;

/// Pause between looks when nothing changed.
const RESYNC: Duration = Duration::from_secs(30);
/// Pause after the catalog learnt something: statuses mirror it.
const SOON: Duration = Duration::from_millis(100);

/// The controller; what it remembers may be lost at any time.
#[derive(Default)]
pub struct Archives {
    trials: Trials,
}

impl Controller for Archives {
    type Key = String;
    type Failure = ReconcileError;
    const NAME: &'static str = "archive";

    /// An archive is due at once, so that czars have a catalog and are ready before anything is
    /// declared, and when a declaration or the catalog's root changed.
    fn watches(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
        let spec = Sensitivity::Spec;
        stream::select_all([
            watch::archives(client, scope),
            changes::<WorkerPool, _>(client, scope, None, spec, namespace),
            changes::<ChunkFamily, _>(client, scope, None, spec, namespace),
            changes::<ChunkedTable, _>(client, scope, None, spec, namespace),
            changes::<ReferenceTable, _>(client, scope, None, spec, namespace),
            watch::roots(client, scope),
        ])
        .boxed()
    }

    /// Tables wait for workers that can try them.
    fn signals(context: &Context) -> BoxStream<'static, String> {
        context.arrivals.follow()
    }

    /// Judges what is declared, has the catalog follow it, and writes statuses.
    async fn reconcile(
        &self,
        context: &Context,
        namespace: &String,
    ) -> Result<Duration, ReconcileError> {
        // The catalog's first write in a term asks the agents for the highest term they have seen.
        if !context.agents.knows(namespace) {
            return Ok(SOON);
        }
        let observed = match observe::observe(context, namespace).await {
            Err(ReconcileError::Catalog(error)) => {
                if let Some(finding) = status::not_written(&error) {
                    context.metrics.behind(namespace, true);
                    status::write_behind(context, namespace, &finding).await?;
                }
                return Err(error.into());
            }
            observed => observed?,
        };
        context.metrics.behind(namespace, false);
        let Some(observed) = observed else {
            return Ok(RESYNC);
        };
        let mut plan = plan::plan(&observed);
        let archive = Archive { context, namespace };
        archive.accept_families(&plan).await?;
        let trials = &self.trials;
        let again = trials
            .settle(context, namespace, &observed, &mut plan)
            .await;
        let incarnations = archive.claim_incarnations(&observed, &mut plan).await?;
        // Verdicts must not wait for the catalog, which may be unable to take writes; and an
        // incarnation is in a status first.
        status::write(context, namespace, &observed, &plan, &incarnations).await?;
        let accepted = archive
            .accept_tables(&observed, &plan, &incarnations)
            .await?;
        archive.retire(&plan).await?;
        let pause = if accepted > 0 { SOON } else { RESYNC };
        Ok(again.map_or(pause, |again| again.min(pause)))
    }
}
