//! Whom the operator calls: agents and loaders of every archive it serves, by pod address, with
//! that archive's certificate.
//!
//! Each archive has its own authority, so each has its own identity here; [`Agents::identify`] sets
//! it from the Secret the operator keeps.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use orrery_archive::names::{WorkerId, ports};
use orrery_tls::Files;
use orrery_worker_api::CallError;
use orrery_worker_api::client::{self, AgentClient, LoaderClient, Timeouts};
use thiserror::Error;

/// A reconcile waits no longer than this for a pod that is gone, or one that stands still.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(2),
    call: Duration::from_secs(5),
};

/// Why a call was not made, or failed.
#[derive(Debug, Error)]
pub enum AgentError {
    /// The archive's certificates are not made yet.
    #[error("no certificate for calls in namespace {0} yet")]
    NoIdentity(String),
    /// A worker whose pod has no address yet.
    #[error("{0} has no address")]
    NoAddress(String),
    /// What stands for an address is none.
    #[error("`{0}` is no address of a pod")]
    Address(String),
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// What calls to one archive are made with.
struct Archive {
    files: Files,
    /// Made at the first call.
    calls: Option<Calls>,
}

#[derive(Clone)]
struct Calls {
    agents: client::Agents,
    loaders: client::Loaders,
}

impl Calls {
    fn new(files: &Files) -> Result<Self, CallError> {
        let identity = files.identity()?;
        Ok(Self {
            agents: client::Agents::new(&identity, TIMEOUTS)?,
            loaders: client::Loaders::new(&identity, TIMEOUTS)?,
        })
    }
}

/// Agents and loaders of every archive.
#[derive(Default)]
pub struct Agents {
    archives: Mutex<HashMap<String, Archive>>,
}

impl Agents {
    /// Sets the operator's certificate for an archive. Connections made with another one are let
    /// go.
    pub fn identify(&self, namespace: &str, files: Files) {
        let mut archives = self.archives.lock().unwrap_or_else(PoisonError::into_inner);
        if archives
            .get(namespace)
            .is_none_or(|archive| archive.files != files)
        {
            archives.insert(namespace.to_owned(), Archive { files, calls: None });
        }
    }

    /// Whether calls to the archive's agents can be made. Until then nothing may be concluded from
    /// their silence.
    pub fn knows(&self, namespace: &str) -> bool {
        let archives = self.archives.lock().unwrap_or_else(PoisonError::into_inner);
        archives.contains_key(namespace)
    }

    /// The agent of a worker, whose pod was last seen at this address. When another worker's pod has
    /// the address by now, that refuses each call.
    pub fn of(
        &self,
        namespace: &str,
        worker: WorkerId,
        address: &str,
    ) -> Result<AgentClient, AgentError> {
        let base = base(address, ports::AGENT)?;
        Ok(self.calls(namespace)?.agents.of(worker, &base)?)
    }

    /// The loader at a pod's address.
    pub fn loader(&self, namespace: &str, address: &str) -> Result<LoaderClient, AgentError> {
        let base = base(address, ports::LOADER)?;
        Ok(self.calls(namespace)?.loaders.at(&base)?)
    }

    fn calls(&self, namespace: &str) -> Result<Calls, AgentError> {
        let mut archives = self.archives.lock().unwrap_or_else(PoisonError::into_inner);
        let archive = archives
            .get_mut(namespace)
            .ok_or_else(|| AgentError::NoIdentity(namespace.to_owned()))?;
        if let Some(calls) = &archive.calls {
            return Ok(calls.clone());
        }
        let calls = Calls::new(&archive.files)?;
        archive.calls = Some(calls.clone());
        Ok(calls)
    }
}

/// The base URL of a server at a pod's address.
pub fn base(address: &str, port: u16) -> Result<String, AgentError> {
    let ip: IpAddr = address
        .parse()
        .map_err(|_| AgentError::Address(address.to_owned()))?;
    Ok(format!("https://{}", SocketAddr::new(ip, port)))
}

#[cfg(test)]
pub(crate) mod tests;
