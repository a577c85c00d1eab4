//! From what is known of a pool to what should be: objects, adoptions, statuses. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::ResourceExt;
use orrery_archive::catalog::Catalog;
use orrery_archive::names::{WorkerId, worker_name};
use orrery_crds::kinds::{REPLACE_DIRECTORY, Worker, WorkerPoolSpec};
use sha2::{Digest, Sha256};

use super::disruptions::{Disruptions, disruptions};
use super::identity::{Trust, judge};
use super::leave::{self, ScaleDown};
use super::objects::{self, config_map, service, stateful_set};
use super::observe::{Observed, pod_address};
use super::roll::{self, Roll};
use super::settings;
use super::volumes::{Volumes, volumes};
use crate::controller::pods::Images;
use crate::placement::replicas;

/// Longest pool name: a StatefulSet's pods carry `<pool>-w<id>-<hash>` as a label of at most 63
/// characters.
const LONGEST_NAME: usize = 37;

/// What should be.
#[derive(Debug)]
pub struct Plan {
    /// Objects of the pool as a whole.
    pub shared: Option<Shared>,
    /// Objects of each worker.
    pub workers: Vec<WorkerObjects>,
    /// Workers that the catalog knows but that have no object.
    pub restored: Vec<Worker>,
    /// How many workers with new ids to make.
    pub new_workers: u32,
    /// Data directories to adopt.
    pub adoptions: Vec<Adoption>,
    /// Trust in each directory that was reported.
    pub trust: BTreeMap<WorkerId, Trust>,
    /// The workers that are more than wanted.
    pub scale_down: ScaleDown,
    /// Workers whose objects go: no chunk is on them, and they leave or are given up.
    pub gone: BTreeSet<WorkerId>,
    /// Workers whose pods are to be restarted.
    pub roll: Roll,
    /// Volumes that are not as large as wanted, or larger.
    pub volumes: Volumes,
    /// How many workers may be away at once.
    pub disruptions: Disruptions,
    /// Why the spec is refused, if it is.
    pub refusal: Option<Refusal>,
}

/// Objects of the pool as a whole.
#[derive(Debug)]
pub struct Shared {
    /// Settings.
    pub config: ConfigMap,
    /// Disruptions allowed.
    pub budget: PodDisruptionBudget,
}

/// Objects of one worker.
#[derive(Debug)]
pub struct WorkerObjects {
    /// The Worker itself.
    pub worker: Worker,
    /// Its Service.
    pub service: Service,
    /// Its StatefulSet.
    pub stateful_set: StatefulSet,
}

/// A data directory to adopt, or whose agent gets the reader's password again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// Worker.
    pub worker: WorkerId,
    /// Address of its pod.
    pub address: String,
    /// Whether the directory is fresh.
    pub fresh: bool,
}

/// Why a spec is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// In CamelCase.
    pub reason: &'static str,
    /// In words, naming the field.
    pub message: String,
}

/// Plans the pool. A refused spec changes no object, but its workers are still adopted and looked
/// after.
pub fn plan(observed: &Observed, images: &Images) -> Plan {
    let trust = trust(observed);
    let mut plan = Plan {
        shared: None,
        workers: Vec::new(),
        restored: Vec::new(),
        new_workers: 0,
        adoptions: adoptions(observed, &trust),
        scale_down: leave::scale_down(observed),
        gone: BTreeSet::new(),
        roll: Roll::default(),
        volumes: Volumes::default(),
        disruptions: disruptions(observed, &trust),
        refusal: None,
        trust,
    };
    match my_cnf(observed) {
        Err(refusal) => plan.refusal = Some(refusal),
        Ok(_) if observed.pool.spec.paused => {}
        Ok(my_cnf) => {
            let hash = settings_hash(&my_cnf);
            plan.shared = Some(Shared {
                config: config_map(&observed.pool, &observed.name, my_cnf),
                budget: objects::budget(&observed.pool, &observed.name, plan.disruptions.most),
            });
            plan.workers = observed
                .workers
                .values()
                .filter(|worker| worker.metadata.deletion_timestamp.is_none())
                .map(|worker| worker_objects(observed, images, worker, &hash))
                .collect();
            plan.restored = restored(observed);
            plan.new_workers = new_workers(observed, plan.restored.len());
            let leaving = &plan.scale_down.leaving;
            plan.gone = leave::gone(observed, leaving);
            plan.gone.extend(leave::given_up(observed, leaving));
            plan.roll = roll::roll(observed, &plan.trust);
            plan.volumes = volumes(observed);
        }
    }
    plan
}

fn my_cnf(observed: &Observed) -> Result<String, Refusal> {
    check_name(&observed.name)?;
    check_storage(&observed.pool.spec)?;
    let memory = memory_limit(&observed.pool.spec);
    settings::my_cnf(&observed.pool.spec.settings, memory.as_deref()).map_err(|error| Refusal {
        reason: "BadSetting",
        message: error.to_string(),
    })
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let sound = name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.contains('.');
    if sound {
        return Ok(());
    }
    Err(Refusal {
        reason: "BadName",
        message: format!(
            "metadata.name: Services and pods are named after the pool, so its name begins with a letter, has no dot and at most {LONGEST_NAME} characters"
        ),
    })
}

fn check_storage(spec: &WorkerPoolSpec) -> Result<(), Refusal> {
    if crate::quantity::bytes(&spec.storage).is_some_and(|bytes| bytes > 0) {
        return Ok(());
    }
    Err(Refusal {
        reason: "BadStorage",
        message: format!(
            "spec.storage: `{}` is no size, write for example 100Gi",
            spec.storage
        ),
    })
}

fn memory_limit(spec: &WorkerPoolSpec) -> Option<String> {
    let resources = spec.resources.as_ref()?;
    let of = |quantities: &Option<BTreeMap<String, Quantity>>| {
        Some(quantities.as_ref()?.get("memory")?.0.clone())
    };
    of(&resources.limits).or_else(|| of(&resources.requests))
}

fn settings_hash(my_cnf: &str) -> String {
    hex::encode(Sha256::digest(my_cnf))
        .chars()
        .take(16)
        .collect()
}

fn worker_objects(
    observed: &Observed,
    images: &Images,
    worker: &Worker,
    settings_hash: &str,
) -> WorkerObjects {
    let live = observed
        .stateful_sets
        .get(&worker_name(&observed.name, worker.spec.id));
    WorkerObjects {
        service: service(worker),
        stateful_set: stateful_set(worker, &observed.pool.spec, images, settings_hash, live),
        worker: objects::worker(&observed.pool, &observed.name, worker.spec.id),
    }
}

/// Workers of this pool that hold chunks by the catalog although their object is gone: they come
/// back under their own id, with the volume they left behind.
fn restored(observed: &Observed) -> Vec<Worker> {
    if !observed.malformed_workers.is_empty() {
        return Vec::new();
    }
    holders(&observed.catalog, &observed.name)
        .into_iter()
        .filter(|id| !observed.workers.contains_key(id))
        .map(|id| objects::worker(&observed.pool, &observed.name, id))
        .collect()
}

/// Workers that hold chunks of the pool's families.
fn holders(catalog: &Catalog, pool: &str) -> BTreeSet<WorkerId> {
    catalog
        .families
        .values()
        .filter(|family| family.pool == pool)
        .flat_map(|family| family.placement.values().flatten().copied())
        .collect()
}

fn new_workers(observed: &Observed, restored: usize) -> u32 {
    let present = observed.workers.len() + restored;
    if observed.malformed_workers.is_empty() {
        observed
            .pool
            .spec
            .workers
            .saturating_sub(u32::try_from(present).unwrap_or(u32::MAX))
    } else {
        0
    }
}

fn trust(observed: &Observed) -> BTreeMap<WorkerId, Trust> {
    let replicas = replicas(&observed.catalog);
    // While mysqld is away the agent may not know the identity: that is no empty directory.
    let answered = observed
        .probes
        .iter()
        .filter_map(|(id, probe)| Some((*id, probe.as_ref().ok()?)))
        .filter(|(_, info)| info.mysqld.is_some());
    answered
        .filter_map(|(id, info)| {
            let worker = observed.workers.get(&id)?;
            let status = worker.status.as_ref();
            let recorded = status.and_then(|status| status.identity.as_deref());
            let given_up = worker.annotations().get(REPLACE_DIRECTORY);
            let given_up = given_up.map(String::as_str);
            let given_up = given_up.or(recorded.filter(|_| is_overdue(observed, id)));
            let chunks = replicas.get(&id).copied().unwrap_or(0);
            let trust = judge(
                &observed.catalog.archive_uid,
                id,
                recorded,
                given_up,
                chunks,
                info.identity.as_ref(),
            );
            Some((id, trust))
        })
        .collect()
}

/// Whether a directory has been empty for so long that the one before is not waited for.
fn is_overdue(observed: &Observed, id: WorkerId) -> bool {
    let after = observed.pool.spec.repair.replace_after_seconds;
    let emptied = observed.emptied.get(&id);
    emptied.is_some_and(|since| *since >= Duration::from_secs(after.into()))
}

/// Directories to adopt, and known ones whose agents get the password again; the caller leaves out
/// those that have it.
fn adoptions(observed: &Observed, trust: &BTreeMap<WorkerId, Trust>) -> Vec<Adoption> {
    trust
        .iter()
        .filter(|(_, trust)| !matches!(trust, Trust::Refused(..)))
        .filter(
            |(id, _)| matches!(observed.probes.get(id), Some(Ok(info)) if info.mysqld.is_some()),
        )
        .filter_map(|(id, trust)| {
            Some(Adoption {
                worker: *id,
                address: pod_address(observed.pods.get(id)?)?.to_owned(),
                fresh: *trust == Trust::Fresh,
            })
        })
        .collect()
}

/// Whether a worker's volume is of another storage class than the spec says now.
pub fn class_waits(observed: &Observed) -> bool {
    let wanted = &observed.pool.spec.storage_class;
    wanted.is_some()
        && observed
            .stateful_sets
            .values()
            .any(|live| objects::claimed(live).is_some_and(|(_, class)| class != *wanted))
}
