//! What is known of a pool right now: the cluster's objects, the catalog, and what each worker's
//! agent says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Node, PersistentVolumeClaim, Pod, Secret, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::ListParams;
use kube::{Resource, ResourceExt};
use orrery_archive::catalog::Catalog;
use orrery_archive::names::{MYSQL_SECRET, READER_ACCOUNT, WORKER_LABEL, WorkerId, worker_name};
use orrery_crds::kinds::{Worker, WorkerPhase, WorkerPool};
use orrery_worker_api::agent::Info;
use serde::de::DeserializeOwned;

use super::clock::Clock;
use super::objects::{claimed, config_name, pool_selector, selector_text};
use crate::agents::AgentError;
use crate::controller::context::Context;
use crate::controller::error::ReconcileError;
use crate::quantity;

/// Agents asked at a time.
const PROBES: usize = 32;

/// What an agent said, or why it said nothing.
pub type Probe = Result<Info, String>;

/// What is known of a pool.
pub struct Observed {
    /// The pool.
    pub pool: WorkerPool,
    /// Its name.
    pub name: String,
    /// Its workers.
    pub workers: BTreeMap<WorkerId, Worker>,
    /// Worker objects that cannot be read: while there are any, none is made.
    pub malformed_workers: Vec<String>,
    /// StatefulSets by name.
    pub stateful_sets: BTreeMap<String, StatefulSet>,
    /// Services by name.
    pub services: BTreeMap<String, Service>,
    /// The pool's ConfigMap.
    pub config: Option<ConfigMap>,
    /// The pool's PodDisruptionBudget.
    pub budget: Option<PodDisruptionBudget>,
    /// Pods by worker.
    pub pods: BTreeMap<WorkerId, Pod>,
    /// Failure domain by node; empty when nodes may not be read.
    pub zones: BTreeMap<String, String>,
    /// The catalog.
    pub catalog: Arc<Catalog>,
    /// Answers of the agents whose pods have an address.
    pub probes: BTreeMap<WorkerId, Probe>,
    /// How long each worker's probes have failed.
    pub failing: BTreeMap<WorkerId, Duration>,
    /// How long each worker has been down.
    pub down: BTreeMap<WorkerId, Duration>,
    /// How long each worker's agent has said that its data directory is empty, where one was
    /// adopted.
    pub emptied: BTreeMap<WorkerId, Duration>,
    /// How long no chunk has been on each worker, or to come to it.
    pub idle: BTreeMap<WorkerId, Duration>,
    /// Volume claims by name; listed only when some worker's was made for another size than wanted.
    pub claims: BTreeMap<String, PersistentVolumeClaim>,
    /// Password of the reader account, once it is made.
    pub reader_password: Option<String>,
}

/// Observes the pool; `None` when there is none of this name.
pub async fn observe(
    context: &Context,
    clocks: &Clocks,
    namespace: &str,
    name: &str,
) -> Result<Option<Observed>, ReconcileError> {
    let Some(pool) = context.api::<WorkerPool>(namespace).get_opt(name).await? else {
        return Ok(None);
    };
    let selector = selector_text(&pool_selector(name));
    let labels = Some(selector.as_str());
    let (workers, stateful_sets, services, pods) = tokio::try_join!(
        // Not by label: a worker that lost its label is still a worker, and its place must not be
        // filled.
        context.list::<Worker>(namespace, None),
        context.list::<StatefulSet>(namespace, labels),
        context.list::<Service>(namespace, labels),
        context.list::<Pod>(namespace, labels),
    )?;
    let pods: BTreeMap<WorkerId, Pod> = pods
        .valid
        .into_iter()
        .filter_map(|pod| Some((pod.labels().get(WORKER_LABEL)?.parse().ok()?, pod)))
        .collect();
    let workers_found: BTreeMap<WorkerId, Worker> = workers
        .valid
        .into_iter()
        .filter(|worker| worker.spec.pool == name)
        .map(|worker| (worker.spec.id, worker))
        .collect();
    let probes = probe(context, namespace, name, &pods).await;
    context
        .writer
        .hear(namespace, probes.values().flatten())
        .await;
    let mut observed = Observed {
        config: context.api(namespace).get_opt(&config_name(name)).await?,
        budget: context.api(namespace).get_opt(name).await?,
        zones: zones(context, &pool.spec.zone_key).await?,
        catalog: context.writer.catalog(namespace).await?,
        failing: BTreeMap::new(),
        down: BTreeMap::new(),
        emptied: BTreeMap::new(),
        idle: BTreeMap::new(),
        claims: BTreeMap::new(),
        reader_password: reader_password(context, namespace).await?,
        name: name.to_owned(),
        malformed_workers: workers.malformed,
        stateful_sets: complete(
            context,
            namespace,
            name,
            &workers_found,
            stateful_sets.valid,
        )
        .await?,
        services: complete(context, namespace, name, &workers_found, services.valid).await?,
        workers: workers_found,
        pool,
        pods,
        probes,
    };
    if may_differ(&observed) {
        let claims = context.list::<PersistentVolumeClaim>(namespace, labels);
        let claims = claims.await?.valid.into_iter();
        observed.claims = claims.map(|claim| (claim.name_any(), claim)).collect();
    }
    clocks.observe(namespace, &mut observed);
    Ok(Some(observed))
}

/// Whether claims are worth a look: some worker's was made for another size than wanted.
fn may_differ(observed: &Observed) -> bool {
    let wanted = &observed.pool.spec.storage;
    let mut sets = observed.stateful_sets.values();
    sets.any(|live| claimed(live).is_some_and(|(size, _)| !quantity::same(&size.0, wanted)))
}

/// Objects by name, also those of workers that lost the label they were listed by.
async fn complete<K>(
    context: &Context,
    namespace: &str,
    pool: &str,
    workers: &BTreeMap<WorkerId, Worker>,
    listed: Vec<K>,
) -> Result<BTreeMap<String, K>, kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + DeserializeOwned
        + Clone
        + Debug,
{
    let listed = listed.into_iter().map(|object| (object.name_any(), object));
    let mut objects: BTreeMap<String, K> = listed.collect();
    for name in workers.keys().map(|id| worker_name(pool, *id)) {
        if !objects.contains_key(&name) {
            let unlabelled = context.api(namespace).get_opt(&name).await?;
            objects.extend(unlabelled.map(|object| (name, object)));
        }
    }
    Ok(objects)
}

async fn reader_password(
    context: &Context,
    namespace: &str,
) -> Result<Option<String>, kube::Error> {
    let secret = context
        .api::<Secret>(namespace)
        .get_opt(MYSQL_SECRET)
        .await?;
    Ok(secret.and_then(|secret| {
        crate::secrets::values::value(&secret, READER_ACCOUNT).map(ToOwned::to_owned)
    }))
}

/// Failure domain of every node. Reading nodes needs a ClusterRole that an administrator may leave
/// out: then there are no zones.
async fn zones(context: &Context, zone_key: &str) -> Result<BTreeMap<String, String>, kube::Error> {
    let nodes = context
        .cluster_api::<Node>()
        .list_metadata(&ListParams::default())
        .await;
    match nodes {
        Ok(nodes) => Ok(nodes
            .items
            .into_iter()
            .filter_map(|node| Some((node.name_any(), node.labels().get(zone_key)?.clone())))
            .collect()),
        Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

/// The address of a pod that may answer.
pub fn pod_address(pod: &Pod) -> Option<&str> {
    let status = pod.status.as_ref()?;
    (status.phase.as_deref() == Some("Running")).then_some(())?;
    status.pod_ip.as_deref()
}

async fn ask(
    context: &Context,
    namespace: &str,
    worker: WorkerId,
    address: &str,
) -> Result<Info, AgentError> {
    let agent = context.agents.of(namespace, worker, address)?;
    Ok(agent.info().await?)
}

async fn probe(
    context: &Context,
    namespace: &str,
    pool: &str,
    pods: &BTreeMap<WorkerId, Pod>,
) -> BTreeMap<WorkerId, Probe> {
    let asked = pods
        .iter()
        .filter_map(|(id, pod)| Some((*id, pod_address(pod)?)));
    stream::iter(asked)
        .map(|(id, address)| async move {
            let answer = ask(context, namespace, id, address)
                .await
                .map_err(|error| error.to_string());
            if let Err(error) = &answer {
                tracing::debug!(
                    worker = worker_name(pool, id),
                    address,
                    error,
                    "the agent does not answer"
                );
            }
            (id, answer)
        })
        .buffer_unordered(PROBES)
        .collect()
        .await
}

/// Since when something holds of workers.
#[derive(Default)]
pub struct Clocks {
    failing: Clock,
    down: Clock,
    emptied: Clock,
    idle: Clock,
}

impl Clocks {
    fn observe(&self, namespace: &str, observed: &mut Observed) {
        let ids: Vec<WorkerId> = observed.workers.keys().copied().collect();
        let which = |holds: &dyn Fn(&WorkerId, &Worker) -> bool| -> BTreeSet<WorkerId> {
            let workers = observed.workers.iter();
            let found = workers.filter(|(id, worker)| holds(id, worker));
            found.map(|(id, _)| *id).collect()
        };
        let failing = which(&|id, _| !serves(observed.probes.get(id)));
        let down = which(&|_, worker| phase_is(worker, WorkerPhase::Down));
        let emptied = which(&|id, worker| is_emptied(worker, observed.probes.get(id)));
        let idle = without_chunks(observed);
        let times = |clock: &Clock, holds| clock.observe(namespace, ids.iter().copied(), &holds);
        observed.failing = times(&self.failing, failing);
        observed.down = times(&self.down, down);
        observed.emptied = times(&self.emptied, emptied);
        observed.idle = times(&self.idle, idle);
    }
}

/// Workers that no chunk is on, or is to come to.
fn without_chunks(observed: &Observed) -> BTreeSet<WorkerId> {
    let families = observed.catalog.families.values();
    let holding: BTreeSet<WorkerId> = families
        .flat_map(|family| {
            let listed = family.placement.values().flatten();
            listed.chain(family.intended.values().flatten())
        })
        .copied()
        .collect();
    let workers = observed.workers.keys();
    workers
        .filter(|id| !holding.contains(id))
        .copied()
        .collect()
}

fn phase_is(worker: &Worker, phase: WorkerPhase) -> bool {
    let status = worker.status.as_ref();
    status.is_some_and(|status| status.phase == phase)
}

/// Whether an agent says that the data directory is empty where one was adopted.
fn is_emptied(worker: &Worker, probe: Option<&Probe>) -> bool {
    let adopted = worker.status.as_ref();
    adopted.is_some_and(|status| status.identity.is_some())
        && matches!(probe, Some(Ok(info)) if info.mysqld.is_some() && info.identity.is_none())
}

/// Whether the agent answered and its mysqld does.
fn serves(probe: Option<&Probe>) -> bool {
    matches!(probe, Some(Ok(info)) if info.mysqld.is_some())
}
