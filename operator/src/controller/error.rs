//! Why a reconcile did not end; it is tried again.

use thiserror::Error;

use super::apply::ApplyError;
use crate::catalog::error::WriterError;
use crate::secrets::signing::SigningError;

/// Why a reconcile did not end.
#[derive(Debug, Error)]
pub enum ReconcileError {
    /// The cluster API failed.
    #[error("cluster API: {0}")]
    Api(#[from] kube::Error),
    /// An object was not applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The catalog was not read or written.
    #[error(transparent)]
    Catalog(#[from] WriterError),
    /// Nothing can be signed.
    #[error(transparent)]
    SigningKeys(#[from] SigningError),
    /// What is to be stored has no JSON form.
    #[error("no JSON form: {0}")]
    Json(#[from] serde_json::Error),
}
