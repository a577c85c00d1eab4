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
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use orrery_archive::catalog::Catalog;
use orrery_crds::kinds::{Worker, WorkerPool};
use orrery_snapshot::lease::READER_LABEL;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::catalog::readers::Readers;
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
    readers: Mutex<HashMap<String, Readers>>,
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
        let mut plan = plan::plan(&Situation {
            catalog: &observed.catalog,
            sites: &judged.sites,
            held: &judged.held(),
        });
        let catalog = &observed.catalog;
        if !plan.moves.forget.is_empty() && !self.none_asks(context, namespace, catalog).await? {
            plan.moves.forget.clear();
        }
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

impl Repair {
    /// Whether no reader can ask any more for rows of a table whose rows are to be dropped: a
    /// statement keeps the data that it was planned over, and looks its workers up in the newest
    /// catalog.
    async fn none_asks(
        &self,
        context: &Context,
        namespace: &str,
        catalog: &Catalog,
    ) -> Result<bool, ReconcileError> {
        let Some(since) = catalog.dropping.values().max() else {
            return Ok(true);
        };
        let leases = context.list::<Lease>(namespace, Some(READER_LABEL)).await?;
        let mut readers = self.readers.lock().await;
        let readers = readers.entry(namespace.to_owned()).or_default();
        let now = Instant::now();
        readers.observe(&leases.valid, now);
        let oldest = readers.oldest_needed(catalog.epochs, now);
        Ok(oldest.is_some_and(|oldest| oldest.data >= *since))
    }
}
