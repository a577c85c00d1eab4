//! What the checkers of all types share: a field's text, and what is wrong with it.

use thiserror::Error;

/// Why a field does not fit its column.
#[derive(Debug, Error, PartialEq, Eq, Clone)]
#[error("{0}")]
pub struct BadValue(pub String);

/// `field` without the blanks MariaDB skips before numbers and dates; blanks after them it refuses
/// in a binary LOAD.
pub(super) fn trimmed(field: &[u8]) -> &[u8] {
    let blanks = field.iter().take_while(|byte| **byte == b' ').count();
    field.get(blanks..).unwrap_or_default()
}

/// Whether a number's text has a minus, and the text after its sign.
pub(super) fn signed(text: &[u8]) -> (bool, &[u8]) {
    match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    }
}

/// The field as reasons show it: at most 64 characters, unprintable ones escaped.
pub fn shown(field: &[u8]) -> String {
    const MOST: usize = 64;
    let text = String::from_utf8_lossy(field.get(..4 * MOST).unwrap_or(field));
    let mut shown: String = text
        .chars()
        .take(MOST)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(MOST).is_some() || field.len() > 4 * MOST {
        shown.push('…');
    }
    format!("`{shown}`")
}
