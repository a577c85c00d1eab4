//! The snapshot itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use orrery_archive::catalog::Catalog;
use orrery_archive::catalog::users::Users;
use orrery_archive::names::{WorkerId, ports};
use orrery_crds::kinds::{Worker, WorkerPhase};
use serde::{Deserialize, Serialize};

/// One complete view of the archive.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Tables, segments, placement.
    pub catalog: Arc<Catalog>,
    /// Workers by id, with the addresses they were last seen at.
    pub workers: Arc<BTreeMap<WorkerId, WorkerView>>,
    /// Users with verifiers and grants.
    pub users: Arc<Users>,
}

/// A worker as readers need it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct WorkerView {
    /// Kubernetes name.
    pub name: String,
    /// Host or address; `None` while its pod has none.
    pub address: Option<String>,
    /// Port of its mysqld.
    #[serde(default = "mysqld_port")]
    pub mysql_port: u16,
    /// Port of its agent.
    #[serde(default = "agent_port")]
    pub agent_port: u16,
    /// Phase the operator sees. A reader may try any worker; the phase orders its tries.
    pub phase: WorkerPhase,
}

fn mysqld_port() -> u16 {
    ports::MYSQLD
}

fn agent_port() -> u16 {
    ports::AGENT
}

impl WorkerView {
    /// Id and view of a `Worker` object.
    pub fn of(worker: &Worker) -> (WorkerId, Self) {
        let status = worker.status.clone().unwrap_or_default();
        let view = Self {
            name: worker.metadata.name.clone().unwrap_or_default(),
            address: status.address,
            mysql_port: ports::MYSQLD,
            agent_port: ports::AGENT,
            phase: status.phase,
        };
        (worker.spec.id, view)
    }

    /// Base URL of its agent.
    pub fn agent_url(&self) -> Option<String> {
        let (address, port) = (self.address.as_ref()?, self.agent_port);
        // An IPv6 address needs brackets before a port.
        Some(if address.contains(':') {
            format!("https://[{address}]:{port}")
        } else {
            format!("https://{address}:{port}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_either_version_of_ip_or_a_host_makes_a_url() {
        for (address, url) in [
            ("10.0.0.3", "https://10.0.0.3:7443"),
            ("fd00::3", "https://[fd00::3]:7443"),
            ("localhost", "https://localhost:7443"),
        ] {
            let worker = WorkerView {
                name: "main-w3".into(),
                address: Some(address.into()),
                mysql_port: mysqld_port(),
                agent_port: agent_port(),
                phase: WorkerPhase::Ready,
            };
            assert_eq!(worker.agent_url().as_deref(), Some(url));
        }
    }
}
