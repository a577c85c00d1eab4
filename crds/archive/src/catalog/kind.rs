//! What a table's kind says of it.

use super::model::{AcceptedReference, AcceptedTable, IndexTable, TableKey, TableKind};
use crate::table::Column;

impl TableKind {
    /// The schema of a chunked table.
    pub fn chunked(&self) -> Option<&AcceptedTable> {
        match self {
            Self::Director(table, _) | Self::Child(table, _) => Some(table),
            Self::Reference(_) => None,
        }
    }

    /// The schema of a director, and its index.
    pub fn director(&self) -> Option<(&AcceptedTable, &IndexTable)> {
        match self {
            Self::Director(table, index) => Some((table, index)),
            Self::Child(..) | Self::Reference(_) => None,
        }
    }

    /// The index of a director.
    pub fn index(&self) -> Option<&IndexTable> {
        self.director().map(|(_, index)| index)
    }

    /// The index of a director, to change it.
    pub fn index_mut(&mut self) -> Option<&mut IndexTable> {
        match self {
            Self::Director(_, index) => Some(index),
            Self::Child(..) | Self::Reference(_) => None,
        }
    }

    /// The schema of a reference table.
    pub fn reference(&self) -> Option<&AcceptedReference> {
        match self {
            Self::Reference(table) => Some(table),
            Self::Director(..) | Self::Child(..) => None,
        }
    }

    /// Whether rows lie in chunks; else the table is whole on every worker.
    pub fn is_chunked(&self) -> bool {
        self.chunked().is_some()
    }

    /// Whether it owns an index.
    pub fn is_director(&self) -> bool {
        self.director().is_some()
    }

    /// Name of the family that the chunks belong to.
    pub fn family(&self) -> Option<&str> {
        self.chunked().map(|table| table.family.as_str())
    }

    /// Whether its rows or its index lie in chunks of this family.
    pub fn uses_family(&self, family: &str) -> bool {
        self.family() == Some(family) || self.index().is_some_and(|index| index.family == family)
    }

    /// The director whose keys a table named `own` follows: itself, or its parent.
    pub fn director_key(&self, own: &TableKey) -> Option<TableKey> {
        match self {
            Self::Director(..) => Some(own.clone()),
            Self::Child(_, director) => Some(TableKey::new(&own.database, director)),
            Self::Reference(_) => None,
        }
    }

    /// Columns the user declared, in order.
    pub fn columns(&self) -> &[Column] {
        match self {
            Self::Director(table, _) | Self::Child(table, _) => &table.columns,
            Self::Reference(table) => &table.columns,
        }
    }
}
