//! Why the archive's own Secrets are not complete.

use thiserror::Error;

use super::certificates::CertificateError;

/// Why the Secrets are not complete.
#[derive(Debug, Error)]
pub enum SecretsError {
    /// The cluster API failed.
    #[error("Secret {name}: {source}")]
    Api {
        /// Name of the Secret.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// A certificate was not made.
    #[error("certificate {name}: {source}")]
    Certificate {
        /// Name of the Secret.
        name: &'static str,
        /// Why not.
        source: CertificateError,
    },
}
