//! Ingests: exactly once, all or nothing, undoable (design §5).
//!
//! Level-triggered: each run looks at every Ingest of an archive and moves each by one step of its phase. What a step decided is in the
//! object's status or in the catalog before the next step relies on it, so another leader goes on where this one stopped.
//!
//! [`queue`] says who may start; [`steps`] holds a file per phase; [`attempt`], [`verify`] and [`job`] are the pure parts;
//! [`loader`] calls the loader's pod.

pub mod attempt;
pub mod job;
pub mod queue;
pub mod reconcile;
pub mod steps;
pub mod target;
pub mod verify;

pub use reconcile::Ingests;

use orrery_worker_api::CallError;
use thiserror::Error;

use crate::agents::AgentError;
use crate::catalog::error::WriterError;

/// Why a step did not end; it is tried again.
#[derive(Debug, Error)]
pub enum IngestError {
    /// The cluster API failed.
    #[error("the cluster API: {0}")]
    Api(#[from] kube::Error),
    /// The catalog was not written.
    #[error(transparent)]
    Writer(#[from] WriterError),
    /// The loader did not do its part.
    #[error("the loader: {0}")]
    Loader(#[from] AgentError),
}

impl From<CallError> for IngestError {
    fn from(error: CallError) -> Self {
        Self::Loader(error.into())
    }
}

/// Where a step left its ingest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Goes on at once.
    Advanced,
    /// Waits for something outside.
    Waiting,
    /// Ended for good with this message.
    Failed(String),
}
