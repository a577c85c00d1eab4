//! Workers of the archive: how they stand, what is wanted of them, which one a test can take away.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::files::CLAIM;
use crate::{Archive, NAMESPACE};

impl Archive {
    /// Nodes with a worker that a test can do without, and the workers, the best first: not the node
    /// with the tests' files, rather one without czars, proxies and operators.
    pub async fn expendable(&self) -> Result<Vec<(String, String)>> {
        let workers = self.kind("Worker").list(&ListParams::default()).await?;
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), NAMESPACE);
        let mut needed: BTreeMap<String, u32> = BTreeMap::new();
        let mut files = String::new();
        for pod in pods.list(&ListParams::default()).await?.items {
            let node = pod.spec.and_then(|spec| spec.node_name).unwrap_or_default();
            if pod.metadata.name.as_deref() == Some(CLAIM) {
                files = node;
                continue;
            }
            let component = pod
                .metadata
                .labels
                .unwrap_or_default()
                .remove("app.kubernetes.io/component");
            if component.as_deref() != Some("worker") {
                *needed.entry(node).or_default() += 1;
            }
        }
        let ready = workers.items.iter().filter_map(|worker| {
            let status = worker.data.get("status")?;
            let node = status["node"].as_str()?.to_owned();
            let name = worker.metadata.name.clone()?;
            (status["phase"] == "Ready" && node != files).then_some((node, name))
        });
        let mut ready: Vec<(String, String)> = ready.collect();
        ready.sort_by_key(|(node, _)| needed.get(node).copied().unwrap_or_default());
        ensure!(!ready.is_empty(), "no worker can be done without");
        Ok(ready)
    }

    /// The phase of a worker.
    pub async fn phase_of(&self, worker: &str) -> Result<String> {
        let worker = self.kind("Worker").get(worker).await?;
        let phase = worker.data["status"]["phase"].as_str();
        Ok(phase.unwrap_or_default().to_owned())
    }

    /// Says what is wanted of a worker: `Online` or `Drained`.
    pub async fn desire(&self, worker: &str, desired: &str) -> Result<()> {
        self.merge("Worker", worker, json!({"spec": {"desired": desired}}))
            .await
    }

    /// Identity of the directory in which a worker keeps its rows.
    pub async fn identity_of(&self, worker: &str) -> Result<Value> {
        let worker = self.kind("Worker").get(worker).await?;
        Ok(worker.data["status"]["identity"].clone())
    }

    /// Name of the volume that holds a worker's directory.
    pub async fn volume_of(&self, worker: &str) -> Result<String> {
        let claims: Api<PersistentVolumeClaim> = Api::namespaced(self.client.clone(), NAMESPACE);
        let claim = claims.get(&claim_of(worker)).await?;
        let volume = claim.spec.and_then(|spec| spec.volume_name);
        volume.with_context(|| format!("{worker} has no volume"))
    }

    /// Takes a worker's volume away, with all that it holds, and ends its pod.
    pub async fn lose_disk(&self, worker: &str) -> Result<()> {
        let claims: Api<PersistentVolumeClaim> = Api::namespaced(self.client.clone(), NAMESPACE);
        let politely = DeleteParams::default();
        claims.delete(&claim_of(worker), &politely).await?;
        let pod = format!("{worker}-0");
        self.pods().delete(&pod, &politely).await?;
        Ok(())
    }

    /// How the demo's pool repairs.
    pub async fn repair(&self) -> Result<Value> {
        let pool = self.kind("WorkerPool").get("main").await?;
        Ok(pool.data["spec"]["repair"].clone())
    }

    /// Says how the demo's pool is to repair.
    pub async fn set_repair(&self, repair: &Value) -> Result<()> {
        self.merge("WorkerPool", "main", json!({"spec": {"repair": repair}}))
            .await
    }

    /// Merges a patch into an object of one of Orrery's kinds.
    pub async fn merge(&self, kind: &str, name: &str, patch: Value) -> Result<()> {
        self.kind(kind)
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await?;
        Ok(())
    }
}

/// Name of the claim of a worker's volume.
fn claim_of(worker: &str) -> String {
    format!("data-{worker}-0")
}
