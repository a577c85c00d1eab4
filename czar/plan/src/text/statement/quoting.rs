//! Quotes: what stands inside them, and values written with them.

use crate::text::lex::{Kind, Token};

/// The first characters of a text, for messages; as many as MariaDB shows.
pub(crate) fn start_of(text: &str) -> String {
    text.chars().take(80).collect()
}

/// A name without its quotes.
pub(crate) fn unquoted(token: &Token<'_>) -> String {
    match token.kind {
        Kind::QuotedName => inside(token.text).replace("``", "`"),
        _ => token.text.to_owned(),
    }
}

/// What stands between the first and the last byte.
pub(crate) fn inside(text: &str) -> &str {
    text.get(1..text.len().saturating_sub(1))
        .unwrap_or_default()
}

/// The value of a string literal, by MariaDB's escapes.
pub(crate) fn unescaped(literal: &str) -> String {
    let quote = literal.chars().next().unwrap_or('\'');
    let mut value = String::with_capacity(literal.len());
    let mut characters = inside(literal).chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some('r') => value.push('\r'),
                Some('0') => value.push('\0'),
                Some('b') => value.push('\x08'),
                Some('Z') => value.push('\x1a'),
                // In these two the backslash stays, for LIKE.
                Some(wildcard @ ('%' | '_')) => value.extend(['\\', wildcard]),
                Some(other) => value.push(other),
                None => {}
            },
            _ if character == quote => {
                characters.next();
                value.push(quote);
            }
            other => value.push(other),
        }
    }
    value
}

/// Writes a quoted string that reads back as `text`; a backslash always escapes, because
/// NO_BACKSLASH_ESCAPES is never on.
pub(crate) fn write_text(text: &str, sql: &mut String) {
    sql.push('\'');
    for character in text.chars() {
        match character {
            '\'' => sql.push_str("\\'"),
            '\\' => sql.push_str("\\\\"),
            '\0' => sql.push_str("\\0"),
            '\n' => sql.push_str("\\n"),
            '\r' => sql.push_str("\\r"),
            '\x1a' => sql.push_str("\\Z"),
            other => sql.push(other),
        }
    }
    sql.push('\'');
}
