//! Files for ingests: a volume of the cluster, and a pod through which tests write to it.

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::{Archive, NAMESPACE, eventually, kubectl_with};

/// Claim of the tests' volume.
pub const CLAIM: &str = "e2e-files";

/// A volume that tests write files to and ingests read from.
pub struct Files(());

impl Files {
    /// The tests' volume, made when it is not there.
    pub async fn open(archive: &Archive) -> Result<Self> {
        let claims: Api<PersistentVolumeClaim> = Api::namespaced(archive.client.clone(), NAMESPACE);
        let pods: Api<Pod> = Api::namespaced(archive.client.clone(), NAMESPACE);
        let manager = PatchParams::apply("orrery-e2e").force();
        let claim = json!({
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": { "name": CLAIM },
            "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } },
        });
        claims.patch(CLAIM, &manager, &Patch::Apply(claim)).await?;
        pods.patch(
            CLAIM,
            &manager,
            &Patch::Apply(shell(&worker_image(&pods).await?)),
        )
        .await?;
        eventually("the pod with the tests' files", async || {
            let pod = pods.get(CLAIM).await?;
            let phase = pod.status.and_then(|status| status.phase);
            Ok((phase.as_deref() == Some("Running")).then_some(()))
        })
        .await?;
        Ok(Self(()))
    }

    /// Writes a file, whole or not at all.
    pub async fn write(&self, path: &str, content: &[u8]) -> Result<()> {
        write_to(CLAIM, &format!("/files/{path}"), content).await
    }
}

/// Writes a file of a pod that has a shell, whole or not at all; its folder is made. Others than the
/// pod's user may run it.
pub async fn write_to(pod: &str, path: &str, content: &[u8]) -> Result<()> {
    // The size is checked, because a stream that was cut looks like a file that ended.
    let script = format!(
        "mkdir -p \"$(dirname {path})\" && cat >{path}.new && chmod 755 {path}.new && \
         test $(stat -c %s {path}.new) = {} && mv {path}.new {path}",
        content.len()
    );
    let exec = ["exec", "--stdin", pod, "--", "sh", "-c", &script];
    kubectl_with(&exec, content).await.map(drop)
}

/// The workers' image, which every node has and which has a shell.
pub(crate) async fn worker_image(pods: &Api<Pod>) -> Result<String> {
    let workers = kube::api::ListParams::default().labels("app.kubernetes.io/component=worker");
    let listed = pods.list(&workers).await?;
    let containers = listed
        .items
        .into_iter()
        .filter_map(|pod| pod.spec)
        .flat_map(|spec| spec.containers);
    let mysqld = containers
        .into_iter()
        .find(|container| container.name == "mysqld");
    mysqld
        .and_then(|container| container.image)
        .context("there are no workers")
}

/// A pod `name` with one container and a volume, which may run where pods are restricted;
/// `container` has what is its own.
pub(crate) fn pod(name: &str, image: &str, mut container: Value, volume: &Value) -> Value {
    container["image"] = json!(image);
    container["imagePullPolicy"] = json!("IfNotPresent");
    container["securityContext"] = json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
    });
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name },
        "spec": {
            "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": 65532,
                "fsGroup": 65532,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [container],
            "volumes": [volume],
        },
    })
}

/// A pod in which files are written to the claim's volume.
fn shell(image: &str) -> Value {
    let container = json!({
        "name": "shell",
        "command": ["sleep", "infinity"],
        "volumeMounts": [{ "name": "files", "mountPath": "/files" }],
    });
    let volume = json!({ "name": "files", "persistentVolumeClaim": { "claimName": CLAIM } });
    pod(CLAIM, image, container, &volume)
}
