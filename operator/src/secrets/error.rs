//! Why the archive's own Secrets are not complete.

use thiserror::Error;

use super::authorities::AuthoritiesError;
use super::certificates::CertificateError;
use super::signing::SigningError;
use crate::controller::apply::ApplyError;

/// Why the Secrets are not complete.
#[derive(Debug, Error)]
pub enum SecretsError {
    /// The cluster API failed.
    #[error("{name}: {source}")]
    Api {
        /// Name of the Secret or ConfigMap.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// A certificate was not made.
    #[error("certificate {name}: {source}")]
    Certificate {
        /// Name of the Secret.
        name: String,
        /// Why not.
        source: CertificateError,
    },
    /// The authorities cannot be used.
    #[error(transparent)]
    Authorities(#[from] AuthoritiesError),
    /// Pods or readers were not listed.
    #[error(transparent)]
    Listing(#[from] kube::Error),
    /// The catalog's keys cannot be used.
    #[error(transparent)]
    SigningKeys(#[from] SigningError),
    /// The catalog's public keys were not written.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}
