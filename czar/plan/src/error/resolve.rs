//! Names that mean nothing, or more than one thing.

use orrery_archive::catalog::TableKey;
use thiserror::Error;

/// Why names cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// A table without database, and no default database.
    #[error("No database selected")]
    NoDatabase,
    /// The catalog has no such table.
    #[error("Table '{table}' doesn't exist")]
    NoTable {
        /// The table.
        table: TableKey,
    },
    /// The catalog has the table in a form that this version cannot read.
    #[error(
        "Table '{table}' was declared with a newer version than that of this czar; upgrade the czars"
    )]
    NewerTable {
        /// The table.
        table: TableKey,
    },
    /// Two tables of FROM have one name.
    #[error("Not unique table/alias: '{alias}'")]
    DuplicateAlias {
        /// The name.
        alias: String,
    },
    /// A qualifier that is no table of FROM.
    #[error("Unknown table '{alias}'")]
    UnknownTable {
        /// The qualifier.
        alias: String,
    },
    /// No table of FROM has the column.
    #[error("Unknown column '{column}' in '{clause}'")]
    NoColumn {
        /// The column, as written.
        column: String,
        /// Where it stands.
        clause: &'static str,
    },
    /// Several tables of FROM have the column.
    #[error("Column '{column}' in field list is ambiguous")]
    Ambiguous {
        /// The column.
        column: String,
    },
    /// An aggregate where there are no groups yet.
    #[error("Invalid use of group function")]
    GroupFunction,
    /// LIMIT takes numbers alone.
    #[error("You have an error in your SQL syntax; LIMIT takes whole numbers")]
    Limit,
}

impl ResolveError {
    /// MySQL code and SQLSTATE.
    pub(crate) fn code(&self) -> (u16, &'static str) {
        match self {
            Self::NoDatabase => (1046, "3D000"),
            Self::NoTable { .. } => (1146, "42S02"),
            Self::NewerTable { .. } => (1105, "HY000"),
            Self::DuplicateAlias { .. } => (1066, "42000"),
            Self::UnknownTable { .. } => (1051, "42S02"),
            Self::NoColumn { .. } => (1054, "42S22"),
            Self::Ambiguous { .. } => (1052, "23000"),
            Self::GroupFunction => (1111, "HY000"),
            Self::Limit => (1064, "42000"),
        }
    }
}
