//! What is wrong with a document.

use crate::FormatError;

/// The document breaks the rules.
pub fn broken(what: &str) -> FormatError {
    FormatError::Broken(format!("is no sound VOTable: {what}"))
}
