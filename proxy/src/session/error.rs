//! Why a SET is refused.

use orrery_wire::{ServerError, errors};
use thiserror::Error;

/// Why a SET is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SetError {
    /// The variable does not take this value.
    #[error("Variable '{variable}' can't be set to the value of '{value}'")]
    Value {
        /// The variable.
        variable: String,
        /// The value.
        value: String,
    },
    /// The value is more than a literal.
    #[error(
        "This version of Orrery doesn't yet support the expression '{text}' in SET; write the value itself"
    )]
    Expression {
        /// The expression.
        text: String,
    },
    /// No time zone known on every server.
    #[error(
        "Unknown or incorrect time zone: '{0}'; write SYSTEM, an offset such as '+02:00', or a name such as Europe/Berlin"
    )]
    TimeZone(String),
    /// No such character set, or none that can be spoken here.
    #[error("Unknown character set: '{0}'; write utf8mb4, utf8mb3, latin1, ascii or binary")]
    Charset(String),
    /// No such collation.
    #[error("Unknown collation: '{0}'")]
    Collation(String),
    /// The collation belongs to another character set.
    #[error("COLLATION '{collation}' is not valid for CHARACTER SET '{charset}'")]
    Mismatch {
        /// The collation.
        collation: String,
        /// The character set.
        charset: String,
    },
    /// Something that would change answers and cannot be honoured.
    #[error("This version of Orrery doesn't yet support '{what}'; {why}")]
    NotHere {
        /// What was set.
        what: String,
        /// Why not.
        why: String,
    },
    /// A variable of the server, not of the session.
    #[error(
        "Access denied; you need (at least one of) the SUPER privilege(s) for this operation: global settings belong to the \
         WorkerPool object"
    )]
    Global,
}

impl From<&SetError> for ServerError {
    fn from(error: &SetError) -> Self {
        let kind = match error {
            SetError::Value { .. } => errors::WRONG_VALUE,
            SetError::Expression { .. } | SetError::NotHere { .. } => errors::NOT_SUPPORTED,
            SetError::TimeZone(_) => errors::UNKNOWN_TIME_ZONE,
            SetError::Charset(_) => errors::UNKNOWN_CHARACTER_SET,
            SetError::Collation(_) => errors::UNKNOWN_COLLATION,
            SetError::Mismatch { .. } => errors::COLLATION_MISMATCH,
            SetError::Global => errors::PRIVILEGE_MISSING,
        };
        kind.error(error.to_string())
    }
}
