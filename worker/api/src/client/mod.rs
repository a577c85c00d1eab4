//! Calls to agents and loaders: one method per call of [`crate::routes`].
//!
//! Servers are called by their pods' addresses, which stand in no certificate: what is checked is
//! the name of their role.

mod agent;
mod https;
mod loader;

use std::path::Path;

use orrery_archive::names::{Role, WorkerId};
use orrery_tls::{Files, Identity};

use crate::CallError;
use https::{Https, Server};

pub use agent::AgentClient;
pub use https::Timeouts;
pub use loader::LoaderClient;
pub use reqwest::Body;

/// Calls to the agents of one archive, with the certificate of one role.
#[derive(Clone, Debug)]
pub struct Agents(Https);

impl Agents {
    /// Calls as `identity`.
    pub fn new(identity: &Identity, timeouts: Timeouts) -> Result<Self, CallError> {
        Https::new(identity, Role::Agent, timeouts).map(Self)
    }

    /// Calls with the certificate in `folder` (`tls.crt`, `tls.key`, `ca.crt`).
    pub fn from_folder(folder: &Path, timeouts: Timeouts) -> Result<Self, CallError> {
        Self::new(&Files::read(folder)?.identity()?, timeouts)
    }

    /// The agent at `base` (`https://host:port`).
    pub fn at(&self, base: &str) -> Result<AgentClient, CallError> {
        Server::new(&self.0, base).map(AgentClient::new)
    }

    /// The agent of `worker`, which was last seen at `base`. Another worker's that has the address
    /// by now refuses.
    pub fn of(&self, worker: WorkerId, base: &str) -> Result<AgentClient, CallError> {
        let server = Server::new(&self.0, base)?;
        Ok(AgentClient::new(server.of(worker)))
    }
}

/// Calls to the loaders of one archive, with the certificate of one role.
#[derive(Clone, Debug)]
pub struct Loaders(Https);

impl Loaders {
    /// Calls as `identity`.
    pub fn new(identity: &Identity, timeouts: Timeouts) -> Result<Self, CallError> {
        Https::new(identity, Role::Loader, timeouts).map(Self)
    }

    /// The loader at `base` (`https://host:port`).
    pub fn at(&self, base: &str) -> Result<LoaderClient, CallError> {
        Server::new(&self.0, base).map(LoaderClient::new)
    }
}
