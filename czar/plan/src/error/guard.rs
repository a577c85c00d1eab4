//! Refusals before parsing.

use thiserror::Error;

use super::not_yet::NotYet;
use crate::text::lex::LexError;

/// Deepest nesting of parentheses and CASE.
pub(crate) const MAX_NESTING: usize = 64;
/// Longest chain of operators outside commas and parentheses, such as `a OR b OR c`.
pub(crate) const MAX_CHAIN: usize = 1_000;

/// Why a text is not parsed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GuardError {
    /// It cannot be cut into tokens.
    #[error("You have an error in your SQL syntax; {0}")]
    Lex(#[from] LexError),
    /// More than one statement.
    #[error("You have an error in your SQL syntax; only one statement at a time is taken")]
    Several,
    /// Parentheses nest too deep.
    #[error(
        "The statement nests parentheses deeper than {MAX_NESTING} levels, at byte {at}; write it flatter"
    )]
    TooDeep {
        /// Byte position where it gets too deep.
        at: usize,
    },
    /// A chain of operators is too long.
    #[error(
        "An expression chains more than {MAX_CHAIN} operators, at byte {at}; write OR chains as IN (…)"
    )]
    TooLong {
        /// Byte position where it gets too long.
        at: usize,
    },
    /// Brackets do not match.
    #[error("You have an error in your SQL syntax; the parentheses do not match at byte {at}")]
    Unbalanced {
        /// Byte position.
        at: usize,
    },
    /// Known to be misread or refused by design.
    #[error(transparent)]
    NotYet(#[from] NotYet),
    /// A function that is never run.
    #[error("Function {name} is not available; {why}")]
    Forbidden {
        /// Its name.
        name: String,
        /// Reason.
        why: &'static str,
    },
    /// The parser does not know it. MariaDB may: its own syntax check comes first, on the shadow
    /// server.
    #[error("This version of Orrery doesn't yet support this statement: {message}")]
    Parse {
        /// The parser's message.
        message: String,
    },
}

impl GuardError {
    /// MySQL code and SQLSTATE.
    pub(crate) fn code(&self) -> (u16, &'static str) {
        match self {
            Self::Lex(_) | Self::Several | Self::Unbalanced { .. } => (1064, "42000"),
            Self::TooDeep { .. } | Self::TooLong { .. } => (1436, "HY000"),
            Self::Forbidden { .. } => (1227, "42000"),
            Self::NotYet(_) | Self::Parse { .. } => (1235, "42000"),
        }
    }
}
