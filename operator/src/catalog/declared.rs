//! What the controllers accept of what users declare, in the form the catalog takes it in.

use orrery_archive::catalog::{AcceptedReference, AcceptedTable, FamilyGrid, TableKey};
use orrery_archive::replicas::FamilyReplicas;
use orrery_archive::table::DeletionPolicy;

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
    /// Number of this incarnation, from
    /// [`Writer::reserve_incarnation`](super::writer::Writer::reserve_incarnation). The object's
    /// status had it before the catalog.
    pub incarnation: u64,
    /// What it is.
    pub schema: Schema,
    /// What becomes of its rows when it is deleted.
    pub on_deletion: DeletionPolicy,
}
