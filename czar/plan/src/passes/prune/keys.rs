//! Literals as keys of a director index.

use orrery_archive::sql_type::SqlType;

use crate::query::expr::ColumnId;
use crate::query::literal;
use crate::query::scope::Scope;
use crate::text::statement::quoting::unescaped;

/// How a key column compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// As a number.
    Integer,
    /// Byte for byte.
    Text,
}

impl KeyKind {
    /// Of a column; `None` when literals cannot be converted to keys exactly.
    pub(super) fn of(column: ColumnId, scope: &Scope<'_>) -> Option<Self> {
        match scope.type_of(column)? {
            SqlType::Integer { .. } => Some(Self::Integer),
            SqlType::VarBinary(_) => Some(Self::Text),
            SqlType::VarChar(_) => {
                let declared = scope.table_of(column)?.declared().get(column.column)?;
                declared
                    .collation
                    .as_deref()
                    .is_some_and(|name| name.ends_with("_nopad_bin"))
                    .then_some(Self::Text)
            }
            _ => None,
        }
    }

    /// The key that equals a literal.
    pub(super) fn equal_to(self, literal: &str) -> KeyOf {
        let kind = literal::Kind::of(literal);
        match (self, kind) {
            (_, literal::Kind::Null) => KeyOf::None,
            (Self::Integer, _) => integer_equal_to(literal, kind),
            // Beyond ASCII the connection's character set would matter.
            (Self::Text, literal::Kind::Text)
                if literal.starts_with(['\'', '"']) && literal.is_ascii() =>
            {
                KeyOf::One(unescaped(literal))
            }
            (Self::Text, _) => KeyOf::Unknown,
        }
    }
}

/// The key that equals a literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeyOf {
    /// This one, as the index has it.
    One(String),
    /// None does.
    None,
    /// The literal does not convert exactly.
    Unknown,
}

/// Integers below this are told apart when they are compared as DOUBLE.
const EXACT_DOUBLES: f64 = 9_007_199_254_740_992.0;

/// The integer that equals a literal: an integer or a DECIMAL is compared exactly, a DOUBLE and a
/// string as DOUBLE.
fn integer_equal_to(literal: &str, kind: literal::Kind) -> KeyOf {
    let known = |text: Option<String>| text.map_or(KeyOf::Unknown, KeyOf::One);
    match kind {
        literal::Kind::Exact { .. } => match literal.split_once('.') {
            Some((_, fraction)) if fraction.bytes().any(|digit| digit != b'0') => KeyOf::None,
            Some((whole, _)) => known(literal::integer(whole)),
            None => known(literal::integer(literal)),
        },
        literal::Kind::Double => literal
            .parse()
            .map_or(KeyOf::Unknown, integer_equal_to_double),
        literal::Kind::Text if literal.starts_with(['\'', '"']) => {
            let digits = literal::integer(&unescaped(literal));
            let is_exact = |text: &String| {
                text.parse::<f64>()
                    .is_ok_and(|number| number.abs() < EXACT_DOUBLES)
            };
            known(digits.filter(is_exact))
        }
        _ => KeyOf::Unknown,
    }
}

fn integer_equal_to_double(number: f64) -> KeyOf {
    if !number.is_finite() || number.abs() >= EXACT_DOUBLES {
        KeyOf::Unknown
    } else if number.fract() != 0.0 {
        KeyOf::None
    } else {
        // A whole DOUBLE prints as an integer, -0 with its sign unless 0 is added.
        KeyOf::One(format!("{}", number + 0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_that_equal_one_integer_are_keys() {
        let key = |literal: &str| KeyKind::Integer.equal_to(literal);
        for (literal, integer) in [
            ("5", "5"),
            ("-007", "-7"),
            ("18446744073709551615", "18446744073709551615"),
            ("5.0", "5"),
            ("5.", "5"),
            ("-12.000", "-12"),
            ("1.23e2", "123"),
            ("-0e0", "0"),
            ("9007199254740991e0", "9007199254740991"),
            ("'5'", "5"),
            ("\"-6\"", "-6"),
            ("'9007199254740991'", "9007199254740991"),
        ] {
            assert_eq!(key(literal), KeyOf::One(integer.into()), "{literal}");
        }
        for literal in ["NULL", "5.5", "-0.001", "1.5e0", "1e-3"] {
            assert_eq!(key(literal), KeyOf::None, "{literal}");
        }
        for literal in [
            "9007199254740992e0",
            "1e300",
            "1e999",
            "'9007199254740992'",
            "'5.0'",
            "' 5'",
            "'5x'",
            "''",
            "0x05",
            "X'05'",
            "N'5'",
            "TRUE",
            "DATE '2026-01-31'",
        ] {
            assert_eq!(key(literal), KeyOf::Unknown, "{literal}");
        }
    }

    #[test]
    fn text_keys_equal_plain_strings_alone() {
        let key = |literal: &str| KeyKind::Text.equal_to(literal);
        assert_eq!(key("'a\\'b'"), KeyOf::One("a'b".into()));
        assert_eq!(key("NULL"), KeyOf::None);
        for literal in ["5", "'ä'", "N'a'", "_latin1 'a'", "0x61"] {
            assert_eq!(key(literal), KeyOf::Unknown, "{literal}");
        }
    }
}
