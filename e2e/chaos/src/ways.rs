//! Ways to single proxies, past the API server: each proxy's pod has a port of this machine, so that
//! every connection is known to end at one pod.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use kube::ResourceExt as _;
use orrery_e2e::Archive;
use orrery_e2e::lab::{Lab, Relay};
use orrery_e2e::pods::node_of;
use parking_lot::Mutex;

/// Port of a proxy's pod for clients.
const CLIENTS: u16 = 4040;

/// A way to one proxy. It stays open while anyone has it: a proxy that is not ready for a moment
/// keeps its connections.
#[derive(Clone)]
pub struct Way {
    pub pod: String,
    pub node: String,
    relay: Arc<Relay>,
}

impl Way {
    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.relay.port
    }
}

/// The ways to all proxies that are ready, by pod.
#[derive(Default)]
pub struct Ways(Mutex<BTreeMap<String, Way>>);

impl Ways {
    /// Opens ways to new proxies and offers those no more that lead to proxies that are gone. While the
    /// API server is away the known ways stay.
    pub async fn refresh(&self, archive: &Archive, lab: &Lab) -> Result<()> {
        let ready = archive.ready_pods("proxy").await?;
        let names: Vec<String> = ready.iter().map(kube::ResourceExt::name_any).collect();
        self.0.lock().retain(|name, _| names.contains(name));
        for pod in ready {
            let name = pod.name_any();
            if self.0.lock().contains_key(&name) {
                continue;
            }
            let address = pod.status.as_ref().and_then(|status| status.pod_ip.clone());
            let address = address.with_context(|| format!("{name} has no address"))?;
            let relay = lab.relay(&format!("{address}:{CLIENTS}")).await?;
            let way = Way {
                pod: name.clone(),
                node: node_of(&pod)?,
                relay: Arc::new(relay),
            };
            self.0.lock().insert(name, way);
        }
        Ok(())
    }

    /// A way that is not one to be avoided; `pick` chooses.
    pub fn choose(&self, pick: u64, avoided: impl Fn(&Way) -> bool) -> Option<Way> {
        let known = self.0.lock();
        let ways: Vec<&Way> = known.values().filter(|way| !avoided(way)).collect();
        let at = pick.checked_rem(ways.len() as u64)?;
        ways.get(at as usize).map(|way| (*way).clone())
    }
}
