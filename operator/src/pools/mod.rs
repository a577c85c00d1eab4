//! `WorkerPool`: makes its workers and looks after them.
//!
//! Worker ids come from the catalog's counters and are never reused. A worker is deleted only when
//! no chunk is on it and it is more than wanted or given up ([`leave`]); its volume claim stays.
//! Neither `WorkerPool.spec.workers` nor `Worker.spec.desired` is ever written.

mod apply;
mod clock;
mod disruptions;
mod grow;
pub mod identity;
pub mod leave;
mod next;
pub mod objects;
pub mod observe;
pub mod plan;
pub mod roll;
pub mod settings;
mod sight;
pub mod status;
#[cfg(test)]
mod tests;
pub mod volumes;

use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use orrery_archive::names::{COMPONENT_LABEL, POOL_LABEL};
use orrery_crds::kinds::{Worker, WorkerPool};

use crate::controller::conflicts::Conflicts;
use crate::controller::context::{Context, Scope};
use crate::controller::error::ReconcileError;
use crate::controller::runner::Controller;
use crate::controller::watch::{Sensitivity, changes};
use apply::{Adopted, Maker};
use grow::Refusals;
use next::{RESYNC, SOON};
use objects::COMPONENT;
use observe::Clocks;

/// Pause after a write that lost against another one.
const AGAIN: Duration = Duration::from_millis(500);
/// Pause when there is no pool of this name (any more).
const GONE: Duration = Duration::from_secs(3600);

/// The controller of all pools; what it remembers may be lost at any time.
#[derive(Default)]
pub struct Pools {
    clocks: Clocks,
    adopted: Adopted,
    refusals: Refusals,
}

/// Namespace and name of a pool.
pub type PoolKey = (String, String);

impl Controller for Pools {
    type Key = PoolKey;
    type Failure = ReconcileError;
    const NAME: &'static str = "pools";

    /// A pool is due when it or anything that was made for it changed.
    fn watches(client: &Client, scope: &Scope) -> BoxStream<'static, PoolKey> {
        let ours = format!("{COMPONENT_LABEL}={COMPONENT},{POOL_LABEL}");
        let ours = Some(ours.as_str());
        let (any, spec) = (Sensitivity::Any, Sensitivity::Spec);
        stream::select_all([
            changes::<WorkerPool, _>(client, scope, None, spec, itself),
            changes::<Worker, _>(client, scope, None, spec, owner),
            changes::<StatefulSet, _>(client, scope, ours, any, labelled),
            changes::<Service, _>(client, scope, ours, any, labelled),
            changes::<ConfigMap, _>(client, scope, ours, any, labelled),
            changes::<PodDisruptionBudget, _>(client, scope, ours, spec, labelled),
            changes::<Pod, _>(client, scope, ours, any, labelled),
        ])
        .boxed()
    }

    async fn reconcile(
        &self,
        context: &Context,
        (namespace, name): &PoolKey,
    ) -> Result<Duration, ReconcileError> {
        if !context.agents.knows(namespace) {
            return Ok(SOON);
        }
        let Some(observed) = observe::observe(context, &self.clocks, namespace, name).await? else {
            context.metrics.workers(namespace, name, &[]);
            return Ok(GONE);
        };
        if observed.pool.metadata.deletion_timestamp.is_some() {
            return Ok(RESYNC);
        }
        let mut plan = plan::plan(&observed, &context.images);
        self.adopted
            .adopt(context, namespace, &observed, &mut plan)
            .await;
        self.refusals
            .grow(context, namespace, &observed, &mut plan.volumes)
            .await?;
        let mut conflicts = Conflicts::default();
        status::write(context, namespace, &observed, &plan, &mut conflicts).await?;
        let mut maker = Maker::new(context, namespace, &observed, &mut conflicts);
        maker.objects(&observed, &plan).await?;
        maker.workers(&observed, &plan).await?;
        apply::retire(context, namespace, &observed, &plan).await?;
        apply::restart(context, namespace, &observed, &plan).await?;
        let next = next::look(&observed, &plan);
        Ok(if conflicts.any() {
            next.min(AGAIN)
        } else {
            next
        })
    }
}

fn itself(metadata: &ObjectMeta) -> Option<PoolKey> {
    Some((metadata.namespace.clone()?, metadata.name.clone()?))
}

fn labelled(metadata: &ObjectMeta) -> Option<PoolKey> {
    let pool = metadata.labels.as_ref()?.get(POOL_LABEL)?;
    Some((metadata.namespace.clone()?, pool.clone()))
}

/// The pool that owns a worker, whatever became of its labels.
fn owner(metadata: &ObjectMeta) -> Option<PoolKey> {
    let owners = metadata.owner_references.as_ref()?;
    let owner = owners.iter().find(|owner| owner.kind == "WorkerPool")?;
    Some((metadata.namespace.clone()?, owner.name.clone()))
}
