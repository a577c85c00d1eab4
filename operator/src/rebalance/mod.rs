//! `Rebalance`: chunks move to workers that have less than their share
//! (docs/design/placement.md#rebalancing).
//!
//! A plan is a pure function of the catalog, the workers and the sizes of chunks; its name is a hash
//! over its moves. Once approved it is entered into the catalog: which workers are to get a copy
//! and which ones the chunk leaves then. From there on it is the work of [`crate::copies`], which
//! makes the copies, and of [`crate::repair`], which takes a chunk off a worker's list when it has
//! as many copies as wanted without it.

mod apply;
mod measure;
mod observe;
mod plan;
mod status;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use orrery_crds::kinds::{Rebalance, Worker, WorkerPool};
use tokio::sync::Mutex;

use crate::controller::context::{Context, Scope};
use crate::controller::error::ReconcileError;
use crate::controller::runner::Controller;
use crate::controller::watch::{self, Sensitivity, changes, namespace};
use measure::Measured;
use observe::Observed;
use plan::Step;

/// Pause between looks.
const ROUND: Duration = Duration::from_secs(10);
/// Pause after something was decided.
const SOON: Duration = Duration::from_millis(500);

/// The controller; what it remembers between rounds may be lost at any time.
#[derive(Default)]
pub struct Rebalances {
    measured: Mutex<HashMap<String, Measured>>,
}

impl Controller for Rebalances {
    type Key = String;
    type Failure = ReconcileError;
    const NAME: &'static str = "rebalance";

    fn watches(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
        let spec = Sensitivity::Spec;
        stream::select_all([
            watch::roots(client, scope),
            changes::<Rebalance, _>(client, scope, None, spec, namespace),
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
        let Some(observed) = observe::observe(context, namespace).await? else {
            return Ok(ROUND);
        };
        let mut measured = self.measured.lock().await;
        let measured = measured.entry(namespace.clone()).or_default();
        apply::make_missing(context, namespace, &observed).await?;
        let mut rest = true;
        for rebalance in observed.rebalances.values() {
            rest &= one(context, namespace, &observed, measured, rebalance).await?;
        }
        Ok(if rest { ROUND } else { SOON })
    }
}

/// Brings one pool nearer to what is wanted. Returns whether it can rest.
async fn one(
    context: &Context,
    namespace: &str,
    observed: &Observed,
    measured: &mut Measured,
    rebalance: &Rebalance,
) -> Result<bool, ReconcileError> {
    let Some(name) = rebalance.metadata.name.as_deref() else {
        return Ok(true);
    };
    let leaving = plan::leaving(&observed.catalog, name);
    let outlook = if let Some(first) = plan::unsettled(observed, name, Timestamp::now()) {
        first
    } else {
        let sizes = measured.sizes(context, namespace, observed, name).await;
        plan::outlook(observed, name, &sizes)
    };
    let before = rebalance.status.clone().unwrap_or_default();
    let decision = plan::decide(&rebalance.spec, &before, leaving.len() as u64, &outlook);
    // What is about to be done is written first: another leader continues what it finds.
    let changed = status::write(context, namespace, rebalance, &decision, &outlook).await?;
    match (decision.step, &outlook) {
        (Step::Begin, plan::Outlook::Uneven(proposal)) => {
            apply::begin(context, namespace, observed, proposal).await?;
        }
        (Step::Stop, _) => apply::stop(context, namespace, observed, leaving).await?,
        (Step::Begin | Step::Rest, _) => {}
    }
    Ok(decision.step == Step::Rest && !changed)
}
