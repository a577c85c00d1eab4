//! The objects of a pool as a whole.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::Resource;
use orrery_crds::kinds::WorkerPool;

use super::metadata::{config_name, metadata, pool_labels, pool_selector};

/// Key of the settings in a pool's ConfigMap.
const MY_CNF: &str = "my.cnf";

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

/// Lets `most` workers of the pool be away at a time; pods that do not serve may always be evicted.
pub fn budget(pool: &WorkerPool, name: &str, most: usize) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: metadata(
            name.to_owned(),
            pool.metadata.namespace.clone(),
            pool_labels(name),
            pool.controller_owner_ref(&()),
        ),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(i32::try_from(most).unwrap_or(i32::MAX))),
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
