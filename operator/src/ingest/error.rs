//! Why a step did not end; it is tried again.

use orrery_worker_api::CallError;
use thiserror::Error;

use super::state::StateError;
use crate::agents::AgentError;
use crate::catalog::error::WriterError;

/// Why a step did not end.
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
    /// The loader's pod went while it was given an order.
    #[error("the loader's pod does not run any more")]
    NoLoader,
    /// The object has no UID: it does not come from an API server.
    #[error("the Ingest has no UID")]
    NoUid,
    /// The spec cannot be written as JSON.
    #[error("the spec cannot be written as JSON: {0}")]
    Spec(#[from] serde_json::Error),
    /// The status says something impossible.
    #[error(transparent)]
    State(#[from] StateError),
    /// Decisions do not come to an end.
    #[error("no step was found after {0} answers")]
    Endless(usize),
}

impl From<CallError> for IngestError {
    fn from(error: CallError) -> Self {
        Self::Loader(error.into())
    }
}
