//! TINYINT … BIGINT.

use orrery_archive::sql_type::IntegerWidth;

use super::decimal;
use super::field::{BadValue, shown, signed, trimmed};

/// An integer column.
#[derive(Debug)]
pub struct Integer {
    least: i128,
    most: i128,
    /// Whether words stand for 1 and 0.
    booleans: bool,
}

impl Integer {
    /// A column of this width.
    pub fn new(width: IntegerWidth, unsigned: bool, booleans: bool) -> Self {
        let (least, most) = width.range(unsigned);
        Self {
            least,
            most,
            booleans,
        }
    }

    /// Checks `field` and writes the number without blanks, plus or leading zeros.
    pub fn check(&self, field: &[u8], row: &mut Vec<u8>) -> Result<(), BadValue> {
        if let Some(digit) = self.booleans.then(|| boolean(field)).flatten() {
            row.push(digit);
            return Ok(());
        }
        let Some((negative, digits)) = parse(field)? else {
            // `1.0` and `1e3` are integers, written another way.
            return match decimal::integer(trimmed(field)) {
                Some(digits) => self.check(&digits, row),
                None => Err(BadValue(format!("{} is not an integer", shown(field)))),
            };
        };
        let magnitude = magnitude(digits);
        let value = if negative { -magnitude } else { magnitude };
        if !(self.least..=self.most).contains(&value) || (negative && self.least == 0) {
            return Err(BadValue(format!(
                "{} is outside {} to {}",
                shown(field),
                self.least,
                self.most
            )));
        }
        if value < 0 {
            row.push(b'-');
        }
        row.extend_from_slice(digits);
        Ok(())
    }
}

/// The digit a word for true or false stands for.
fn boolean(field: &[u8]) -> Option<u8> {
    let is = |words: [&str; 4]| {
        words
            .iter()
            .any(|word| field.eq_ignore_ascii_case(word.as_bytes()))
    };
    if is(["true", "t", "yes", "y"]) {
        Some(b'1')
    } else if is(["false", "f", "no", "n"]) {
        Some(b'0')
    } else {
        None
    }
}

/// Sign, and digits without leading zeros but for a lone one; `None` when there is more than
/// digits.
fn parse(field: &[u8]) -> Result<Option<(bool, &[u8])>, BadValue> {
    let text = trimmed(field);
    let (negative, digits) = signed(text);
    if text.is_empty() {
        return Err(BadValue("an empty field is not an integer".into()));
    }
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Ok(None);
    }
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let first = zeros.min(digits.len() - 1);
    Ok(Some((negative, digits.get(first..).unwrap_or(digits))))
}

/// The number, or one above every column's range when there are too many digits.
fn magnitude(digits: &[u8]) -> i128 {
    if digits.len() > 20 {
        return i128::MAX;
    }
    if digits.len() < 19 {
        let small = digits
            .iter()
            .fold(0_i64, |value, digit| value * 10 + i64::from(digit - b'0'));
        return i128::from(small);
    }
    digits
        .iter()
        .fold(0, |value, digit| value * 10 + i128::from(digit - b'0'))
}
