//! Adopts data directories, and makes the objects of a pool as wanted.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ObjectReference, Pod};
use kube::api::{DeleteParams, Preconditions};
use kube::{Resource, ResourceExt};
use orrery_archive::names::{WorkerId, worker_name};
use orrery_crds::kinds::Worker;
use orrery_worker_api::agent::{Adopt, Info};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::identity::Trust;
use super::objects;
use super::observe::Observed;
use super::plan::{self, Adoption, Plan};
use crate::agents::AgentError;
use crate::controller::apply::{ApplyError, Ownership, apply};
use crate::controller::conflicts::Conflicts;
use crate::controller::context::Context;
use crate::controller::error::ReconcileError;
use crate::controller::events::Event;

/// What each worker's agent got last: a hash over directory and password.
#[derive(Default)]
pub struct Adopted(Mutex<HashMap<(String, WorkerId), String>>);

impl Adopted {
    /// Adopts fresh directories, and sends the reader's password to agents that do not have it from
    /// this process yet.
    pub async fn adopt(
        &self,
        context: &Context,
        namespace: &str,
        observed: &Observed,
        plan: &mut Plan,
    ) {
        let Some(password) = &observed.reader_password else {
            return;
        };
        let Plan {
            adoptions, trust, ..
        } = plan;
        for adoption in adoptions.iter() {
            let key = (namespace.to_owned(), adoption.worker);
            let token = token_of(&adoption.address, password, trust.get(&adoption.worker));
            if self.lock().get(&key) == Some(&token) {
                continue;
            }
            let directory = match call_adopt(context, namespace, observed, adoption, password).await
            {
                Ok(info) => info.identity.map(|identity| identity.directory),
                Err(error) => {
                    let worker = worker_name(&observed.name, adoption.worker);
                    tracing::warn!(worker, %error, "cannot adopt a data directory");
                    continue;
                }
            };
            if let Some(directory) = directory {
                let known = Trust::Known(directory);
                self.lock()
                    .insert(key, token_of(&adoption.address, password, Some(&known)));
                trust.insert(adoption.worker, known);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, WorkerId), String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an agent knows after it was called: the password, for the directory at this address.
fn token_of(address: &str, password: &str, trust: Option<&Trust>) -> String {
    let directory = match trust {
        Some(Trust::Known(directory)) => directory,
        _ => "",
    };
    hex::encode(Sha256::digest(format!(
        "{address}\n{directory}\n{password}"
    )))
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
        .of(namespace, adoption.worker, &adoption.address)?
        .adopt(&Adopt {
            term: observed.catalog.term,
            archive_uid: observed.catalog.archive_uid.clone(),
            worker: adoption.worker,
            reader_password: password.to_owned(),
        })
        .await?;
    if adoption.fresh {
        let name = worker_name(&observed.name, adoption.worker);
        let event = Event::normal(
            "Adopted",
            format!("adopted the fresh data directory of {name}"),
        );
        context
            .events
            .publish(&observed.pool.object_ref(&()), None, event)
            .await;
    }
    Ok(info)
}

/// Makes objects of a pool as wanted, and tells in Events about the pool what was done.
pub struct Maker<'a> {
    context: &'a Context,
    namespace: &'a str,
    about: ObjectReference,
    conflicts: &'a mut Conflicts,
}

impl<'a> Maker<'a> {
    /// Makes objects of the pool that was observed.
    pub fn new(
        context: &'a Context,
        namespace: &'a str,
        observed: &Observed,
        conflicts: &'a mut Conflicts,
    ) -> Self {
        Self {
            context,
            namespace,
            about: observed.pool.object_ref(&()),
            conflicts,
        }
    }

    /// Makes one object as wanted; what changed since it was looked at waits for the next look.
    async fn make<K>(
        &mut self,
        live: Option<&K>,
        wanted: &K,
        ownership: Ownership,
    ) -> Result<(), ApplyError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Serialize
            + DeserializeOwned
            + Clone
            + Debug,
    {
        let made = apply(&self.context.api(self.namespace), live, wanted, ownership).await;
        if let Some(change) = self.conflicts.pass(&wanted.name_any(), made)? {
            let events = &self.context.events;
            events.applied(&self.about, wanted, &change).await;
        }
        Ok(())
    }

    /// Makes every object: settings before the pods that mount them, a worker's Service before its
    /// StatefulSet.
    pub async fn objects(&mut self, observed: &Observed, plan: &Plan) -> Result<(), ApplyError> {
        let whole = Ownership::Whole;
        if let Some(plan::Shared { config, budget }) = &plan.shared {
            self.make(observed.config.as_ref(), config, whole).await?;
            self.make(observed.budget.as_ref(), budget, whole).await?;
        }
        for plan::WorkerObjects {
            worker,
            service,
            stateful_set,
        } in &plan.workers
        {
            let name = worker_name(&observed.name, worker.spec.id);
            let live = observed.workers.get(&worker.spec.id);
            self.make(live, worker, Ownership::Shared).await?;
            let live = observed.services.get(&name);
            self.make(live, service, whole).await?;
            let live = observed.stateful_sets.get(&name);
            self.make(live, stateful_set, whole).await?;
        }
        Ok(())
    }

    /// Makes missing Worker objects. An id that is reserved and then not used, because this process
    /// dies, is lost, which is harmless.
    pub async fn workers(
        &mut self,
        observed: &Observed,
        plan: &Plan,
    ) -> Result<(), ReconcileError> {
        let ids = if plan.new_workers > 0 {
            let writer = &self.context.writer;
            writer
                .reserve_workers(self.namespace, plan.new_workers)
                .await?
        } else {
            Vec::new()
        };
        let fresh = ids
            .into_iter()
            .map(|id| objects::worker(&observed.pool, &observed.name, id));
        for worker in plan.restored.iter().cloned().chain(fresh) {
            self.make(None, &worker, Ownership::Shared).await?;
        }
        Ok(())
    }
}

/// Deletes the Worker objects that go. Their StatefulSets and pods go with them; volume claims stay.
pub async fn retire(
    context: &Context,
    namespace: &str,
    observed: &Observed,
    plan: &Plan,
) -> Result<(), ReconcileError> {
    for id in &plan.gone {
        let Some(worker) = observed.workers.get(id) else {
            continue;
        };
        // What was decided over one object does not meet another, or a newer one.
        let exactly = Preconditions {
            resource_version: worker.metadata.resource_version.clone(),
            uid: worker.metadata.uid.clone(),
        };
        let name = worker_name(&observed.name, *id);
        if delete::<Worker>(context, namespace, &name, exactly).await? {
            let leaves = plan.scale_down.leaving.contains(id);
            let event = if leaves {
                Event::normal(
                    "WorkerRemoved",
                    format!("{name} held no chunk and was more than wanted"),
                )
            } else {
                Event::warning(
                    "WorkerReplaced",
                    format!(
                        "{name} was down for repair.replaceAfterSeconds and held no chunk: a new worker takes its place; its volume claim stays"
                    ),
                )
            };
            let about = observed.pool.object_ref(&());
            context.events.publish(&about, None, event).await;
        }
    }
    Ok(())
}

/// Restarts the pod whose turn it is.
pub async fn restart(
    context: &Context,
    namespace: &str,
    observed: &Observed,
    plan: &Plan,
) -> Result<(), ReconcileError> {
    let Some(pod) = plan.roll.next.and_then(|id| observed.pods.get(&id)) else {
        return Ok(());
    };
    let exactly = Preconditions {
        resource_version: None,
        uid: pod.metadata.uid.clone(),
    };
    let name = pod.name_any();
    if delete::<Pod>(context, namespace, &name, exactly).await? {
        let left = plan.roll.pending.len();
        let event = Event::normal(
            "Restarts",
            format!("{name} is restarted, {left} were left to be"),
        );
        let about = observed.pool.object_ref(&());
        context.events.publish(&about, None, event).await;
    }
    Ok(())
}

/// Deletes an object if it is this one. Returns whether it was there.
async fn delete<K>(
    context: &Context,
    namespace: &str,
    name: &str,
    exactly: Preconditions,
) -> Result<bool, kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + DeserializeOwned
        + Clone
        + Debug,
{
    let parameters = DeleteParams {
        preconditions: Some(exactly),
        ..DeleteParams::default()
    };
    match context.api::<K>(namespace).delete(name, &parameters).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(false),
        Err(error) => Err(error),
    }
}
