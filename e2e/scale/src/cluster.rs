//! What the test makes in the cluster API, and what it reads there. No kubelet and no controller of
//! Kubernetes runs: nodes and pods are made here, as they would be there.

use std::fmt::Debug;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, Resource};
use orrery_archive::names::WorkerId;
use orrery_crds::kinds;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::server::address;

/// Requests at a time.
const AT_A_TIME: usize = 16;
/// Zones that nodes lie in.
const ZONES: u32 = 3;

/// The archive's namespace.
pub struct Cluster {
    /// The administrator's client.
    pub client: Client,
    /// Its name.
    pub namespace: String,
}

impl Cluster {
    /// A namespace with Orrery's kinds.
    pub async fn new(client: Client, namespace: &str) -> Result<Self> {
        let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
        for crd in kinds::all() {
            let name = crd.metadata.name.clone().context("a kind without a name")?;
            crds.create(&PostParams::default(), &crd).await?;
            await_condition(crds.clone(), &name, is_crd_established()).await?;
        }
        let cluster = Self {
            client,
            namespace: namespace.to_owned(),
        };
        let object =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        let object: Namespace = serde_json::from_value(object)?;
        let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
        namespaces.create(&PostParams::default(), &object).await?;
        Ok(cluster)
    }

    /// Objects of the namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Creates an object of one of Orrery's kinds.
    pub async fn create<K>(&self, name: &str, spec: Value) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + DeserializeOwned
            + Serialize
            + Clone
            + Debug,
    {
        let object = json!({"apiVersion": K::api_version(&()), "kind": K::kind(&()),
            "metadata": {"name": name}, "spec": spec});
        let object: K = serde_json::from_value(object)?;
        let (api, parameters) = (self.api::<K>(), PostParams::default());
        let made = api.create(&parameters, &object).await;
        made.with_context(|| name.to_owned())?;
        Ok(())
    }

    /// A node and a pod, which is ready, for each worker.
    pub async fn make_pods(&self, workers: u32) -> Result<()> {
        stream::iter(1..=workers)
            .map(|worker| self.make_pod(worker))
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await
    }

    async fn make_pod(&self, worker: WorkerId) -> Result<()> {
        let (parameters, name) = (PostParams::default(), format!("main-w{worker}-0"));
        let node: Node = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": format!("n{worker}"), "labels": {
                "topology.kubernetes.io/zone": format!("z{}", worker % ZONES)}},
        }))?;
        let nodes: Api<Node> = Api::all(self.client.clone());
        nodes.create(&parameters, &node).await?;
        let pod: Pod = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": {
                "app.kubernetes.io/component": "worker", "orrery.dev/pool": "main",
                "orrery.dev/worker": worker.to_string()}},
            "spec": {"nodeName": format!("n{worker}"), "containers": [{"name": "mysqld", "image": "none"}]},
        }))?;
        let pods = self.api::<Pod>();
        pods.create(&parameters, &pod).await?;
        self.set_ready(worker, true).await
    }

    /// Says of a worker's pod whether it is ready, as its kubelet would.
    pub async fn set_ready(&self, worker: WorkerId, ready: bool) -> Result<()> {
        let (ip, ready) = (address(worker), if ready { "True" } else { "False" });
        let status = json!({"status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}],
            "conditions": [{"type": "Ready", "status": ready}]}});
        let (name, status) = (format!("main-w{worker}-0"), Patch::Merge(status));
        let pods = self.api::<Pod>();
        pods.patch_status(&name, &PatchParams::default(), &status)
            .await?;
        Ok(())
    }

    /// All objects of a kind.
    pub async fn list<K>(&self) -> Result<Vec<K>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + DeserializeOwned
            + Clone
            + Debug,
    {
        Ok(self.api::<K>().list(&ListParams::default()).await?.items)
    }

    /// Writes what is in a Secret to a folder.
    pub async fn save_secret(&self, name: &str, folder: &Path) -> Result<()> {
        let secret = self
            .api::<k8s_openapi::api::core::v1::Secret>()
            .get(name)
            .await?;
        std::fs::create_dir_all(folder)?;
        for (key, value) in secret.data.context("an empty Secret")? {
            std::fs::write(folder.join(key), value.0)?;
        }
        Ok(())
    }
}

/// Tries until there is an answer.
pub async fn until<T>(
    limit: Duration,
    what: &str,
    mut attempt: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        let found = attempt().await?;
        if let Some(found) = found {
            return Ok(found);
        }
        if Instant::now() >= end {
            bail!("waited {} s for {what}", limit.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
