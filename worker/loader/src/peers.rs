//! The workers' agents as this loader calls them: with the certificate in force, so that a renewed
//! authority ends no load.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use orrery_tls::{Reloaded, TlsError};
use orrery_worker_api::CallError;
use orrery_worker_api::client::{AgentClient, Agents, Timeouts};

/// Calls agents.
#[derive(Clone)]
pub struct Peers(Arc<dyn Fn() -> Agents + Send + Sync>);

impl Peers {
    /// With the certificate in `folder`, which is read again when it changes.
    pub fn of_folder(folder: &Path, timeouts: Timeouts) -> Result<Self, TlsError> {
        let reloaded = Reloaded::role(folder, move |identity| {
            Agents::new(identity, timeouts).map_err(|error| TlsError::Client(error.to_string()))
        })?;
        Ok(Self(Arc::new(move || Agents::clone(&reloaded.current()))))
    }

    /// The agent at `base` (`https://host:port`).
    pub fn at(&self, base: &str) -> Result<AgentClient, CallError> {
        (self.0)().at(base)
    }
}

impl From<Agents> for Peers {
    fn from(agents: Agents) -> Self {
        Self(Arc::new(move || agents.clone()))
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").finish_non_exhaustive()
    }
}
