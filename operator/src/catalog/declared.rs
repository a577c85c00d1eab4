//! What the controllers accept of what users declare, in the form the catalog takes it in.

use orrery_archive::catalog::{
    AcceptedReference, AcceptedTable, FamilyGrid, IndexTable, TableKey, TableKind,
};
use orrery_archive::replicas::FamilyReplicas;
use orrery_archive::table::OnDeletion;

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

impl Schema {
    /// As the catalog has it; `index` says which index a director has.
    pub fn into_kind(self, index: impl FnOnce(&AcceptedTable) -> IndexTable) -> TableKind {
        match self {
            Self::Director(accepted) => {
                let index = index(&accepted);
                TableKind::Director(accepted, index)
            }
            Self::Child(accepted, director) => TableKind::Child(accepted, director),
            Self::Reference(accepted) => TableKind::Reference(accepted),
        }
    }
}

/// A table as accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct TableDeclaration {
    /// Database and name.
    pub key: TableKey,
    /// Name of the object.
    pub object: String,
    /// Number of this incarnation, from [`claim`](super::edit::claim). The object's status had it
    /// before the catalog, unless the table came back.
    pub incarnation: u64,
    /// What it is.
    pub schema: Schema,
    /// What becomes of its rows when it is deleted.
    pub on_deletion: OnDeletion,
}

/// Whether a table with this schema can have the rows of one of that kind: physical tables keep the
/// schema they were made with, and only what is no part of them may differ.
pub fn has_rows_of(held: &TableKind, declared: &Schema) -> bool {
    let same = |held: &AcceptedTable, declared: &AcceptedTable| {
        let comparable = AcceptedTable {
            scan_rating: declared.scan_rating,
            ..held.clone()
        };
        comparable == *declared
    };
    match (held, declared) {
        (TableKind::Director(held, _), Schema::Director(declared)) => same(held, declared),
        (TableKind::Child(held, of), Schema::Child(declared, director)) => {
            of == director && same(held, declared)
        }
        (TableKind::Reference(held), Schema::Reference(declared)) => held == declared,
        _ => false,
    }
}
