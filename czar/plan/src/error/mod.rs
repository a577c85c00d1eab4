//! The error a client gets when a statement is not planned.

mod guard;
mod not_yet;
mod prune;
mod resolve;

use orrery_archive::catalog::TableKey;
use thiserror::Error;

pub use guard::GuardError;
pub(crate) use guard::{MAX_CHAIN, MAX_NESTING};
pub use not_yet::NotYet;
pub use prune::PruneError;
pub use resolve::ResolveError;

/// An error as the MySQL protocol carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MysqlError {
    /// Error code.
    pub code: u16,
    /// SQLSTATE.
    pub state: &'static str,
    /// Text.
    pub message: String,
}

/// Why a statement has no plan.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// The text was refused before parsing, or does not parse.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// A name means nothing or more than one thing.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A spatial restriction is wrong.
    #[error(transparent)]
    Prune(#[from] PruneError),
    /// Valid, but beyond what can be proven right so far.
    #[error(transparent)]
    NotYet(#[from] NotYet),
    /// The select list names a column that has no single value per group.
    #[error(
        "'{column}' isn't in GROUP BY; write it into GROUP BY, or ask for MIN({column}) or MAX({column})"
    )]
    NotGrouped {
        /// The column.
        column: String,
    },
    /// The plan does not hold what it promises: an error of the planner, which must not become a
    /// wrong answer.
    #[error("Orrery cannot prove that its answer would be MariaDB's: {reason}")]
    Unproven {
        /// What does not hold.
        reason: String,
    },
    /// The table has no published rows and its family is unknown: the catalog is incomplete.
    #[error("The catalog has no family for table {0}")]
    NoFamily(TableKey),
}

impl PlanError {
    /// Whether it only says that the chunks cannot compute the answer: one server that has the rows
    /// can, or gives its own error. Everything else is wrong or forbidden on any server.
    pub(crate) fn is_about_chunks(&self) -> bool {
        match self {
            Self::Resolve(error) => !matches!(
                error,
                ResolveError::NoDatabase
                    | ResolveError::NoTable { .. }
                    | ResolveError::NewerTable { .. }
            ),
            Self::Guard(error) => matches!(error, GuardError::Parse { .. }),
            Self::NotYet(_) | Self::NotGrouped { .. } | Self::Unproven { .. } => true,
            Self::Prune(_) | Self::NoFamily(_) => false,
        }
    }

    /// The error as clients see it.
    pub fn mysql(&self) -> MysqlError {
        let (code, state) = match self {
            Self::Guard(error) => error.code(),
            Self::Resolve(error) => error.code(),
            Self::Prune(_) => (1210, "HY000"),
            Self::NotYet(_) | Self::Unproven { .. } => (1235, "42000"),
            Self::NotGrouped { .. } => (1055, "42000"),
            Self::NoFamily(_) => (1105, "HY000"),
        };
        MysqlError {
            code,
            state,
            message: self.to_string(),
        }
    }
}

/// A refusal of `construct` that ends with `hint`.
pub(crate) fn refused(construct: impl Into<String>, hint: impl Into<String>) -> PlanError {
    NotYet::new(construct, hint).into()
}
