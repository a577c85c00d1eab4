//! The workers of an archive as peers to call: where their agents are, and which are not known to
//! be down.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::names::{WorkerId, ports, worker_host};
use orrery_crds::kinds::{Worker, WorkerPhase};
use orrery_worker_api::CallError;
use orrery_worker_api::agent::{ManifestRow, PageQuery, RowState};
use orrery_worker_api::client::AgentClient;

use crate::agents::{AgentError, Agents, base};

/// Rows per page of a manifest.
const PAGE: u32 = 2000;

/// Workers by id with the addresses of their pods.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    by_id: BTreeMap<WorkerId, (String, String)>,
    /// Names of their Services, of those that have an address.
    hosts: BTreeMap<WorkerId, String>,
    /// Those that are not known to be down.
    live: BTreeSet<WorkerId>,
}

impl Addresses {
    /// Those of `workers` that have one.
    pub fn of(workers: &[Worker]) -> Self {
        let known = workers.iter().filter_map(|worker| {
            let address = worker.status.as_ref()?.address.clone()?;
            Some((worker.spec.id, (worker.metadata.name.clone()?, address)))
        });
        let is_live = |worker: &&Worker| {
            let phase = worker.status.as_ref().map(|status| status.phase);
            !matches!(
                phase,
                None | Some(WorkerPhase::Pending | WorkerPhase::Down | WorkerPhase::Drained)
            )
        };
        let hosts = workers.iter().filter_map(|worker| {
            worker.status.as_ref()?.address.as_ref()?;
            let namespace = worker.metadata.namespace.as_deref()?;
            let (pool, id) = (&worker.spec.pool, worker.spec.id);
            Some((id, worker_host(pool, id, namespace)))
        });
        Self {
            by_id: known.collect(),
            hosts: hosts.collect(),
            live: workers
                .iter()
                .filter(is_live)
                .map(|worker| worker.spec.id)
                .collect(),
        }
    }

    /// Name and address of a worker.
    pub fn get(&self, worker: WorkerId) -> Option<(&str, &str)> {
        self.by_id
            .get(&worker)
            .map(|(name, address)| (name.as_str(), address.as_str()))
    }

    /// Base URL of a worker's agent.
    pub fn url(&self, worker: WorkerId) -> Option<String> {
        let (_, address) = self.get(worker)?;
        base(address, ports::AGENT).ok()
    }

    /// Base URL of a worker's agent by the name of its Service, for calls that go on while its pod
    /// may restart under another address.
    pub fn lasting_url(&self, worker: WorkerId) -> Option<String> {
        let host = self.hosts.get(&worker)?;
        Some(format!("https://{host}:{}", ports::AGENT))
    }

    /// Base URLs of the agents of `workers`, by name.
    pub fn lasting_urls<'a>(&self, workers: impl IntoIterator<Item = &'a WorkerId>) -> Vec<String> {
        let workers = workers.into_iter();
        workers
            .filter_map(|worker| self.lasting_url(*worker))
            .collect()
    }

    /// Every worker with an address that is not known to be down. An address alone says only where
    /// a pod was last.
    pub fn live(&self) -> impl Iterator<Item = WorkerId> + '_ {
        self.ids().filter(|worker| self.live.contains(worker))
    }

    /// Every worker with an address.
    pub fn ids(&self) -> impl Iterator<Item = WorkerId> + '_ {
        self.by_id.keys().copied()
    }
}

/// The agents of one archive, by worker.
#[derive(Clone, Copy)]
pub struct Fleet<'a> {
    /// Calls.
    pub agents: &'a Agents,
    /// Archive.
    pub namespace: &'a str,
    /// Where the agents are.
    pub addresses: &'a Addresses,
}

impl Fleet<'_> {
    /// The agent of a worker.
    pub fn agent(&self, worker: WorkerId) -> Result<AgentClient, AgentError> {
        let (_, address) = self
            .addresses
            .get(worker)
            .ok_or_else(|| AgentError::NoAddress(format!("worker {worker}")))?;
        self.agents.of(self.namespace, worker, address)
    }

    /// What a worker holds, without what it was asked to delete.
    pub async fn manifest(&self, worker: WorkerId) -> Result<Vec<ManifestRow>, AgentError> {
        manifest(&self.agent(worker)?, |row| row).await
    }

    /// Makes a call at each of `workers`, all at once. One that fails is logged with `what` it was
    /// to do; the others are not held up.
    pub async fn for_each<F>(
        &self,
        workers: impl IntoIterator<Item = WorkerId>,
        what: &str,
        call: impl Fn(WorkerId, AgentClient) -> F,
    ) where
        F: Future<Output = Result<(), CallError>>,
    {
        let calls = workers.into_iter().map(|worker| {
            let called = self.agent(worker).map(|agent| call(worker, agent));
            async move {
                let done = match called {
                    Ok(call) => call.await.map_err(AgentError::from),
                    Err(error) => Err(error),
                };
                if let Err(error) = done {
                    tracing::warn!(namespace = self.namespace, worker, what, %error, "a worker did not do it");
                }
            }
        });
        futures::future::join_all(calls).await;
    }
}

/// What a worker holds, without what it was asked to delete; `take` says what is kept of each row.
pub async fn manifest<T>(
    agent: &AgentClient,
    take: impl Fn(ManifestRow) -> T,
) -> Result<Vec<T>, AgentError> {
    let mut manifest = Vec::new();
    let mut query = PageQuery {
        after: None,
        limit: Some(PAGE),
    };
    loop {
        let page = agent.manifest(&query).await?;
        let rows = page.rows.into_iter();
        let rows = rows.filter(|row| row.state != RowState::Deleted);
        manifest.extend(rows.map(&take));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(manifest),
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use orrery_archive::names::WorkerId;
    use orrery_crds::kinds::Worker;
    use serde_json::json;

    pub(crate) fn worker(id: WorkerId, phase: &str) -> Worker {
        serde_json::from_value(json!({
            "apiVersion": "orrery.dev/v1alpha1", "kind": "Worker", "metadata": {"name": format!("main-w{id}"), "namespace": "sky"},
            "spec": {"id": id, "pool": "main"}, "status": {"phase": phase, "address": format!("10.0.0.{id}"), "freeBytes": 1_u64 << 40},
        }))
        .unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::worker;
    use super::*;

    /// A load lasts for hours, and a pod that restarts in it has another address.
    #[test]
    fn a_lasting_url_is_the_same_wherever_the_workers_pod_is() {
        let url_at = |address: &str| {
            let mut worker = worker(3, "Ready");
            worker.status.as_mut().unwrap().address = Some(address.into());
            Addresses::of(&[worker]).lasting_urls(&[3])
        };
        assert_eq!(url_at("10.0.0.3"), ["https://main-w3.sky.svc:7443"]);
        assert_eq!(url_at("10.0.0.9"), url_at("10.0.0.3"));
    }

    #[test]
    fn an_address_of_either_version_of_ip_makes_a_url() {
        for (address, url) in [
            ("10.0.0.3", "https://10.0.0.3:7443"),
            ("fd00::3", "https://[fd00::3]:7443"),
        ] {
            let mut worker = worker(3, "Ready");
            worker.status.as_mut().unwrap().address = Some(address.into());
            assert_eq!(Addresses::of(&[worker]).url(3).as_deref(), Some(url));
        }
    }
}
