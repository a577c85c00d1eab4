//! Names and values in SQL text.

use crate::error::{AgentError, Result};

/// Longest name MariaDB takes.
const MAX_NAME: usize = 64;

/// Accepts names of physical databases and tables: letters, digits and `_`. They also name files,
/// so nothing else may pass.
pub fn check_name(name: &str) -> Result<&str> {
    let fits = !name.is_empty()
        && name.len() <= MAX_NAME
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if fits {
        Ok(name)
    } else {
        Err(AgentError::BadRequest(format!(
            "{name:?} is not the name of a physical database or table"
        )))
    }
}

/// A quoted identifier.
pub fn ident(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A quoted `database`.`table`.
pub fn qualified(database: &str, table: &str) -> String {
    format!("{}.{}", ident(database), ident(table))
}

/// A quoted string, for sessions whose `sql_mode` keeps backslash escapes.
pub fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for char in text.chars() {
        match char {
            '\'' => quoted.push_str("''"),
            '\\' => quoted.push_str("\\\\"),
            '\0' => quoted.push_str("\\0"),
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

/// A statement with text in it that users declared, as MariaDB runs it when it is one statement and
/// refuses it when there are several, which the client's protocol would allow.
pub fn single(statement: &str) -> String {
    format!("EXECUTE IMMEDIATE {}", literal(statement))
}

/// A database name where GRANT takes a pattern.
pub fn grant_pattern(database: &str) -> String {
    ident(
        &database
            .replace('\\', "\\\\")
            .replace('_', "\\_")
            .replace('%', "\\%"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_keeps_text_inside_its_quotes() {
        assert_eq!(ident("a`b"), "`a``b`");
        assert_eq!(literal(r"a'b\c"), r"'a''b\\c'");
        assert_eq!(grant_pattern("sky__7"), r"`sky\_\_7`");
    }

    #[test]
    fn names_that_could_leave_a_directory_are_refused() {
        assert!(check_name("Object_6630__12").is_ok());
        for bad in ["", "..", "a/b", "a b", "a`b", "å", &"x".repeat(65)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
