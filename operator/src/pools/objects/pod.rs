//! The pod of a worker: mysqld and its agent, side by side on one volume.
//!
//! Both containers run as the same user. They share the data volume (the agent moves tablespaces in
//! and out), the Unix socket (the agent logs in by its user) and the directory of the pipes that
//! LOAD DATA reads.

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, Container, ContainerPort, EmptyDirVolumeSource, HTTPGetAction,
    PodSecurityContext, PodSpec, Probe, SecretVolumeSource, TopologySpreadConstraint, Volume,
    VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use orrery_archive::names::{Holder, PUBLIC_KEYS_CONFIG, PUBLIC_KEYS_FILE, WorkerId, ports};
use orrery_crds::kinds::WorkerPoolSpec;

use super::metadata::{config_name, pool_selector};
use crate::controller::pods::Images;
use crate::pools::settings::{DATA_DIR, FILES_DIR, MYSQLD_TLS_DIR, RUN_DIR};

/// Name of the volume claim with the data.
pub const DATA_CLAIM: &str = "data";
/// Where the agent keeps what must outlive its container: identity, term, catalog copy. On the data
/// volume, next to the data directory.
const STATE_DIR: &str = "/var/lib/orrery";
/// Where the agent finds the public keys of catalog copies.
const PUBLIC_KEYS_DIR: &str = "/etc/orrery/public-keys";
/// Seconds mysqld gets to write its pages back.
const GRACE_SECONDS: i64 = 120;

/// The pod of worker `id` of `pool`.
pub fn pod_spec(pool: &str, id: WorkerId, spec: &WorkerPoolSpec, images: &Images) -> PodSpec {
    PodSpec {
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        containers: vec![mysqld(spec, images), agent(images)],
        image_pull_secrets: images.pull_secrets(),
        node_selector: (!spec.node_selector.is_empty()).then(|| spec.node_selector.clone()),
        tolerations: (!spec.tolerations.is_empty()).then(|| spec.tolerations.clone()),
        security_context: Some(PodSecurityContext {
            fs_group_change_policy: Some("OnRootMismatch".into()),
            ..images.pods.pod_security_context.clone()
        }),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        topology_spread_constraints: Some(vec![
            spread(pool, &spec.zone_key),
            spread(pool, "kubernetes.io/hostname"),
        ]),
        volumes: Some(volumes(pool, id)),
        ..PodSpec::default()
    }
}

/// Workers of a pool spread over zones and nodes, as far as there is room.
fn spread(pool: &str, key: &str) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: key.to_owned(),
        when_unsatisfiable: "ScheduleAnyway".into(),
        label_selector: Some(LabelSelector {
            match_labels: Some(pool_selector(pool)),
            ..LabelSelector::default()
        }),
        ..TopologySpreadConstraint::default()
    }
}

fn mysqld(spec: &WorkerPoolSpec, images: &Images) -> Container {
    Container {
        name: "mysqld".into(),
        image: Some(images.mysqld.clone()),
        image_pull_policy: images.pull_policy.clone(),
        ports: Some(vec![container_port("mysql", ports::MYSQLD)]),
        resources: spec.resources.clone(),
        security_context: Some(images.pods.container_security_context.clone()),
        volume_mounts: Some(vec![
            sub_path(mount(DATA_CLAIM, DATA_DIR), "mysql"),
            mount("run", RUN_DIR),
            mount("files", FILES_DIR),
            mount("tmp", "/tmp"),
            read_only(mount("config", "/etc/orrery")),
            read_only(mount("mysqld-tls", MYSQLD_TLS_DIR)),
        ]),
        ..Container::default()
    }
}

fn agent(images: &Images) -> Container {
    let flags = [
        "serve".to_owned(),
        format!("--socket={RUN_DIR}/mysqld.sock"),
        format!("--data-dir={DATA_DIR}"),
        format!("--state-dir={STATE_DIR}"),
        format!("--pipe-dir={FILES_DIR}"),
        "--tls-dir=/etc/orrery/tls".to_owned(),
        format!("--mysqld-tls-dir={MYSQLD_TLS_DIR}"),
        format!("--public-keys={PUBLIC_KEYS_DIR}/{PUBLIC_KEYS_FILE}"),
        format!("--listen=0.0.0.0:{}", ports::AGENT),
        format!("--admin-listen=0.0.0.0:{}", ports::ADMIN),
    ];
    Container {
        name: "agent".into(),
        image: Some(images.orrery.clone()),
        image_pull_policy: images.pull_policy.clone(),
        command: Some(vec!["orrery-agent".into()]),
        args: Some(flags.into()),
        env: Some(vec![images.log_format()]),
        ports: Some(vec![
            container_port("agent", ports::AGENT),
            container_port("admin", ports::ADMIN),
        ]),
        readiness_probe: Some(probe("/readyz", 5, 2)),
        liveness_probe: Some(probe("/healthz", 10, 6)),
        resources: Some(images.pods.agent_resources.clone()),
        security_context: Some(images.pods.container_security_context.clone()),
        volume_mounts: Some(vec![
            sub_path(mount(DATA_CLAIM, DATA_DIR), "mysql"),
            sub_path(mount(DATA_CLAIM, STATE_DIR), "orrery"),
            mount("run", RUN_DIR),
            mount("files", FILES_DIR),
            mount("agent-tmp", "/tmp"),
            read_only(mount("tls", "/etc/orrery/tls")),
            read_only(mount("mysqld-tls", MYSQLD_TLS_DIR)),
            read_only(mount("public-keys", PUBLIC_KEYS_DIR)),
        ]),
        ..Container::default()
    }
}

fn container_port(name: &str, number: u16) -> ContainerPort {
    ContainerPort {
        name: Some(name.into()),
        container_port: i32::from(number),
        protocol: Some("TCP".into()),
        ..ContainerPort::default()
    }
}

/// mysqld has no probe of its own: the agent's readiness asks it, and a recovering server must not
/// be killed for being silent.
fn probe(path: &str, period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.into()),
            port: IntOrString::String("admin".into()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        failure_threshold: Some(failures),
        timeout_seconds: Some(3),
        ..Probe::default()
    }
}

fn mount(volume: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: volume.into(),
        mount_path: path.into(),
        ..VolumeMount::default()
    }
}

fn sub_path(mount: VolumeMount, path: &str) -> VolumeMount {
    VolumeMount {
        sub_path: Some(path.into()),
        ..mount
    }
}

fn read_only(mount: VolumeMount) -> VolumeMount {
    VolumeMount {
        read_only: Some(true),
        ..mount
    }
}

fn volumes(pool: &str, id: WorkerId) -> Vec<Volume> {
    let empty = |name: &str| Volume {
        name: name.into(),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    };
    let secret = |name: &str, holder: Holder| Volume {
        name: name.into(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(holder.tls_secret()),
            // Readable by the group, which is the pod's; the container has no other user.
            default_mode: Some(0o440),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    };
    let config = |name: &str, config: String| Volume {
        name: name.into(),
        config_map: Some(ConfigMapVolumeSource {
            name: config,
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    };
    vec![
        empty("run"),
        empty("files"),
        empty("tmp"),
        empty("agent-tmp"),
        secret("tls", Holder::Worker(id)),
        secret("mysqld-tls", Holder::Mysqld),
        config("public-keys", PUBLIC_KEYS_CONFIG.to_owned()),
        config("config", config_name(pool)),
    ]
}
