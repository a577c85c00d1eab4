//! What Orrery cannot plan, and what to write instead.

use thiserror::Error;

/// A construct Orrery cannot plan yet, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("This version of Orrery doesn't yet support '{construct}'; {hint}")]
pub struct NotYet {
    /// The construct, as users name it.
    pub construct: String,
    /// What to write instead.
    pub hint: String,
}

impl NotYet {
    /// A refusal of `construct` that ends with `hint`.
    pub fn new(construct: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            construct: construct.into(),
            hint: hint.into(),
        }
    }
}
