//! Names, labels and owners of a pool's objects.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;
use orrery_archive::names::{COMPONENT_LABEL, POOL_LABEL, WORKER_LABEL, WorkerId};

use crate::labels;

/// Component of worker objects.
pub const COMPONENT: &str = "worker";

/// Name of a pool's ConfigMap.
pub fn config_name(pool: &str) -> String {
    format!("{pool}-mysqld")
}

/// Labels of the objects of `pool`.
pub fn pool_labels(pool: &str) -> BTreeMap<String, String> {
    let mut labels = labels::of_component(COMPONENT);
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

pub(super) fn metadata(
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
