//! What SHOW WARNINGS tells.

use orrery_wire::ServerError;

/// A warning or error of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// `Error`, `Warning` or `Note`.
    pub level: String,
    /// Number.
    pub code: u16,
    /// Text.
    pub message: String,
}

impl From<&ServerError> for Diagnostic {
    fn from(error: &ServerError) -> Self {
        Self {
            level: "Error".to_owned(),
            code: error.code,
            message: error.message.clone(),
        }
    }
}

/// Warnings and errors of a statement: how many there are, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    listed: Vec<Diagnostic>,
    count: u16,
}

impl Diagnostics {
    /// How many are listed: MariaDB's `max_error_count`.
    pub const MOST: usize = 64;

    /// Of a statement that raised so many, these first.
    pub fn new(listed: Vec<Diagnostic>, count: u16) -> Self {
        Self { listed, count }
    }

    /// Of a statement that failed.
    pub fn of_error(error: &ServerError) -> Self {
        Self::new(vec![Diagnostic::from(error)], 1)
    }

    /// The first of them.
    pub fn listed(&self) -> &[Diagnostic] {
        &self.listed
    }

    /// How many there are.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// How many of them are errors.
    pub fn errors(&self) -> usize {
        let is_error = |one: &&Diagnostic| one.level == "Error";
        self.listed.iter().filter(is_error).count()
    }
}
