//! Parameters of prepared statements: where they stand, and putting values in as literals.

use thiserror::Error;

use super::kinds::MAX_TOKENS;
use super::quoting::write_text;
use crate::text::lex::{self, Kind, LexError, Token};

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
    /// `2026-01-31`: a DATE.
    Date(String),
    /// `2026-01-31 12:00:00.5`: a DATETIME.
    DateTime(String),
    /// `-01:02:03`: a TIME.
    Time(String),
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
    /// What stands for a number of rows is none.
    #[error("the value of parameter {number}, which is in LIMIT, is not a number of rows")]
    NotALimit {
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
    let places = tokens
        .iter()
        .filter(|token| token.kind == Kind::Placeholder);
    Ok(places.map(|token| token.start).collect())
}

/// The statement with `values` in place of its parameters.
pub fn bind(sql: &str, values: &[Literal]) -> Result<String, BindError> {
    let tokens = lex::tokens(sql, MAX_TOKENS)?;
    let places: Vec<usize> = (0..tokens.len())
        .filter(|&at| {
            tokens
                .get(at)
                .is_some_and(|token| token.kind == Kind::Placeholder)
        })
        .collect();
    if places.len() != values.len() {
        return Err(BindError::Count {
            parameters: places.len(),
            values: values.len(),
        });
    }
    let mut bound = String::with_capacity(sql.len() + 16 * values.len());
    let mut copied = 0;
    for (number, (&at, value)) in (1..).zip(places.iter().zip(values)) {
        let place = tokens.get(at).map_or(sql.len(), |token| token.start);
        bound.push_str(sql.get(copied..place).unwrap_or_default());
        let rows = if is_limit(&tokens, at) {
            let rows = rows(value).ok_or(BindError::NotALimit { number })?;
            Some(Literal::Unsigned(rows))
        } else {
            None
        };
        write_apart(
            rows.as_ref().unwrap_or(value),
            number,
            &tokens,
            at,
            &mut bound,
        )?;
        copied = place + 1;
    }
    bound.push_str(sql.get(copied..).unwrap_or_default());
    Ok(bound)
}

/// Whether the token at `at` stands for a number of rows: after LIMIT or OFFSET, or second after
/// LIMIT.
fn is_limit(tokens: &[Token<'_>], at: usize) -> bool {
    let before = |steps: usize| at.checked_sub(steps).and_then(|place| tokens.get(place));
    let is = |steps: usize, word: &str| before(steps).is_some_and(|token| token.is_word(word));
    let second = before(1).is_some_and(|token| token.is_symbol(","));
    is(1, "LIMIT") || is(1, "OFFSET") || (second && is(3, "LIMIT"))
}

/// A number of rows, whatever type a driver bound it as. MariaDB takes the integer that the value
/// is.
fn rows(value: &Literal) -> Option<u64> {
    /// Up to here a DOUBLE has all integers.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Literal::Integer(rows) => u64::try_from(*rows).ok(),
        Literal::Unsigned(rows) => Some(*rows),
        Literal::Double(rows) if rows.fract() == 0.0 && (0.0..=EXACT).contains(rows) => {
            Some(*rows as u64)
        }
        Literal::Text(text) | Literal::Decimal(text) => {
            let text = text.trim();
            let whole = text.split_once('.').map_or(text, |(whole, fraction)| {
                if fraction.bytes().all(|digit| digit == b'0') {
                    whole
                } else {
                    text
                }
            });
            whole.parse().ok()
        }
        _ => None,
    }
}

/// Writes a literal in place of the token at `at`, so that it becomes one with none of those around
/// it: MariaDB joins strings that follow each other, and reads `5e1` and `5FROM` as one.
fn write_apart(
    value: &Literal,
    number: usize,
    tokens: &[Token<'_>],
    at: usize,
    sql: &mut String,
) -> Result<(), BindError> {
    let here = tokens.get(at);
    let before = at.checked_sub(1).and_then(|place| tokens.get(place));
    let after = tokens.get(at + 1);
    let touches = |one: Option<&Token<'_>>, other: Option<&Token<'_>>| {
        one.zip(other)
            .is_some_and(|(one, other)| one.end() == other.start)
    };
    let is_sign = |token: Option<&Token<'_>>| {
        token.is_some_and(|token| token.kind == Kind::Symbol && token.text != ".")
    };
    let is_string = |token: Option<&Token<'_>>| {
        token.is_some_and(|token| {
            matches!(token.kind, Kind::Text | Kind::Placeholder) || token.text.starts_with('_')
        })
    };
    if touches(before, here) && !is_sign(before) {
        sql.push(' ');
    }
    if matches!(value, Literal::Text(_)) && (is_string(before) || is_string(after)) {
        sql.push('(');
        write_literal(value, number, sql)?;
        sql.push(')');
    } else {
        write_literal(value, number, sql)?;
    }
    if touches(here, after) && !is_sign(after) {
        sql.push(' ');
    }
    Ok(())
}

/// Writes a literal. Numbers below zero get a space before their sign, so that `-?` does not become
/// a comment.
fn write_literal(value: &Literal, number: usize, sql: &mut String) -> Result<(), BindError> {
    match value {
        Literal::Null => sql.push_str("NULL"),
        Literal::Integer(value) => sql.push_str(&spaced(value.to_string())),
        Literal::Unsigned(value) => sql.push_str(&value.to_string()),
        Literal::Double(value) if value.is_finite() => sql.push_str(&spaced(format!("{value:e}"))),
        Literal::Double(_) => return Err(BindError::NotFinite { number }),
        Literal::Decimal(text) if is_decimal(text) => sql.push_str(&spaced(text.clone())),
        Literal::Decimal(_) => return Err(BindError::NotDecimal { number }),
        Literal::Text(text) => write_text(text, sql),
        Literal::Date(text) => write_typed("DATE", text, sql),
        Literal::DateTime(text) => write_typed("TIMESTAMP", text, sql),
        Literal::Time(text) => write_typed("TIME", text, sql),
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

/// A literal with its type, as the value had in the protocol: `'2024-02-29' + 0` is 2024,
/// `DATE'2024-02-29' + 0` is 20240229.
fn write_typed(name: &str, text: &str, sql: &mut String) {
    sql.push_str(name);
    write_text(text, sql);
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
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
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
    fn a_value_becomes_one_with_nothing_around_it() {
        let text = || Literal::Text("v".into());
        let text_of_5 = || Literal::Text("5".into());
        for (sql, value, bound) in [
            ("SELECT ?e1", Literal::Integer(5), "SELECT 5 e1"),
            ("SELECT ?FROM t", Literal::Integer(5), "SELECT 5 FROM t"),
            ("SELECT 1?", Literal::Integer(5), "SELECT 1 5"),
            ("SELECT a?", Literal::Null, "SELECT a NULL"),
            ("SELECT .?", Literal::Integer(5), "SELECT . 5"),
            ("SELECT x?", text(), "SELECT x 'v'"),
            ("SELECT ?`a`", text(), "SELECT 'v' `a`"),
            ("SELECT ? 'x'", text(), "SELECT ('v') 'x'"),
            ("SELECT ?'x'", text(), "SELECT ('v') 'x'"),
            ("SELECT _latin1?", text(), "SELECT _latin1 ('v')"),
            ("SELECT 1+?*(2)", Literal::Integer(5), "SELECT 1+5*(2)"),
            (
                "SELECT 1 LIMIT ?FOR UPDATE",
                text_of_5(),
                "SELECT 1 LIMIT 5 FOR UPDATE",
            ),
        ] {
            assert_eq!(bind(sql, &[value]).unwrap(), bound, "{sql}");
        }
    }

    #[test]
    fn dates_and_times_keep_their_types() {
        let values = [
            Literal::Date("2024-02-29".into()),
            Literal::DateTime("2024-02-29 01:02:03.5".into()),
            Literal::Time("-26:03:04".into()),
        ];
        assert_eq!(
            bind("SELECT ?, ?, ?", &values).unwrap(),
            "SELECT DATE'2024-02-29', TIMESTAMP'2024-02-29 01:02:03.5', TIME'-26:03:04'"
        );
    }

    #[test]
    fn a_number_of_rows_is_an_integer_whatever_it_was_bound_as() {
        let sql = "SELECT a FROM t WHERE b = ? LIMIT ?, ?";
        for (value, shown) in [
            (Literal::Double(7.0), "7e0"),
            (Literal::Text("7".into()), "'7'"),
            (Literal::Decimal("7.00".into()), "7.00"),
            (Literal::Unsigned(7), "7"),
        ] {
            let bound = bind(sql, &[value.clone(), value.clone(), value]).unwrap();
            assert_eq!(
                bound,
                format!("SELECT a FROM t WHERE b = {shown} LIMIT 7, 7")
            );
        }
        assert_eq!(
            bind(
                "SELECT a FROM t LIMIT ? OFFSET ?",
                &[Literal::Integer(5), Literal::Text("2".into())]
            )
            .unwrap(),
            "SELECT a FROM t LIMIT 5 OFFSET 2"
        );
        for value in [
            Literal::Null,
            Literal::Integer(-1),
            Literal::Double(7.5),
            Literal::Double(1e300),
            Literal::Text("7; DROP".into()),
            Literal::Text(String::new()),
        ] {
            let error = bind("SELECT a FROM t LIMIT ?", &[value]);
            assert_eq!(error, Err(BindError::NotALimit { number: 1 }));
        }
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
