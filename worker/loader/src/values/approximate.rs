//! FLOAT and DOUBLE.

use orrery_archive::ingest::NotFinite;

use super::field::{BadValue, shown, signed, trimmed};

/// A FLOAT or DOUBLE column.
#[derive(Debug)]
pub struct Approximate {
    /// Largest magnitude.
    most: f64,
    /// Digits after the point of FLOAT(m,d) and DOUBLE(m,d).
    decimals: Option<u32>,
    unsigned: bool,
    not_finite: NotFinite,
    width: Width,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Float,
    Double,
}

impl Width {
    fn name(self) -> &'static str {
        match self {
            Self::Float => "FLOAT",
            Self::Double => "DOUBLE",
        }
    }

    /// Largest magnitude.
    fn range(self) -> f64 {
        match self {
            Self::Float => f64::from(f32::MAX),
            Self::Double => f64::MAX,
        }
    }
}

impl Approximate {
    /// A FLOAT column.
    pub fn float(digits: Option<(u32, u32)>, unsigned: bool, not_finite: NotFinite) -> Self {
        Self::new(Width::Float, digits, unsigned, not_finite)
    }

    /// A DOUBLE column.
    pub fn double(digits: Option<(u32, u32)>, unsigned: bool, not_finite: NotFinite) -> Self {
        Self::new(Width::Double, digits, unsigned, not_finite)
    }

    fn new(
        width: Width,
        digits: Option<(u32, u32)>,
        unsigned: bool,
        not_finite: NotFinite,
    ) -> Self {
        let most = digits.map_or(width.range(), |(m, d)| {
            let whole = 10_f64.powi((m - d) as i32);
            width.range().min(whole - 10_f64.powi(-(d as i32)))
        });
        Self {
            most,
            decimals: digits.map(|(_, d)| d),
            unsigned,
            not_finite,
            width,
        }
    }

    /// Whether it holds any number of 32 bits; one with fixed decimals rounds 64 bits to them first.
    pub fn takes_singles(&self) -> bool {
        self.width == Width::Float && self.decimals.is_none()
    }

    /// Whether `field` is a number that is not finite, and such numbers are NULL.
    pub fn is_null(&self, field: &[u8]) -> bool {
        self.not_finite == NotFinite::Null && names_not_finite(field)
    }

    /// Checks `field` and writes it as it is, without blanks: MariaDB and Rust read decimal text to
    /// the same nearest value.
    pub fn check(&self, field: &[u8], row: &mut Vec<u8>) -> Result<(), BadValue> {
        let text = trimmed(field);
        if text.is_empty() {
            return Err(BadValue("an empty field is not a number".into()));
        }
        let value = parse(text).ok_or_else(|| not_a_number(field))?;
        // Infinity is above every range, but what rounds it makes NaN of it.
        if value.is_infinite() || self.rounded(value).abs() > self.most {
            return Err(BadValue(format!(
                "{} is outside {}",
                shown(field),
                self.width.name()
            )));
        }
        if self.unsigned && value < 0.0 {
            return Err(BadValue(format!(
                "{} is negative in an UNSIGNED column",
                shown(field)
            )));
        }
        row.extend_from_slice(text);
        Ok(())
    }

    /// The value as a column with fixed decimals rounds it before it looks at the range.
    fn rounded(&self, value: f64) -> f64 {
        self.decimals.map_or(value, |decimals| {
            let scale = 10_f64.powi(decimals as i32);
            let whole = value.floor();
            whole + ((value - whole) * scale).round_ties_even() / scale
        })
    }
}

fn names_not_finite(field: &[u8]) -> bool {
    let (_, word) = signed(trimmed(field));
    ["nan", "inf", "infinity"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

fn not_a_number(field: &[u8]) -> BadValue {
    if names_not_finite(field) {
        BadValue(format!(
            "{} cannot be stored: columns hold finite numbers or NULL; dialect.notFinite: null stores NULL",
            shown(field)
        ))
    } else {
        BadValue(format!("{} is not a number", shown(field)))
    }
}

/// The number a decimal text stands for, infinite when it is out of range; `None` when it is no
/// number.
pub fn parse(text: &[u8]) -> Option<f64> {
    let well_formed = text
        .iter()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    // Rust takes the words `nan` and `inf` too, MariaDB does not; of the other bytes both take the
    // same language.
    if !well_formed {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}
