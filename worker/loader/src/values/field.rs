//! What the checkers of all types share: a field's text, and how it is written.

use thiserror::Error;

/// Why a field does not fit its column.
#[derive(Debug, Error, PartialEq, Eq, Clone)]
#[error("{0}")]
pub struct BadValue(pub String);

/// NULL as `LOAD DATA` takes it.
pub const NULL: &[u8] = b"\\N";

/// Appends `value` with the bytes escaped that mean something to `LOAD DATA`.
pub fn escape(value: &[u8], row: &mut Vec<u8>) {
    let mut rest = value;
    while let Some(at) = memchr::memchr3(b'\\', b'\t', b'\n', rest) {
        let (before, tail) = rest.split_at(at);
        row.extend_from_slice(before);
        row.push(b'\\');
        row.extend_from_slice(match tail.first() {
            Some(b'\t') => b"t",
            Some(b'\n') => b"n",
            _ => b"\\",
        });
        rest = tail.get(1..).unwrap_or_default();
    }
    row.extend_from_slice(rest);
}

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
