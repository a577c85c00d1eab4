//! The StatefulSet of a worker: one replica, so that any worker can go and each can differ.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{
    StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec,
    StatefulSetUpdateStrategy,
};
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, PodTemplateSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::Resource;
use kube::api::ObjectMeta;
use orrery_archive::names::worker_name;
use orrery_crds::kinds::{Worker, WorkerPoolSpec};

use super::metadata::{metadata, worker_labels, worker_selector};
use super::pod::{DATA_CLAIM, pod_spec};
use crate::controller::pods::Images;
use crate::quantity;

/// Annotation of the pod with the hash of its settings: a change makes a new revision, which a
/// restart brings into force.
const SETTINGS_ANNOTATION: &str = "orrery.dev/settings";

/// The StatefulSet of `worker`. Its volume claim cannot change after it was made, so `live` keeps
/// its own.
pub fn stateful_set(
    worker: &Worker,
    spec: &WorkerPoolSpec,
    images: &Images,
    settings_hash: &str,
    live: Option<&StatefulSet>,
) -> StatefulSet {
    let (pool, id) = (&worker.spec.pool, worker.spec.id);
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(worker_labels(pool, id)),
            annotations: Some(BTreeMap::from([(
                SETTINGS_ANNOTATION.to_owned(),
                settings_hash.to_owned(),
            )])),
            ..ObjectMeta::default()
        }),
        spec: Some(pod_spec(pool, id, spec, images)),
    };
    let retain = || Some("Retain".to_owned());
    StatefulSet {
        metadata: metadata(
            worker_name(pool, id),
            worker.metadata.namespace.clone(),
            worker_labels(pool, id),
            worker.controller_owner_ref(&()),
        ),
        spec: Some(StatefulSetSpec {
            replicas: Some(1),
            service_name: Some(worker_name(pool, id)),
            selector: LabelSelector {
                match_labels: Some(worker_selector(pool, id)),
                ..LabelSelector::default()
            },
            pod_management_policy: Some("Parallel".into()),
            // Only the operator restarts pods, one failure domain at a time.
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("OnDelete".into()),
                ..StatefulSetUpdateStrategy::default()
            }),
            persistent_volume_claim_retention_policy: Some(
                StatefulSetPersistentVolumeClaimRetentionPolicy {
                    when_deleted: retain(),
                    when_scaled: retain(),
                },
            ),
            template,
            volume_claim_templates: Some(vec![data_claim(spec, live)]),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}

fn data_claim(spec: &WorkerPoolSpec, live: Option<&StatefulSet>) -> PersistentVolumeClaim {
    // The API server writes a quantity its own way; the same amount is kept as the user wrote it,
    // so that nothing seems to change.
    let (storage, class) = live
        .and_then(claimed)
        .filter(|(size, class)| {
            !quantity::same(&size.0, &spec.storage) || *class != spec.storage_class
        })
        .unwrap_or_else(|| (Quantity(spec.storage.clone()), spec.storage_class.clone()));
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(DATA_CLAIM.into()),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".into()]),
            storage_class_name: class,
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([("storage".to_owned(), storage)])),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}

/// Name of the volume claim that the StatefulSet of this name makes.
pub fn claim_name(stateful_set: &str) -> String {
    format!("{DATA_CLAIM}-{stateful_set}-0")
}

/// Size and storage class of a live StatefulSet's volume claim.
pub fn claimed(live: &StatefulSet) -> Option<(Quantity, Option<String>)> {
    let claims = live.spec.as_ref()?.volume_claim_templates.as_ref()?;
    let spec = claims.first()?.spec.as_ref()?;
    let storage = spec.resources.as_ref()?.requests.as_ref()?.get("storage")?;
    Some((storage.clone(), spec.storage_class_name.clone()))
}
