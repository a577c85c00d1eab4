//! `WorkerPool`: makes its workers and looks after them.
//!
//! [`observe`] → [`plan`] → here applied. Worker ids come from the catalog's counters and are never reused; a worker is never deleted
//! here, and neither `WorkerPool.spec.workers` nor `Worker.spec.offline` is ever written.

pub mod identity;
pub mod objects;
pub mod observe;
pub mod plan;
pub mod settings;
pub mod status;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::Resource;
use kube::api::PostParams;
use orrery_archive::names::{WorkerId, worker_name};
use orrery_crds::kinds::{Worker, WorkerPhase, WorkerPool, WorkerStatus};
use orrery_worker_api::agent::{Adopt, Info};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::agents::AgentError;
use crate::apply::{ApplyError, MANAGER, Ownership, apply};
use crate::context::Context;
use crate::notices::Notice;
use crate::writer::WriterError;
use identity::Trust;
use observe::{Health, Observed};
use plan::{Adoption, Plan};

/// Pause between looks at a pool that is as wanted.
const RESYNC: Duration = Duration::from_secs(10);
/// Pause while workers start or fail.
const SOON: Duration = Duration::from_secs(2);

/// Why a pool was not reconciled.
#[derive(Debug, Error)]
pub enum PoolError {
    /// The cluster API failed.
    #[error("cluster API: {0}")]
    Api(#[from] kube::Error),
    /// An object was not applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The catalog was not read or written.
    #[error(transparent)]
    Catalog(#[from] WriterError),
}

/// The controller of all pools.
#[derive(Default)]
pub struct Pools {
    health: Health,
    /// What each worker's agent was last told: a hash over directory and password.
    told: Mutex<HashMap<(String, WorkerId), String>>,
}

impl Pools {
    /// Brings the pool `name` nearer to what its spec says; answers when to look again.
    pub async fn reconcile(
        &self,
        context: &Context,
        namespace: &str,
        name: &str,
    ) -> Result<Duration, PoolError> {
        if !context.agents.knows(namespace) {
            return Ok(SOON);
        }
        let Some(observed) = observe::observe(context, &self.health, namespace, name).await? else {
            return Ok(Duration::from_secs(3600));
        };
        if observed.pool.metadata.deletion_timestamp.is_some() {
            return Ok(RESYNC);
        }
        let mut plan = plan::plan(&observed, &context.images);
        self.adopt(context, namespace, &observed, &mut plan).await;
        let statuses = write_worker_statuses(context, namespace, &observed, &plan).await?;
        write_pool_status(context, namespace, &observed, &plan, &statuses).await?;
        write_objects(context, namespace, &observed, &plan).await?;
        make_workers(context, namespace, &observed, &plan).await?;
        let busy = plan.new_workers > 0 || statuses.iter().any(|status| status.phase != WorkerPhase::Ready);
        Ok(if busy { SOON } else { RESYNC })
    }

    /// Adopts fresh directories, and tells the reader's password to agents that do not have it from this process yet.
    async fn adopt(&self, context: &Context, namespace: &str, observed: &Observed, plan: &mut Plan) {
        let Some(password) = &observed.reader_password else {
            return;
        };
        let Plan { adoptions, trust, .. } = plan;
        for adoption in adoptions.iter() {
            let key = (namespace.to_owned(), adoption.worker);
            let token = token(&adoption.address, password, trust.get(&adoption.worker));
            if self.told().get(&key) == Some(&token) {
                continue;
            }
            let directory = match call_adopt(context, namespace, observed, adoption, password).await {
                Ok(info) => info.identity.map(|identity| identity.directory),
                Err(error) => {
                    let worker = worker_name(&observed.name, adoption.worker);
                    tracing::warn!(worker, %error, "cannot adopt a data directory");
                    continue;
                }
            };
            if let Some(directory) = directory {
                let known = Trust::Known(directory);
                self.told()
                    .insert(key, self::token(&adoption.address, password, Some(&known)));
                trust.insert(adoption.worker, known);
            }
        }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, HashMap<(String, WorkerId), String>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an agent knows after it was told: the password, for the directory at this address.
fn token(address: &str, password: &str, trust: Option<&Trust>) -> String {
    let directory = match trust {
        Some(Trust::Known(directory)) => directory,
        _ => "",
    };
    hex::encode(Sha256::digest(format!("{address}\n{directory}\n{password}")))
}

async fn call_adopt(
    context: &Context,
    namespace: &str,
    observed: &Observed,
    adoption: &Adoption,
    password: &str,
) -> Result<Info, AgentError> {
    let info = context
        .agents
        .at(namespace, &adoption.address)?
        .adopt(&Adopt {
            term: observed.catalog.term,
            archive_uid: observed.catalog.archive_uid.clone(),
            worker: adoption.worker,
            reader_password: password.to_owned(),
        })
        .await?;
    if adoption.fresh {
        let name = worker_name(&observed.name, adoption.worker);
        let notice = Notice {
            warning: false,
            reason: "Adopted",
            note: format!("adopted the fresh data directory of {name}"),
        };
        context
            .notices
            .tell(&observed.pool.object_ref(&()), None, notice)
            .await;
    }
    Ok(info)
}

/// Writes the statuses that changed; all of them come back.
async fn write_worker_statuses(
    context: &Context,
    namespace: &str,
    observed: &Observed,
    plan: &Plan,
) -> Result<Vec<WorkerStatus>, PoolError> {
    let api = context.api::<Worker>(namespace);
    let mut statuses = Vec::with_capacity(observed.workers.len());
    for (id, worker) in &observed.workers {
        let Some(status) = status::worker_status(observed, plan, *id, Timestamp::now()) else {
            continue;
        };
        if worker.status.as_ref() != Some(&status) {
            let name = worker_name(&observed.name, *id);
            let wanted = Worker {
                status: Some(status.clone()),
                ..worker.clone()
            };
            api.replace_status(&name, &parameters(), &wanted).await?;
            tell_transition(context, worker, &status).await;
        }
        statuses.push(status);
    }
    Ok(statuses)
}

async fn tell_transition(context: &Context, worker: &Worker, status: &WorkerStatus) {
    let before = worker
        .status
        .as_ref()
        .map(|status| status.phase)
        .unwrap_or_default();
    if before == status.phase {
        return;
    }
    let message = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Ready")
        .map(|condition| condition.message.clone())
        .unwrap_or_default();
    let notice = Notice {
        warning: matches!(status.phase, WorkerPhase::Suspect | WorkerPhase::Down),
        reason: phase_reason(status.phase),
        note: format!("{before:?} → {:?} {message}", status.phase),
    };
    context.notices.tell(&worker.object_ref(&()), None, notice).await;
}

fn phase_reason(phase: WorkerPhase) -> &'static str {
    match phase {
        WorkerPhase::Pending => "WorkerPending",
        WorkerPhase::Ready => "WorkerReady",
        WorkerPhase::Suspect => "WorkerSuspect",
        WorkerPhase::Down => "WorkerDown",
        WorkerPhase::Draining => "WorkerDraining",
        WorkerPhase::Drained => "WorkerDrained",
    }
}

async fn write_pool_status(
    context: &Context,
    namespace: &str,
    observed: &Observed,
    plan: &Plan,
    workers: &[WorkerStatus],
) -> Result<(), PoolError> {
    let status = status::pool_status(observed, plan, workers, Timestamp::now());
    if observed.pool.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let wanted = WorkerPool {
        status: Some(status),
        ..observed.pool.clone()
    };
    context
        .api::<WorkerPool>(namespace)
        .replace_status(&observed.name, &parameters(), &wanted)
        .await?;
    Ok(())
}

/// Statuses are written under the resourceVersion they were computed from.
fn parameters() -> PostParams {
    PostParams {
        field_manager: Some(MANAGER.into()),
        ..PostParams::default()
    }
}

/// Applies every object: settings before the pods that mount them, a worker's Service before its StatefulSet.
async fn write_objects(
    context: &Context,
    namespace: &str,
    observed: &Observed,
    plan: &Plan,
) -> Result<(), PoolError> {
    let about = observed.pool.object_ref(&());
    if let Some(plan::Shared { config, budget }) = &plan.shared {
        let change = apply(
            &context.api(namespace),
            observed.config.as_ref(),
            config,
            Ownership::Whole,
        )
        .await?;
        context.notices.applied(&about, config, &change).await;
        let change = apply(
            &context.api(namespace),
            observed.budget.as_ref(),
            budget,
            Ownership::Whole,
        )
        .await?;
        context.notices.applied(&about, budget, &change).await;
    }
    for plan::WorkerObjects {
        worker,
        service,
        stateful_set,
    } in &plan.workers
    {
        let name = worker_name(&observed.name, worker.spec.id);
        let live = observed.workers.get(&worker.spec.id);
        let change = apply(&context.api(namespace), live, worker, Ownership::Shared).await?;
        context.notices.applied(&about, worker, &change).await;
        let live = observed.services.get(&name);
        let change = apply(&context.api(namespace), live, service, Ownership::Whole).await?;
        context.notices.applied(&about, service, &change).await;
        let live = observed.stateful_sets.get(&name);
        let change = apply(&context.api(namespace), live, stateful_set, Ownership::Whole).await?;
        context.notices.applied(&about, stateful_set, &change).await;
    }
    Ok(())
}

/// Makes missing Worker objects. An id that is reserved and then not used, because this process dies, is lost, which is harmless.
async fn make_workers(
    context: &Context,
    namespace: &str,
    observed: &Observed,
    plan: &Plan,
) -> Result<(), PoolError> {
    let ids = if plan.new_workers > 0 {
        context
            .writer
            .reserve_workers(namespace, plan.new_workers)
            .await?
    } else {
        Vec::new()
    };
    let fresh = ids
        .into_iter()
        .map(|id| objects::worker(&observed.pool, &observed.name, id));
    for worker in plan.restored.iter().cloned().chain(fresh) {
        let change = apply(&context.api(namespace), None, &worker, Ownership::Shared).await?;
        context
            .notices
            .applied(&observed.pool.object_ref(&()), &worker, &change)
            .await;
    }
    Ok(())
}
