//! DECIMAL(precision, scale).
//!
//! Digits beyond the scale are rounded half away from zero, as MariaDB does with a note; digits
//! beyond the precision are refused.

use super::field::{BadValue, shown, signed, trimmed};

/// Most digits a field may have; MariaDB's own buffer ends at 81, beyond which it cuts instead of
/// rounding.
const MOST_DIGITS: usize = 81;
/// Largest exponent taken; every value beyond it is out of range or zero in any DECIMAL.
const MOST_EXPONENT: i32 = 200;

/// A DECIMAL column.
#[derive(Debug)]
pub struct Decimal {
    /// Digits in all.
    pub precision: usize,
    /// Digits after the point.
    pub scale: usize,
    /// No negative values.
    pub unsigned: bool,
}

/// A number: 0.d₁d₂d₃… × 10^point, with a sign.
struct Number {
    negative: bool,
    digits: Vec<u8>,
    point: i32,
}

impl Decimal {
    /// Checks `field` and writes the value as it is stored.
    pub fn check(&self, field: &[u8], row: &mut Vec<u8>) -> Result<(), BadValue> {
        let text = trimmed(field);
        if text.is_empty() {
            return Err(BadValue("an empty field is not a number".into()));
        }
        let mut number = parse(text)
            .ok_or_else(|| BadValue(format!("{} is not a decimal number", shown(field))))?;
        if number.digits.len() > MOST_DIGITS || number.point.abs() > MOST_EXPONENT {
            return Err(BadValue(format!(
                "{} has more digits than a DECIMAL can have",
                shown(field)
            )));
        }
        // MariaDB looks at the sign before it rounds: -0.0004 does not become 0 here.
        if number.negative && self.unsigned && number.digits.iter().any(|digit| *digit != b'0') {
            return Err(BadValue(format!(
                "{} is negative in an UNSIGNED column",
                shown(field)
            )));
        }
        number.round(self.scale);
        if number.point > (self.precision - self.scale) as i32 {
            return Err(BadValue(format!(
                "{} is outside DECIMAL({},{})",
                shown(field),
                self.precision,
                self.scale
            )));
        }
        number.write(row);
        Ok(())
    }
}

impl Number {
    /// Keeps `scale` digits after the point.
    fn round(&mut self, scale: usize) {
        let keep = self.point + scale as i32;
        if keep < 0 {
            self.digits.clear();
        } else if (keep as usize) < self.digits.len() {
            let up = self
                .digits
                .get(keep as usize)
                .is_some_and(|digit| *digit >= b'5');
            self.digits.truncate(keep as usize);
            if up {
                self.increment();
            }
        }
        while self.digits.last() == Some(&b'0') {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            self.point = 0;
            self.negative = false;
        }
    }

    /// Adds one to the last digit kept.
    fn increment(&mut self) {
        for digit in self.digits.iter_mut().rev() {
            if *digit == b'9' {
                *digit = b'0';
            } else {
                *digit += 1;
                return;
            }
        }
        self.digits.insert(0, b'1');
        self.point += 1;
    }

    fn write(&self, row: &mut Vec<u8>) {
        if self.negative {
            row.push(b'-');
        }
        if self.point <= 0 {
            row.push(b'0');
        }
        if self.digits.is_empty() {
            return;
        }
        if self.point <= 0 {
            row.push(b'.');
            row.extend((self.point..0).map(|_| b'0'));
            row.extend_from_slice(&self.digits);
            return;
        }
        let whole = self.point as usize;
        let (before, after) = self.digits.split_at(whole.min(self.digits.len()));
        row.extend_from_slice(before);
        row.extend((before.len()..whole).map(|_| b'0'));
        if !after.is_empty() {
            row.push(b'.');
            row.extend_from_slice(after);
        }
    }
}

/// The digits, after a minus if need be, of a decimal text whose value is an integer of at most
/// [`MOST_DIGITS`] digits.
pub fn integer(text: &[u8]) -> Option<Vec<u8>> {
    let mut number = parse(text)?;
    while number.digits.last() == Some(&b'0') {
        number.digits.pop();
    }
    if number.digits.is_empty() {
        // A minus stays: an UNSIGNED column refuses it before a zero as well.
        return Some(if number.negative {
            b"-0".to_vec()
        } else {
            b"0".to_vec()
        });
    }
    let whole = usize::try_from(number.point).ok()?;
    if whole > MOST_DIGITS || number.digits.len() > whole {
        return None;
    }
    let mut digits = Vec::new();
    number.write(&mut digits);
    Some(digits)
}

fn parse(text: &[u8]) -> Option<Number> {
    let (negative, text) = signed(text);
    let exponent_at = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (mantissa, exponent) = match exponent_at {
        None => (text, 0),
        Some(at) => (text.get(..at)?, exponent(text.get(at + 1..)?)?),
    };
    let point_at = mantissa.iter().position(|byte| *byte == b'.');
    let whole = mantissa.get(..point_at.unwrap_or(mantissa.len()))?;
    let fraction = point_at.map_or(Some(&[][..]), |at| mantissa.get(at + 1..))?;
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let all = whole.iter().chain(fraction);
    if !all.clone().all(u8::is_ascii_digit) {
        return None;
    }
    let zeros = all.clone().take_while(|digit| **digit == b'0').count();
    let digits: Vec<u8> = all.skip(zeros).copied().collect();
    Some(Number {
        negative,
        point: (whole.len() as i32)
            .saturating_sub(zeros as i32)
            .saturating_add(exponent),
        digits,
    })
}

fn exponent(text: &[u8]) -> Option<i32> {
    let (negative, digits) = signed(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0_i32, |value, digit| {
        value
            .saturating_mul(10)
            .saturating_add(i32::from(digit - b'0'))
    });
    Some(if negative { -value } else { value })
}
