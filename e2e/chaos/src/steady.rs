//! When the archive is whole: as it was when the run began.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;
use orrery_e2e::{Archive, eventually_within};

use crate::schedule::Part;

/// How long the archive may take to be whole again after a step.
const LONGEST: Duration = Duration::from_secs(600);
const PARTS: [Part; 4] = [Part::Operator, Part::Czar, Part::Proxy, Part::Worker];

/// What is ready when all is well.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// Ready pods by component.
    pods: BTreeMap<&'static str, usize>,
    /// Names of ready nodes.
    pub nodes: Vec<String>,
}

impl Shape {
    /// What is ready now.
    pub async fn now(archive: &Archive) -> Result<Self> {
        let mut pods = BTreeMap::new();
        for part in PARTS {
            let ready = archive.ready_pods(part.component()).await?.len();
            pods.insert(part.component(), ready);
        }
        let nodes: Api<Node> = Api::all(archive.client.clone());
        let mut ready = Vec::new();
        for node in nodes.list(&ListParams::default()).await?.items {
            let conditions = node.status.and_then(|status| status.conditions);
            let is_ready = conditions.unwrap_or_default().into_iter();
            if is_ready
                .into_iter()
                .any(|it| it.type_ == "Ready" && it.status == "True")
            {
                ready.push(node.metadata.name.context("a node without a name")?);
            }
        }
        Ok(Self { pods, nodes: ready })
    }

    /// Waits until everything is there again, every worker is ready, and every chunk has all its
    /// copies.
    pub async fn restored(&self, archive: &Archive) -> Result<()> {
        eventually_within(LONGEST, "the archive to be whole again", async || {
            let now = Self::now(archive).await?;
            let ready = now == *self && workers_ready(archive).await? && complete(archive).await?;
            Ok(ready.then_some(()))
        })
        .await
    }
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
