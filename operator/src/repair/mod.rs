//! Repair and drains: which copies are to be made because a worker is lost, is to leave, or because
//! a chunk has fewer than wanted; and which workers a chunk leaves
//! (docs/design/placement.md#repair).
//!
//! What is decided stands in the catalog as *intended* copies; [`crate::copies`] makes them.
//! [`standing`] and [`plan`] are pure.

mod apply;
mod observe;
mod plan;
mod site;
#[cfg(test)]
mod speed;
pub mod standing;
mod status;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use orrery_crds::kinds::{Worker, WorkerPool};
use tokio::sync::Mutex;

use crate::controller::context::{Context, Scope};
use crate::controller::error::ReconcileError;
use crate::controller::runner::Controller;
use crate::controller::watch::{self, Sensitivity, changes, namespace};
use observe::Downtimes;
use plan::Situation;

/// Pause between looks: phases of workers change without a trigger.
const ROUND: Duration = Duration::from_secs(5);

/// The controller; what it remembers between rounds may be lost at any time.
#[derive(Default)]
pub struct Repair {
    downtimes: Mutex<HashMap<String, Downtimes>>,
}

impl Controller for Repair {
    type Key = String;
    type Failure = ReconcileError;
    const NAME: &'static str = "repair";

    fn watches(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
        let spec = Sensitivity::Spec;
        stream::select_all([
            watch::roots(client, scope),
            changes::<Worker, _>(client, scope, None, spec, namespace),
            changes::<WorkerPool, _>(client, scope, None, spec, namespace),
        ])
        .boxed()
    }

    async fn reconcile(
        &self,
        context: &Context,
        namespace: &String,
    ) -> Result<Duration, ReconcileError> {
        if !context.agents.knows(namespace) {
            return Ok(ROUND);
        }
        let mut downtimes = self.downtimes.lock().await;
        let downtimes = downtimes.entry(namespace.clone()).or_default();
        let Some(observed) = observe::observe(context, namespace, downtimes).await? else {
            return Ok(ROUND);
        };
        let judged = standing::judge_all(&observed, Timestamp::now());
        let plan = plan::plan(&Situation {
            catalog: &observed.catalog,
            sites: &judged.sites,
            held: &judged.held(),
        });
        let intended = observed.catalog.families.values();
        let intended = intended.flat_map(|family| family.intended.values());
        context
            .metrics
            .intended(namespace, intended.map(BTreeSet::len).sum());
        apply::write(context, namespace, &observed, &plan.moves).await?;
        status::write(context, namespace, &observed, &judged, &plan).await?;
        Ok(ROUND)
    }
}
