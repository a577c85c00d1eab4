//! What nodes would do for the workers of an archive: pods that run, each a real mysqld with its
//! agent, on a loopback network of the test's own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::api::{Patch, PatchParams, PostParams};
use orrery_archive::names::{Holder, PUBLIC_KEYS_CONFIG, PUBLIC_KEYS_FILE, WorkerId, ports};
use orrery_crds::kinds::{Worker, WorkerPhase};
use orrery_kit_worker::{Mysqld, default_config};
use serde_json::json;
use tempfile::TempDir;

use crate::support::Archive;

/// Nodes without end.
pub struct Nodes {
    /// Second and third octet of the addresses on them.
    network: [u8; 2],
    /// Certificates and keys.
    folder: TempDir,
}

/// A worker's server and agent with what they were configured from; they end with it.
pub type Running = (orrery_kit_worker::Worker, orrery_kit_worker::Archive);

impl Nodes {
    pub fn new() -> Self {
        let id = uuid::Uuid::new_v4();
        Self {
            network: [id.as_bytes()[0] | 1, id.as_bytes()[1]],
            folder: TempDir::new().unwrap(),
        }
    }

    pub fn address(&self, worker: WorkerId) -> IpAddr {
        let last = u8::try_from(worker).unwrap();
        let [second, third] = self.network;
        Ipv4Addr::new(127, second, third, last).into()
    }

    /// The folder with the certificate that the operator makes for a program, once it has.
    pub async fn certificate(&self, archive: &Archive, holder: Holder) -> PathBuf {
        let folder = self.folder.path().join(holder.tls_secret());
        let has = |secret: &Secret| {
            let data = secret.data.as_ref();
            data.is_some_and(|data| data.contains_key("tls.crt") && data.contains_key("ca.crt"))
        };
        let secret = archive
            .until::<Secret>(&holder.tls_secret(), "made", has)
            .await;
        std::fs::create_dir_all(&folder).unwrap();
        for (name, value) in secret.data.unwrap() {
            std::fs::write(folder.join(name), value.0).unwrap();
        }
        folder
    }

    async fn public_keys(&self, archive: &Archive) -> PathBuf {
        let file = self.folder.path().join("keys");
        let keys = archive
            .until::<ConfigMap>(PUBLIC_KEYS_CONFIG, "made", |_| true)
            .await;
        let keys = keys.data.unwrap().remove(PUBLIC_KEYS_FILE).unwrap();
        std::fs::write(&file, keys).unwrap();
        file
    }

    /// Has the pod of a worker of the pool `main` run, for which an operator must be at work.
    pub async fn start(&self, archive: &Archive, worker: WorkerId) -> Running {
        let kit = orrery_kit_worker::Archive::new();
        let mysqld = tokio::task::spawn_blocking(Mysqld::start).await.unwrap();
        let mut config = default_config(&kit, &mysqld);
        config.listen = SocketAddr::new(self.address(worker), ports::AGENT);
        config.tls_dir = self.certificate(archive, Holder::Worker(worker)).await;
        config.public_keys = self.public_keys(archive).await;
        let agent = orrery_kit_worker::Worker::start_with(mysqld, config).await;
        agent.ready().await;
        self.run_pod(archive, worker).await;
        (agent, kit)
    }

    /// The pod as a kubelet would show it.
    async fn run_pod(&self, archive: &Archive, worker: WorkerId) {
        let (name, address) = (format!("main-w{worker}-0"), self.address(worker));
        let all = json!({"cpu": "1m", "memory": "1Mi"});
        let container = json!({
            "name": "mysqld", "image": "none", "resources": {"requests": all, "limits": all},
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
                "runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        });
        let pod: Pod = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": {
                "app.kubernetes.io/component": "worker", "orrery.dev/pool": "main",
                "orrery.dev/worker": worker.to_string(),
            }},
            "spec": {"serviceAccountName": "orrery-operator", "containers": [container], "automountServiceAccountToken": false},
        }))
        .unwrap();
        let pods = archive.api::<Pod>();
        pods.create(&PostParams::default(), &pod).await.unwrap();
        let status = json!({"status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True"}]}});
        let status = Patch::Merge(status);
        pods.patch_status(&name, &PatchParams::default(), &status)
            .await
            .unwrap();
    }
}

/// The first worker of the pool `main`, running on a node of its own.
pub async fn first_worker(archive: &Archive) -> (Nodes, Running) {
    let nodes = Nodes::new();
    let running = nodes.start(archive, 1).await;
    (nodes, running)
}

/// Waits until a worker of the pool `main` serves.
pub async fn until_serving(archive: &Archive, worker: WorkerId) {
    let serves = |worker: &Worker| {
        let status = worker.status.as_ref();
        status.is_some_and(|status| status.phase == WorkerPhase::Ready)
    };
    archive
        .until::<Worker>(&format!("main-w{worker}"), "serving", serves)
        .await;
}
