//! When the archive is whole: everything that is declared is ready.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;
use orrery_e2e::{Archive, NAMESPACE, eventually_within};

use crate::faults::Part;

/// How long the archive may take to be whole again after a step.
const LONGEST: Duration = Duration::from_secs(600);
/// One program of each kind of pods.
const PARTS: [Part; 4] = [Part::Operator, Part::Czar, Part::Proxy, Part::Worker];

/// What is to be there, and what is ready.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// Pods by component.
    pods: BTreeMap<&'static str, usize>,
    /// Names of nodes.
    pub nodes: Vec<String>,
}

impl Shape {
    /// What is wanted: replicas as they are declared, and every node.
    pub async fn wanted(archive: &Archive) -> Result<Self> {
        let mut pods = BTreeMap::new();
        for part in PARTS {
            let of_part = format!("app.kubernetes.io/component={}", part.component());
            let of_part = ListParams::default().labels(&of_part);
            let deployments: Api<Deployment> = in_namespace(archive);
            let deployments = deployments.list(&of_part).await?.items.into_iter();
            let replicas = deployments.filter_map(|it| it.spec?.replicas);
            let sets: Api<StatefulSet> = in_namespace(archive);
            let sets = sets.list(&of_part).await?.items.into_iter();
            let replicas = replicas.chain(sets.filter_map(|it| it.spec?.replicas));
            pods.insert(part.component(), replicas.map(|count| count as usize).sum());
        }
        let nodes: Api<Node> = Api::all(archive.client.clone());
        let nodes = nodes.list(&ListParams::default()).await?.items;
        let nodes = nodes
            .into_iter()
            .filter_map(|node| node.metadata.name)
            .collect();
        Ok(Self { pods, nodes })
    }

    /// What is ready now.
    async fn ready(archive: &Archive) -> Result<Self> {
        let mut pods = BTreeMap::new();
        for part in PARTS {
            let ready = archive.ready_pods(part.component()).await?.len();
            pods.insert(part.component(), ready);
        }
        let nodes: Api<Node> = Api::all(archive.client.clone());
        let mut ready = Vec::new();
        for node in nodes.list(&ListParams::default()).await?.items {
            let conditions = node.status.and_then(|status| status.conditions);
            let mut conditions = conditions.into_iter().flatten();
            if conditions.any(|it| it.type_ == "Ready" && it.status == "True") {
                ready.push(node.metadata.name.context("a node without a name")?);
            }
        }
        Ok(Self { pods, nodes: ready })
    }

    /// Waits until everything is there again, every worker is ready, and every chunk has all its
    /// copies.
    pub async fn restored(&self, archive: &Archive) -> Result<()> {
        eventually_within(LONGEST, "the archive to be whole again", async || {
            let now = Self::ready(archive).await?;
            let ready = now == *self && workers_ready(archive).await? && complete(archive).await?;
            Ok(ready.then_some(()))
        })
        .await
    }
}

fn in_namespace<K>(archive: &Archive) -> Api<K>
where
    K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    Api::namespaced(archive.client.clone(), NAMESPACE)
}

async fn workers_ready(archive: &Archive) -> Result<bool> {
    let workers = archive.kind("Worker").list(&ListParams::default()).await?;
    Ok(workers
        .items
        .iter()
        .all(|it| it.data["status"]["phase"] == "Ready"))
}

async fn complete(archive: &Archive) -> Result<bool> {
    let families = archive
        .kind("ChunkFamily")
        .list(&ListParams::default())
        .await?;
    Ok(families.items.iter().all(|it| {
        let status = &it.data["status"];
        let whole = |of: &str| status[of]["underReplicated"].as_u64().unwrap_or(0) == 0;
        whole("chunks") && whole("indexChunks")
    }))
}
