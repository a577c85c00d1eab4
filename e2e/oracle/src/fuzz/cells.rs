//! Values as they are compared: what MariaDB does to one value in one plan and not in another
//! (docs/sql.md#where-mariadb-contradicts-itself) is taken for equal, and nothing near it.

use std::cmp::Ordering;

use orrery_wire::{ColumnDef, ColumnType, Value};

use super::loose::Loose;
use crate::client::Answer;

/// Relative difference that another order of additions may make, with room for what is computed
/// from sums.
const ROUNDING: f64 = 1e-9;
/// Decimals from which on a DOUBLE has no fixed number of them.
const NOT_FIXED: u8 = 31;

/// Whose answer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Orrery's.
    Given,
    /// One server's.
    Right,
}

/// A value as it is compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// A DOUBLE that is a sum, which may differ by rounding, or that has a fixed number of decimals.
    Number {
        value: f64,
        is_sum: bool,
        fixed: Option<Fixed>,
    },
    /// Anything else, as text.
    Exact(String),
}

/// Of a DOUBLE with a fixed number of decimals: that number, and what a larger one becomes, with its
/// sign, where it is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fixed {
    decimals: u8,
    largest: f64,
}

impl Fixed {
    /// Of a column, if it is one.
    fn of(column: &ColumnDef) -> Option<Self> {
        let decimals = column.decimals;
        let is_fixed = decimals < NOT_FIXED && column.column_type == ColumnType::MYSQL_TYPE_DOUBLE;
        let whole = i32::try_from(column.length).ok()? - i32::from(decimals);
        let largest = 10_f64.powi(whole) - 10_f64.powi(-i32::from(decimals));
        is_fixed.then_some(Self { decimals, largest })
    }
}

/// What one server may have done to DOUBLEs with fixed decimals: where it stores them, it rounds
/// them to these decimals, and clips large ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Storing {
    rounds: bool,
    clips: bool,
}

impl Storing {
    /// Of the right rows: a clipped value stands in one of them.
    pub(super) fn of(loose: Loose, right: &[Vec<Cell>]) -> Self {
        let is_clipped = |cell: &Cell| match cell {
            Cell::Number { value, fixed, .. } => {
                fixed.is_some_and(|fixed| value.abs().total_cmp(&fixed.largest).is_eq())
            }
            Cell::Exact(_) => false,
        };
        Self {
            rounds: loose.stored,
            clips: loose.stored && right.iter().flatten().any(is_clipped),
        }
    }

    /// Whether large values have been clipped.
    pub(super) fn clips(self) -> bool {
        self.clips
    }

    /// What becomes of a value.
    fn of_number(self, value: f64, fixed: Option<Fixed>) -> f64 {
        match fixed {
            Some(Fixed { largest, .. }) if self.clips && value.abs() >= largest => {
                largest.copysign(value)
            }
            Some(Fixed { decimals, .. }) if self.rounds => stored(value, decimals),
            _ => value,
        }
    }
}

/// What a temporary table of MariaDB makes of a DOUBLE with so many decimals: it rounds what follows
/// the next lower whole number, so that negative ones near 0 get other last bits.
fn stored(value: f64, decimals: u8) -> f64 {
    let whole = value.floor();
    let unit = 10_f64.powi(i32::from(decimals));
    whole + ((value - whole) * unit).round_ties_even() / unit
}

impl Cell {
    /// Whether it becomes the same as another one where it is stored.
    pub(super) fn is_stored_as(&self, other: &Self, storing: Storing) -> bool {
        match (self, other) {
            (Self::Number { value, fixed, .. }, Self::Number { value: other, .. }) => storing
                .of_number(*value, *fixed)
                .total_cmp(&storing.of_number(*other, *fixed))
                .is_eq(),
            _ => self == other,
        }
    }

    /// Whether it is the same as the right one.
    pub(super) fn equals(&self, right: &Self, storing: Storing) -> bool {
        let (
            Self::Number {
                value,
                is_sum,
                fixed,
            },
            Self::Number { value: right, .. },
        ) = (self, right)
        else {
            return self == right;
        };
        let is_same = |one: f64| one.to_bits() == right.to_bits() || (one - right).abs() <= 0.0;
        let size = value.abs().max(right.abs()).max(1e-3);
        let is_rounded = *is_sum && (value - right).abs() <= ROUNDING * size;
        is_rounded || is_same(*value) || is_same(storing.of_number(*value, *fixed))
    }
}

/// Puts rows into an order of their own, in which equal ones of two answers meet: what is exact
/// first, then numbers by the digits that no rounding moves, then by all.
pub(super) fn without_order(rows: &mut [Vec<Cell>], storing: Storing) {
    rows.sort_by_cached_key(|row| {
        let (mut exact, mut steady, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for cell in row {
            match cell {
                Cell::Exact(text) => exact.push(text.clone()),
                Cell::Number { value, fixed, .. } => {
                    let value = storing.of_number(*value, *fixed);
                    let rounded = format!("{value:.8e}").parse().unwrap_or(value);
                    steady.push(Ordered(rounded));
                    all.push(Ordered(value));
                }
            }
        }
        (exact, steady, all)
    });
}

/// A number in the order of all of them.
#[derive(Clone, Copy, PartialEq)]
struct Ordered(f64);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// The rows of an answer.
pub(super) fn rows(answer: &Answer, loose: Loose, side: Side) -> Vec<Vec<Cell>> {
    let row = |row: &Vec<Value>| {
        row.iter()
            .zip(&answer.columns)
            .map(|(value, column)| cell(value, column, loose, side))
            .collect()
    };
    answer.rows.iter().map(row).collect()
}

fn cell(value: &Value, column: &ColumnDef, loose: Loose, side: Side) -> Cell {
    use ColumnType as T;
    let is_float = matches!(
        column.column_type,
        T::MYSQL_TYPE_DOUBLE | T::MYSQL_TYPE_FLOAT
    );
    let fixed = Fixed::of(column);
    if is_float
        && (loose.rounded || fixed.is_some())
        && let Some(value) = number(value)
    {
        return Cell::Number {
            value,
            is_sum: loose.rounded,
            fixed,
        };
    }
    let exact = match value {
        Value::Bytes(bits) if column.column_type == T::MYSQL_TYPE_BIT && loose.stored => {
            of_bits(bits).to_string()
        }
        // Orrery shows no such sign.
        Value::Bytes(text)
            if column.column_type == T::MYSQL_TYPE_NEWDECIMAL && side == Side::Right =>
        {
            let number = Value::Bytes(without_sign_of_zero(text).to_vec());
            text_of(&number, loose.spelling)
        }
        _ => text_of(value, loose.spelling),
    };
    Cell::Exact(if loose.padded {
        without_zeros(&exact)
    } else {
        exact
    })
}

fn without_sign_of_zero(text: &[u8]) -> &[u8] {
    match text {
        [b'-', number @ ..] if number.iter().all(|digit| matches!(digit, b'0' | b'.')) => number,
        _ => text,
    }
}

/// The number of a BIT: shown as its bytes or, where it is stored, as digits. The values of the
/// tables have no bytes that are digits.
fn of_bits(bits: &[u8]) -> u64 {
    let digits = std::str::from_utf8(bits)
        .ok()
        .and_then(|text| text.parse().ok());
    digits.unwrap_or_else(|| {
        bits.iter()
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    })
}

/// A number without zeros before it, as it is written in SQL or in quotes.
fn without_zeros(text: &str) -> String {
    let digits = text.trim_matches('\'');
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = digits.trim_start_matches('0');
        (if number.is_empty() { "0" } else { number }).to_owned()
    } else {
        text.to_owned()
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Double(number) => Some(*number),
        Value::Float(number) => Some(f64::from(*number)),
        Value::Bytes(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

fn text_of(value: &Value, spelling: bool) -> String {
    let text = value.as_sql(true);
    if !spelling {
        return text;
    }
    let inner = text
        .strip_prefix('\'')
        .and_then(|text| text.strip_suffix('\''));
    inner.unwrap_or(&text).trim_end().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_double_is_stored_as_mariadb_stores_it() {
        // What `CREATE TABLE … SELECT DISTINCT` and CAST(x AS DOUBLE(65,7)) of MariaDB 10.11 give.
        for (number, as_stored) in [
            ("-0.0027899993576979893", "-0.002789999999999959"),
            ("-0.002803372149442019", "-0.0028034000000000114"),
            ("0.21428571428571427", "0.2142857"),
            ("-3e20", "-300000000000000000000"),
        ] {
            assert_eq!(stored(number.parse().unwrap(), 7).to_string(), as_stored);
        }
    }

    #[test]
    fn a_sign_makes_room_for_one_more_digit_before_a_double_is_clipped() {
        let largest = |length: u32| {
            let mut column = ColumnDef::expression("x", ColumnType::MYSQL_TYPE_DOUBLE, length);
            column.decimals = 1;
            Fixed::of(&column).map(|fixed| fixed.largest.to_bits())
        };
        // TRUNCATE(x, 1) and -TRUNCATE(x, 1).
        assert_eq!(largest(18), Some(1e17_f64.to_bits()));
        assert_eq!(largest(19), Some(1e18_f64.to_bits()));
    }

    #[test]
    fn only_what_storing_makes_of_a_value_is_taken_for_it() {
        let cell = |value: &str| Cell::Number {
            value: value.parse().unwrap(),
            is_sum: false,
            fixed: Some(Fixed {
                decimals: 7,
                largest: 1e17,
            }),
        };
        let storing = Storing {
            rounds: true,
            clips: false,
        };
        let whole = cell("-0.0027899993576979893");
        assert!(whole.equals(&cell("-0.002789999999999959"), storing));
        assert!(!whole.equals(&cell("-0.00279"), storing));
        // Who rounds where one server did not is wrong.
        assert!(!cell("-0.002789999999999959").equals(&whole, storing));
    }
}
