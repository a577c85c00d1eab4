//! Why the catalog cannot be read or written.

use thiserror::Error;

use super::edit::EditError;

/// Why the catalog was not written.
#[derive(Debug, Error)]
pub enum WriterError {
    /// The cluster API did not take the write; another try may.
    #[error("the cluster API did not take the catalog write: {0}")]
    Api(#[from] kube::Error),
    /// Another operator leads: this process writes nothing any more.
    #[error("this process does not lead any more: {0}")]
    NotLeading(String),
    /// The archive's workers cannot be asked yet for the terms they have seen.
    #[error("the certificate for calls to workers is not made yet")]
    NotYet,
    /// Another root was written meanwhile; the next reconcile starts from it.
    #[error("the catalog root changed meanwhile")]
    Conflict,
    /// Workers hold published rows that this catalog does not know (an old backup of the cluster
    /// API): nothing is written.
    #[error("the catalog is behind what workers hold: {0}")]
    Behind(String),
    /// Workers that should answer do not say which numbers they have heard of. It passes when they
    /// do, or after a while.
    #[error("the numbers that workers have heard of are waited for: {0}")]
    Silent(String),
    /// A newer version wrote what this one cannot read, and would lose: nothing is written.
    #[error("the catalog was written by a newer version: {0}")]
    Newer(String),
    /// The stored catalog cannot be read.
    #[error("the catalog cannot be read: {0}")]
    Unreadable(String),
    /// The change contradicts the catalog.
    #[error(transparent)]
    Refused(#[from] EditError),
}
