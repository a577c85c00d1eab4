//! Parameters of prepared statements: where they stand, and putting values in as literals.

use thiserror::Error;

use super::kinds::MAX_TOKENS;
use super::quoting::write_text;
use crate::text::lex::{self, Kind, LexError};

/// A value for a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// NULL.
    Null,
    /// A signed integer.
    Integer(i64),
    /// An unsigned integer.
    Unsigned(u64),
    /// A floating point number. NaN and infinities have no literal.
    Double(f64),
    /// A DECIMAL, as text.
    Decimal(String),
    /// Text in the connection's character set.
    Text(String),
    /// Bytes without a character set.
    Bytes(Vec<u8>),
    /// Date or time text, for example `2026-01-31 12:00:00.5`.
    Temporal(String),
}

/// Why values cannot be put into a statement.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BindError {
    /// The statement cannot be cut into tokens.
    #[error(transparent)]
    Lex(#[from] LexError),
    /// More or fewer values than parameters.
    #[error("the statement has {parameters} parameters, but {values} values were given")]
    Count {
        /// Parameters of the statement.
        parameters: usize,
        /// Values given.
        values: usize,
    },
    /// A number that SQL cannot write.
    #[error("the value of parameter {number} is not a finite number")]
    NotFinite {
        /// Number of the parameter, from 1.
        number: usize,
    },
    /// A DECIMAL that is no number.
    #[error("the value of parameter {number} is not a decimal number")]
    NotDecimal {
        /// Number of the parameter, from 1.
        number: usize,
    },
}

/// Byte positions of the `?` that are parameters: outside strings, quoted names and comments.
pub fn parameters(sql: &str) -> Result<Vec<usize>, LexError> {
    let tokens = lex::tokens(sql, MAX_TOKENS)?;
    let places = tokens.iter().filter(|token| token.kind == Kind::Placeholder);
    Ok(places.map(|token| token.start).collect())
}

/// The statement with `values` in place of its parameters.
pub fn bind(sql: &str, values: &[Literal]) -> Result<String, BindError> {
    let places = parameters(sql)?;
    if places.len() != values.len() {
        return Err(BindError::Count {
            parameters: places.len(),
            values: values.len(),
        });
    }
    let mut bound = String::with_capacity(sql.len() + 16 * values.len());
    let mut copied = 0;
    for (number, (&place, value)) in places.iter().zip(values).enumerate() {
        bound.push_str(sql.get(copied..place).unwrap_or_default());
        write_literal(value, number + 1, &mut bound)?;
        copied = place + 1;
    }
    bound.push_str(sql.get(copied..).unwrap_or_default());
    Ok(bound)
}

/// Writes a literal. Numbers below zero get a space before their sign, so that `-?` does not become a comment.
fn write_literal(value: &Literal, number: usize, sql: &mut String) -> Result<(), BindError> {
    match value {
        Literal::Null => sql.push_str("NULL"),
        Literal::Integer(value) => sql.push_str(&spaced(value.to_string())),
        Literal::Unsigned(value) => sql.push_str(&value.to_string()),
        Literal::Double(value) if value.is_finite() => sql.push_str(&spaced(format!("{value:e}"))),
        Literal::Double(_) => return Err(BindError::NotFinite { number }),
        Literal::Decimal(text) if is_decimal(text) => sql.push_str(&spaced(text.clone())),
        Literal::Decimal(_) => return Err(BindError::NotDecimal { number }),
        Literal::Text(text) | Literal::Temporal(text) => write_text(text, sql),
        Literal::Bytes(bytes) => {
            sql.push_str("X'");
            for byte in bytes {
                sql.push_str(&format!("{byte:02X}"));
            }
            sql.push('\'');
        }
    }
    Ok(())
}

fn spaced(number: String) -> String {
    if number.starts_with('-') {
        format!(" {number}")
    } else {
        number
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let points = digits.bytes().filter(|&byte| byte == b'.').count();
    points <= 1
        && digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_outside_quotes_and_comments_alone() {
        let sql = "SELECT '?', \"?\", `?`, ? /* ? */ FROM t -- ?\n WHERE a = ?";
        let places = parameters(sql).unwrap();
        assert_eq!(places, [22, sql.len() - 1]);
    }

    #[test]
    fn values_become_literals_that_cannot_break_out() {
        let values = [
            Literal::Text("it's \\ ?\n".into()),
            Literal::Integer(-5),
            Literal::Bytes(vec![0, 255]),
            Literal::Null,
            Literal::Double(0.1),
            Literal::Decimal("-1.50".into()),
        ];
        assert_eq!(
            bind("SELECT ?, -?, ?, ?, ?, ?", &values).unwrap(),
            r"SELECT 'it\'s \\ ?\n', - -5, X'00FF', NULL, 1e-1,  -1.50"
        );
    }

    #[test]
    fn wrong_numbers_of_values_and_bad_numbers_are_refused() {
        assert_eq!(
            bind("?", &[]),
            Err(BindError::Count {
                parameters: 1,
                values: 0
            })
        );
        assert_eq!(
            bind("?", &[Literal::Double(f64::NAN)]),
            Err(BindError::NotFinite { number: 1 })
        );
        assert_eq!(
            bind("?", &[Literal::Decimal("1;DROP".into())]),
            Err(BindError::NotDecimal { number: 1 })
        );
    }
}
