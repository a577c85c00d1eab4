//! How a worker of a pool looks from outside. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use orrery_archive::names::WorkerId;

use super::identity::Trust;
use super::observe::Observed;

/// Whether a worker answers from a directory that is trusted, and its pod stays.
pub fn serves(observed: &Observed, trust: &BTreeMap<WorkerId, Trust>, id: WorkerId) -> bool {
    let answers = matches!(observed.probes.get(&id), Some(Ok(info)) if info.mysqld.is_some());
    let stays = observed
        .pods
        .get(&id)
        .is_some_and(|pod| pod.metadata.deletion_timestamp.is_none());
    answers && stays && matches!(trust.get(&id), Some(Trust::Known(_)))
}

/// Whether Kubernetes says that a pod is ready.
pub fn pod_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
