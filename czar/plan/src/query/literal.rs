//! What literals are worth.

/// The canonical text of an integer literal.
pub(crate) fn integer_literal(literal: &str) -> Option<String> {
    let digits = literal.strip_prefix('-').unwrap_or(literal);
    let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_integer {
        return None;
    }
    literal.parse::<i128>().ok().map(|value| value.to_string())
}
