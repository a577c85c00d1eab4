//! What literals are worth.

/// What a literal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// NULL.
    Null,
    /// TRUE or FALSE.
    Truth,
    /// An integer or a DECIMAL with so many digits before and after the point.
    Exact { whole: u32, fraction: u32 },
    /// A number with an exponent.
    Double,
    /// `0x4D`, `X'4D'`, `b'101'`.
    Bits,
    /// `DATE '…'`, `TIME '…'`, `TIMESTAMP '…'`, with so many fraction digits.
    Temporal { fraction: u32 },
    /// A string.
    Text,
}

impl Kind {
    /// Of a literal's text.
    pub(crate) fn of(text: &str) -> Self {
        let head = |word: &str| {
            text.get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        let unsigned = text.trim_start_matches('-');
        if unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
            return Self::of_number(unsigned);
        }
        match text {
            "NULL" => Self::Null,
            "TRUE" | "FALSE" => Self::Truth,
            _ if head("X'") || head("B'") => Self::Bits,
            _ if head("DATE ") || head("TIME ") || head("TIMESTAMP ") => Self::Temporal {
                fraction: fraction_digits(text.trim_end_matches(['\'', '"'])),
            },
            _ => Self::Text,
        }
    }

    fn of_number(text: &str) -> Self {
        if text.starts_with("0x") || text.starts_with("0b") {
            return Self::Bits;
        }
        if text.contains(['e', 'E']) {
            return Self::Double;
        }
        let fraction = fraction_digits(text);
        let whole = text.split('.').next().map_or(0, str::len);
        Self::Exact {
            whole: count(whole),
            fraction,
        }
    }
}

/// Characters after the last point.
fn fraction_digits(text: &str) -> u32 {
    text.rsplit_once('.')
        .map_or(0, |(_, fraction)| count(fraction.len()))
}

fn count(digits: usize) -> u32 {
    u32::try_from(digits).unwrap_or(u32::MAX)
}

/// The canonical text of an integer literal.
pub(crate) fn integer(literal: &str) -> Option<String> {
    let digits = literal.strip_prefix('-').unwrap_or(literal);
    let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_integer {
        return None;
    }
    literal.parse::<i128>().ok().map(|value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_told_by_their_text() {
        for (text, kind) in [
            ("NULL", Kind::Null),
            ("TRUE", Kind::Truth),
            (
                "007",
                Kind::Exact {
                    whole: 3,
                    fraction: 0,
                },
            ),
            (
                "-1.50",
                Kind::Exact {
                    whole: 1,
                    fraction: 2,
                },
            ),
            (
                ".5",
                Kind::Exact {
                    whole: 0,
                    fraction: 1,
                },
            ),
            ("1e3", Kind::Double),
            ("-1.5E-3", Kind::Double),
            ("0x4D", Kind::Bits),
            ("X'4D'", Kind::Bits),
            ("b'101'", Kind::Bits),
            ("DATE '2026-01-31'", Kind::Temporal { fraction: 0 }),
            (
                "TIMESTAMP '2026-01-31 01:02:03.250'",
                Kind::Temporal { fraction: 3 },
            ),
            ("'1.5'", Kind::Text),
            ("_utf8mb4 'NULL'", Kind::Text),
            ("N'x'", Kind::Text),
        ] {
            assert_eq!(Kind::of(text), kind, "{text}");
        }
    }
}
