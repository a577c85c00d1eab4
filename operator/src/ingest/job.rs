//! The loader's Job, pure.
//!
//! One pod, restarted in place when its process dies (its first process sees to that, so that the
//! spool is reused), replaced when its node goes. Deleting the Ingest deletes the Job; rows are
//! never touched by that.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, EmptyDirVolumeSource, LocalObjectReference,
    PersistentVolumeClaimVolumeSource, PodSecurityContext, PodSpec, PodTemplateSpec,
    SeccompProfile, SecretVolumeSource, SecurityContext, Toleration, Volume, VolumeMount,
};
use kube::api::ObjectMeta;
use kube::{Resource, ResourceExt};
use orrery_archive::names::{COMPONENT_LABEL, Role};
use orrery_crds::kinds::Ingest;

use crate::controller::context::Images;

/// Label on the loader's pod and Job: the Ingest's name.
pub const INGEST_LABEL: &str = "orrery.dev/ingest";
/// User the images run as.
const USER: i64 = 65532;
/// Seconds a pod stays on a node that cannot be reached before it is replaced.
const NODE_GONE_SECONDS: i64 = 10;

/// Name of the Job of an Ingest.
pub fn name(ingest: &str) -> String {
    format!("ingest-{ingest}")
}

/// Whether a Job runs no pod any more.
pub fn has_ended(job: &Job) -> bool {
    let conditions = job
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|conditions| {
        conditions.iter().any(|condition| {
            condition.status == "True" && matches!(condition.type_.as_str(), "Complete" | "Failed")
        })
    })
}

/// The Job.
pub fn build(ingest: &Ingest, images: &Images) -> Job {
    let labels = BTreeMap::from([
        (INGEST_LABEL.to_owned(), ingest.name_any()),
        (COMPONENT_LABEL.to_owned(), "loader".to_owned()),
        ("app.kubernetes.io/name".to_owned(), "orrery".to_owned()),
    ]);
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
    PodSpec {
        restart_policy: Some("OnFailure".into()),
        automount_service_account_token: Some(false),
        termination_grace_period_seconds: Some(5),
        containers: vec![container(images, &claims)],
        volumes: Some(volumes(&claims)),
        image_pull_secrets: (!images.pull_secrets.is_empty()).then(|| {
            images
                .pull_secrets
                .iter()
                .map(|name| LocalObjectReference { name: name.clone() })
                .collect()
        }),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            fs_group: Some(USER),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".into(),
                ..SeccompProfile::default()
            }),
            ..PodSecurityContext::default()
        }),
        tolerations: Some(["not-ready", "unreachable"].map(node_gone).to_vec()),
        ..PodSpec::default()
    }
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

fn container(images: &Images, claims: &BTreeSet<String>) -> Container {
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
    Container {
        name: "loader".into(),
        image: Some(images.orrery.clone()),
        image_pull_policy: images.pull_policy.clone(),
        command: Some(vec!["orrery-loader".into(), "supervise".into()]),
        env: Some(vec![images.log_format()]),
        volume_mounts: Some(mounts),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".into()]),
                ..Capabilities::default()
            }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

fn volumes(claims: &BTreeSet<String>) -> Vec<Volume> {
    let tls = SecretVolumeSource {
        secret_name: Some(Role::Loader.tls_secret().into()),
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
            empty_dir: Some(EmptyDirVolumeSource::default()),
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
    volumes
}

fn claim_volume(index: usize) -> String {
    format!("source-{index}")
}

fn claims(ingest: &Ingest) -> BTreeSet<String> {
    ingest
        .spec
        .sources
        .iter()
        .filter_map(|source| source.claim.clone())
        .collect()
}
