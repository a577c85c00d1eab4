//! The loader's Job, pure.
//!
//! One pod, restarted in place when its process dies (its first process sees to that, so that the
//! spool is reused), replaced when its node goes. Deleting the Ingest deletes the Job; rows are
//! never touched by that.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    ConfigMap, Container, EmptyDirVolumeSource, EphemeralVolumeSource, PersistentVolumeClaimSpec,
    PersistentVolumeClaimTemplate, PersistentVolumeClaimVolumeSource, PodSpec, PodTemplateSpec,
    SecretVolumeSource, Toleration, Volume, VolumeMount, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::ObjectMeta;
use kube::{Resource, ResourceExt};
use orrery_archive::names::{COMPONENT_LABEL, Holder};
use orrery_crds::kinds::{Ingest, LoaderPod, REJECTS_KEY, SpoolVolume, rejects_name};

use crate::controller::pods::Images;

/// Label on the loader's pod and Job: the Ingest's name.
pub const INGEST_LABEL: &str = "orrery.dev/ingest";
/// Seconds a pod stays on a node that cannot be reached before it is replaced.
const NODE_GONE_SECONDS: i64 = 10;

/// Name of the Job of an Ingest.
pub fn name(ingest: &str) -> String {
    format!("ingest-{ingest}")
}

/// The ConfigMap with the list of rejects of an Ingest that failed; it goes with the Ingest.
pub fn rejects(ingest: &Ingest, lines: String) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(rejects_name(&ingest.name_any())),
            namespace: ingest.namespace(),
            labels: Some(labels(ingest)),
            owner_references: ingest.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(REJECTS_KEY.to_owned(), lines)])),
        ..ConfigMap::default()
    }
}

fn labels(ingest: &Ingest) -> BTreeMap<String, String> {
    BTreeMap::from([
        (INGEST_LABEL.to_owned(), ingest.name_any()),
        (COMPONENT_LABEL.to_owned(), "loader".to_owned()),
        ("app.kubernetes.io/name".to_owned(), "orrery".to_owned()),
    ])
}

/// The Job.
pub fn build(ingest: &Ingest, images: &Images) -> Job {
    let labels = labels(ingest);
    Job {
        metadata: ObjectMeta {
            name: Some(name(&ingest.name_any())),
            namespace: ingest.namespace(),
            labels: Some(labels.clone()),
            owner_references: ingest.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            backoff_limit: Some(1000),
            pod_replacement_policy: Some("TerminatingOrFailed".into()),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(ingest, images)),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    }
}

fn pod(ingest: &Ingest, images: &Images) -> PodSpec {
    let claims = claims(ingest);
    let secrets = secrets(ingest);
    let loader = &ingest.spec.loader;
    PodSpec {
        restart_policy: Some("OnFailure".into()),
        automount_service_account_token: Some(false),
        termination_grace_period_seconds: Some(5),
        containers: vec![container(images, &claims, &secrets, loader)],
        volumes: Some(volumes(&claims, &secrets, loader.spool.as_ref())),
        node_selector: (!loader.node_selector.is_empty()).then(|| loader.node_selector.clone()),
        image_pull_secrets: images.pull_secrets(),
        security_context: Some(images.pods.pod_security_context.clone()),
        tolerations: Some(tolerations(loader)),
        ..PodSpec::default()
    }
}

/// What the user says, and how long the pod stays on a node that is gone, unless the user says that
/// as well.
fn tolerations(loader: &LoaderPod) -> Vec<Toleration> {
    let said = |gone: &Toleration| loader.tolerations.iter().any(|own| own.key == gone.key);
    let gone = ["not-ready", "unreachable"].map(node_gone);
    let gone = gone.into_iter().filter(|gone| !said(gone));
    loader.tolerations.iter().cloned().chain(gone).collect()
}

fn node_gone(taint: &str) -> Toleration {
    Toleration {
        key: Some(format!("node.kubernetes.io/{taint}")),
        operator: Some("Exists".into()),
        effect: Some("NoExecute".into()),
        toleration_seconds: Some(NODE_GONE_SECONDS),
        ..Toleration::default()
    }
}

fn container(
    images: &Images,
    claims: &BTreeSet<String>,
    secrets: &BTreeSet<String>,
    loader: &LoaderPod,
) -> Container {
    let mount = |name: &str, path: String, read_only: bool| VolumeMount {
        name: name.into(),
        mount_path: path,
        read_only: Some(read_only),
        ..VolumeMount::default()
    };
    let mut mounts = vec![
        mount("tls", "/etc/orrery/tls".into(), true),
        mount("spool", "/spool".into(), false),
    ];
    mounts.extend(
        claims
            .iter()
            .enumerate()
            .map(|(i, claim)| mount(&claim_volume(i), format!("/sources/{claim}"), true)),
    );
    mounts.extend(
        secrets
            .iter()
            .enumerate()
            .map(|(i, secret)| mount(&secret_volume(i), format!("/secrets/{secret}"), true)),
    );
    Container {
        name: "loader".into(),
        image: Some(images.orrery.clone()),
        image_pull_policy: images.pull_policy.clone(),
        command: Some(vec!["orrery-loader".into(), "supervise".into()]),
        env: Some(vec![images.log_format()]),
        resources: Some(
            (loader.resources.clone()).unwrap_or_else(|| images.pods.loader_resources.clone()),
        ),
        volume_mounts: Some(mounts),
        security_context: Some(images.pods.container_security_context.clone()),
        ..Container::default()
    }
}

fn volumes(
    claims: &BTreeSet<String>,
    secrets: &BTreeSet<String>,
    spool: Option<&SpoolVolume>,
) -> Vec<Volume> {
    let tls = SecretVolumeSource {
        secret_name: Some(Holder::Loader.tls_secret()),
        ..SecretVolumeSource::default()
    };
    let mut volumes = vec![
        Volume {
            name: "tls".into(),
            secret: Some(tls),
            ..Volume::default()
        },
        Volume {
            name: "spool".into(),
            empty_dir: spool.is_none().then(EmptyDirVolumeSource::default),
            ephemeral: spool.map(spool_volume),
            ..Volume::default()
        },
    ];
    volumes.extend(claims.iter().enumerate().map(|(i, claim)| Volume {
        name: claim_volume(i),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: claim.clone(),
            read_only: Some(true),
        }),
        ..Volume::default()
    }));
    volumes.extend(secrets.iter().enumerate().map(|(i, secret)| Volume {
        name: secret_volume(i),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.clone()),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }));
    volumes
}

fn spool_volume(spool: &SpoolVolume) -> EphemeralVolumeSource {
    let size = Quantity(spool.size.clone());
    EphemeralVolumeSource {
        volume_claim_template: Some(PersistentVolumeClaimTemplate {
            metadata: None,
            spec: PersistentVolumeClaimSpec {
                access_modes: Some(vec!["ReadWriteOnce".into()]),
                storage_class_name: spool.storage_class.clone(),
                resources: Some(VolumeResourceRequirements {
                    requests: Some(BTreeMap::from([("storage".to_owned(), size)])),
                    ..VolumeResourceRequirements::default()
                }),
                ..PersistentVolumeClaimSpec::default()
            },
        }),
    }
}

fn claim_volume(index: usize) -> String {
    format!("source-{index}")
}

fn secret_volume(index: usize) -> String {
    format!("secret-{index}")
}

/// Secrets with the keys of buckets.
fn secrets(ingest: &Ingest) -> BTreeSet<String> {
    let buckets = ingest
        .spec
        .sources
        .iter()
        .filter_map(|source| source.s3.as_ref());
    buckets
        .filter_map(|bucket| Some(bucket.secret_ref.as_ref()?.name.clone()))
        .collect()
}

fn claims(ingest: &Ingest) -> BTreeSet<String> {
    ingest
        .spec
        .sources
        .iter()
        .filter_map(|source| source.claim.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn images() -> Images {
        Images {
            log_format: orrery_shell::LogFormat::Json,
            orrery: "orrery".into(),
            mysqld: "mysqld".into(),
            pull_policy: None,
            pull_secrets: Vec::new(),
            pods: crate::controller::pods::Pods {
                loader_resources: serde_json::from_value(json!({"limits": {"memory": "1Gi"}}))
                    .unwrap(),
                ..crate::controller::pods::Pods::default()
            },
        }
    }

    fn pod_of(loader: &Value) -> Value {
        let ingest: Ingest = serde_json::from_value(json!({
            "apiVersion": "orrery.dev/v1alpha1", "kind": "Ingest", "metadata": {"name": "i", "namespace": "n"},
            "spec": {
                "target": {"database": "sky", "table": "Object"},
                "sources": [
                    {"claim": "files", "path": "a.csv"},
                    {"s3": {"bucket": "b", "key": "c", "secretRef": {"name": "keys"}}},
                    {"s3": {"bucket": "b", "key": "d", "secretRef": {"name": "keys"}}},
                ],
                "loader": loader,
            },
        }))
        .unwrap();
        serde_json::to_value(build(&ingest, &images()).spec.unwrap().template.spec).unwrap()
    }

    #[test]
    fn the_loader_runs_where_and_with_what_the_ingest_says() {
        let pod = pod_of(&json!({
            "resources": {"limits": {"memory": "2Gi"}},
            "nodeSelector": {"disk": "nvme"},
            "tolerations": [
                {"key": "ingest", "operator": "Exists"},
                {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 300},
            ],
            "spool": {"size": "500Gi", "storageClass": "fast"},
        }));
        assert_eq!(
            pod["containers"][0]["resources"],
            json!({"limits": {"memory": "2Gi"}})
        );
        assert_eq!(pod["nodeSelector"], json!({"disk": "nvme"}));
        let tolerated: Vec<(&str, &Value)> = pod["tolerations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|own| (own["key"].as_str().unwrap(), &own["tolerationSeconds"]))
            .collect();
        assert_eq!(
            tolerated,
            [
                ("ingest", &Value::Null),
                ("node.kubernetes.io/unreachable", &json!(300)),
                ("node.kubernetes.io/not-ready", &json!(10)),
            ]
        );
        let spool = &pod["volumes"][1];
        let claim = &spool["ephemeral"]["volumeClaimTemplate"]["spec"];
        assert_eq!(claim["storageClassName"], "fast");
        assert_eq!(claim["resources"]["requests"]["storage"], "500Gi");
        assert_eq!(spool["emptyDir"], Value::Null);
    }

    #[test]
    fn claims_and_the_keys_of_buckets_are_mounted_by_their_names() {
        let pod = pod_of(&json!({}));
        let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
        let read_only: Vec<&Value> = mounts
            .iter()
            .filter(|mount| mount["readOnly"] == true)
            .map(|mount| &mount["mountPath"])
            .collect();
        assert_eq!(
            read_only,
            ["/etc/orrery/tls", "/sources/files", "/secrets/keys"]
        );
        assert_eq!(pod["volumes"][3]["secret"]["secretName"], "keys");
    }

    #[test]
    fn without_a_word_the_spool_is_a_directory_of_the_node_and_the_resources_are_the_archives() {
        let pod = pod_of(&json!({}));
        assert_eq!(pod["volumes"][1], json!({"name": "spool", "emptyDir": {}}));
        assert_eq!(pod["nodeSelector"], Value::Null);
        assert_eq!(pod["tolerations"].as_array().unwrap().len(), 2);
        assert_eq!(
            pod["containers"][0]["resources"],
            json!({"limits": {"memory": "1Gi"}})
        );
    }
}
