//! What the controllers ask of the catalog's only writer.
//!
//! Controllers judge and build; the catalog (design §4) is written in one place, `catalog/`, which implements [`CatalogWriter`].
//! Every number that must be used once in the archive's life comes from here, so that no controller counts by itself.

use std::sync::Arc;

use async_trait::async_trait;
use orrery_archive::catalog::{AcceptedReference, AcceptedTable, Catalog, FamilyGrid, TableKey};
use orrery_archive::names::WorkerId;
use orrery_archive::replicas::FamilyReplicas;
use orrery_archive::table::DeletionPolicy;
use thiserror::Error;

use crate::catalog::collect::Needed;
use crate::catalog::edit::EditError;

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
    /// Workers hold published rows that this catalog does not know (an old backup of the cluster API): nothing is written.
    #[error("the catalog is behind what workers hold: {0}")]
    Behind(String),
    /// The stored catalog cannot be read.
    #[error("the catalog cannot be read: {0}")]
    Unreadable(String),
    /// The request contradicts the catalog.
    #[error("{0}")]
    Refused(String),
}

/// A family as accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct FamilyDeclaration {
    /// Name of the `ChunkFamily`.
    pub name: String,
    /// Worker pool.
    pub pool: String,
    /// Copies.
    pub replicas: FamilyReplicas,
    /// How rows map to chunks.
    pub grid: FamilyGrid,
}

/// What an accepted table is.
#[derive(Clone, Debug, PartialEq)]
pub enum Schema {
    /// Owns the unique id and the position; the writer adds its index and the index's family.
    Director(AcceptedTable),
    /// Follows the director of this name in the same database.
    Child(AcceptedTable, String),
    /// Whole on every worker.
    Reference(AcceptedReference),
}

/// A table as accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct TableDeclaration {
    /// Database and name.
    pub key: TableKey,
    /// Number of this incarnation, from [`CatalogWriter::reserve_incarnation`]. The object's status had it before the catalog.
    pub incarnation: u64,
    /// What it is.
    pub schema: Schema,
    /// What becomes of its rows when it is deleted.
    pub on_deletion: DeletionPolicy,
}

/// A change of the catalog, computed from its present state.
pub type Change<'a> = Box<dyn FnMut(&Catalog) -> Result<Option<Catalog>, EditError> + Send + 'a>;

/// The catalog's only writer, for every archive (namespace) this operator serves. All calls are idempotent.
#[async_trait]
pub trait CatalogWriter: Send + Sync {
    /// The newest catalog. The first call in a term makes the root where there is none, or raises its term to this leader's
    /// (see [`crate::term`]) before anything else is written.
    async fn catalog(&self, namespace: &str) -> Result<Arc<Catalog>, WriterError>;

    /// `count` worker ids that were never given out before, ascending.
    async fn reserve_workers(&self, namespace: &str, count: u32) -> Result<Vec<WorkerId>, WriterError>;

    /// An incarnation number that was never given out before.
    async fn reserve_incarnation(&self, namespace: &str) -> Result<u64, WriterError>;

    /// Makes the catalog's family equal to the declaration: new, or with other replicas. A family whose grid differs is replaced
    /// when no table is in it, else refused.
    async fn accept_family(&self, namespace: &str, family: &FamilyDeclaration) -> Result<(), WriterError>;

    /// Takes a family out; refused while tables are in it.
    async fn retire_family(&self, namespace: &str, name: &str) -> Result<(), WriterError>;

    /// Makes the catalog's table equal to the declaration. A table of another incarnation under the same name is retired by it.
    async fn accept_table(&self, namespace: &str, table: &TableDeclaration) -> Result<(), WriterError>;

    /// Takes a table out of the catalog. Its physical tables stay, or are to be dropped, as its deletion policy says.
    async fn retire_table(&self, namespace: &str, key: &TableKey) -> Result<(), WriterError>;

    /// Any other change: placement, publishing, revoking. `change` says what the catalog would be, `None` when nothing is to do; it
    /// may be called several times. Returns the catalog in force afterwards.
    async fn change(&self, namespace: &str, change: Change<'_>) -> Result<Arc<Catalog>, WriterError>;

    /// What the newest root needs. It is read again under its resourceVersion: this guards drops.
    async fn needed(&self, namespace: &str) -> Result<Needed, WriterError>;
}
