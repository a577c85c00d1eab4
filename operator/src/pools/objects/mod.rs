//! The Kubernetes objects of a pool and of one worker. Pure.

mod pod;
mod stateful_set;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Service, ServicePort, ServiceSpec};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::Resource;
use kube::api::ObjectMeta;
use orrery_archive::names::{COMPONENT_LABEL, POOL_LABEL, WORKER_LABEL, WorkerId, ports, worker_name};
use orrery_crds::kinds::{Worker, WorkerPool, WorkerSpec};

pub use stateful_set::{DATA_CLAIM, claimed, stateful_set};

/// Key of the settings in a pool's ConfigMap.
pub const MY_CNF: &str = "my.cnf";
/// Component of worker objects.
pub const COMPONENT: &str = "worker";

/// Labels of every object the operator makes.
pub fn own_labels(component: &str) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name", "orrery"),
        ("app.kubernetes.io/part-of", "orrery"),
        ("app.kubernetes.io/managed-by", crate::apply::MANAGER),
        (COMPONENT_LABEL, component),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}

/// Labels of the objects of `pool`.
pub fn pool_labels(pool: &str) -> BTreeMap<String, String> {
    let mut labels = own_labels(COMPONENT);
    labels.insert(POOL_LABEL.into(), pool.into());
    labels
}

/// Labels of the objects of one worker.
pub fn worker_labels(pool: &str, id: WorkerId) -> BTreeMap<String, String> {
    let mut labels = pool_labels(pool);
    labels.insert(WORKER_LABEL.into(), id.to_string());
    labels
}

/// Labels that select the pods of `pool`.
pub fn pool_selector(pool: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        (COMPONENT_LABEL.to_owned(), COMPONENT.to_owned()),
        (POOL_LABEL.to_owned(), pool.to_owned()),
    ])
}

/// Labels that select the pod of one worker.
pub fn worker_selector(pool: &str, id: WorkerId) -> BTreeMap<String, String> {
    let mut labels = pool_selector(pool);
    labels.insert(WORKER_LABEL.into(), id.to_string());
    labels
}

/// A selector as `kubectl -l` takes it.
pub fn selector_text(selector: &BTreeMap<String, String>) -> String {
    let terms: Vec<String> = selector
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    terms.join(",")
}

fn metadata(
    name: String,
    namespace: Option<String>,
    labels: BTreeMap<String, String>,
    owner: Option<OwnerReference>,
) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace,
        labels: Some(labels),
        owner_references: Some(owner.into_iter().collect()),
        ..ObjectMeta::default()
    }
}

/// Name of a pool's ConfigMap.
pub fn config_name(pool: &str) -> String {
    format!("{pool}-mysqld")
}

/// The settings of all workers of the pool.
pub fn config_map(pool: &WorkerPool, name: &str, my_cnf: String) -> ConfigMap {
    ConfigMap {
        metadata: metadata(
            config_name(name),
            pool.metadata.namespace.clone(),
            pool_labels(name),
            pool.controller_owner_ref(&()),
        ),
        data: Some(BTreeMap::from([(MY_CNF.to_owned(), my_cnf)])),
        ..ConfigMap::default()
    }
}

/// Lets one worker of the pool be disturbed at a time; pods that do not serve may always be evicted.
pub fn budget(pool: &WorkerPool, name: &str) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: metadata(
            name.to_owned(),
            pool.metadata.namespace.clone(),
            pool_labels(name),
            pool.controller_owner_ref(&()),
        ),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector {
                match_labels: Some(pool_selector(name)),
                ..LabelSelector::default()
            }),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".into()),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    }
}

/// The Worker object; `offline` is the user's and never set here.
pub fn worker(pool: &WorkerPool, name: &str, id: WorkerId) -> Worker {
    Worker {
        metadata: metadata(
            worker_name(name, id),
            pool.metadata.namespace.clone(),
            worker_labels(name, id),
            pool.controller_owner_ref(&()),
        ),
        spec: WorkerSpec {
            id,
            pool: name.to_owned(),
            offline: None,
        },
        status: None,
    }
}

/// The worker's Service: gives its pod a name, also before it is ready.
pub fn service(worker: &Worker) -> Service {
    let (pool, id) = (&worker.spec.pool, worker.spec.id);
    Service {
        metadata: metadata(
            worker_name(pool, id),
            worker.metadata.namespace.clone(),
            worker_labels(pool, id),
            worker.controller_owner_ref(&()),
        ),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".into()),
            selector: Some(worker_selector(pool, id)),
            publish_not_ready_addresses: Some(true),
            ports: Some(vec![
                port("mysql", ports::MYSQLD),
                port("agent", ports::AGENT),
                port("admin", ports::ADMIN),
            ]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn port(name: &str, number: u16) -> ServicePort {
    ServicePort {
        name: Some(name.into()),
        port: i32::from(number),
        target_port: Some(IntOrString::String(name.into())),
        protocol: Some("TCP".into()),
        ..ServicePort::default()
    }
}
