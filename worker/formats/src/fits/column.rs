//! The columns of a binary table, and their values.

use super::header::{Header, broken};
use crate::{Field, FormatError, Kind, Wanted, text};

/// A column that holds one value per row.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Where its value begins in a row.
    pub offset: usize,
    /// Bytes of the value.
    pub width: usize,
    value: Value,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Logical,
    Bit,
    Text,
    Integer {
        null: Option<i64>,
        scaled: Scaled,
    },
    Float(Scaled),
    /// Of 32 bits as stored, for a column of 32 bits.
    Single,
}

/// How a stored number becomes the value: value = zero + scale × stored.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scaled {
    /// As stored.
    No,
    /// An integer is added, which is exact.
    By(i128),
    /// In floating point.
    Real { scale: f64, zero: f64 },
}

/// The columns of the table: their fields, where each is, and the bytes of a row.
pub fn columns(header: &Header) -> Result<(Vec<Field>, Vec<Option<Column>>), FormatError> {
    let mut offset = 0;
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for number in 1..=header.size("TFIELDS")? {
        let (field, width, value) = column(header, number)?;
        let column = value.map(|value| Column {
            offset,
            width,
            value,
        });
        fields.push(field);
        columns.push(column);
        offset += width;
    }
    if offset as u64 != header.size("NAXIS1")? {
        return Err(broken("the columns are not as wide as the rows"));
    }
    Ok((fields, columns))
}

/// A column's field, its bytes in a row, and its value where it holds a single one.
fn column(header: &Header, number: u64) -> Result<(Field, usize, Option<Value>), FormatError> {
    let get = |keyword: &str| header.get(&format!("{keyword}{number}"));
    let form = get("TFORM")
        .ok_or_else(|| broken("a column has no TFORM"))?
        .trim();
    let letter = form.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = form.get(..form.len() - letter.len()).unwrap_or_default();
    let bad_form = || broken(&format!("TFORM{number} is `{form}`"));
    let repeat: usize = match digits {
        "" => 1,
        digits => digits.parse().map_err(|_| bad_form())?,
    };
    let letter = letter.chars().next().ok_or_else(bad_form)?;
    let width = match letter {
        'L' | 'B' | 'A' => Some(repeat),
        'X' => Some(repeat.div_ceil(8)),
        'I' => repeat.checked_mul(2),
        'J' | 'E' => repeat.checked_mul(4),
        'K' | 'D' | 'C' | 'P' => repeat.checked_mul(8),
        'M' | 'Q' => repeat.checked_mul(16),
        _ => None,
    };
    let width = width
        .filter(|width| *width <= MOST_WIDTH)
        .ok_or_else(bad_form)?;
    let (kind, value) = match (letter, repeat) {
        (_, 0) => unreadable("has no values"),
        ('C' | 'M', _) => unreadable("holds complex numbers, and columns hold one number"),
        ('P' | 'Q', _) => unreadable("holds arrays, and columns hold one value"),
        ('A', _) if get("TDIM").is_some_and(|dim| dim.contains(',')) => {
            unreadable("holds an array of texts, and columns hold one")
        }
        ('A', _) => (
            Kind::Text {
                most: u32::try_from(repeat).ok(),
            },
            Some(Value::Text),
        ),
        (_, 2..) => unreadable("holds an array, and columns hold one value"),
        ('L', _) => (Kind::Boolean, Some(Value::Logical)),
        ('X', _) => (Kind::Boolean, Some(Value::Bit)),
        ('E' | 'D', _) => float(letter, scaled(header, number)?),
        _ => integer(header, number, width)?,
    };
    let nullable = !matches!(
        value,
        Some(Value::Text | Value::Bit | Value::Integer { null: None, .. })
    );
    let owned = |keyword: &str| {
        get(keyword)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let field = Field {
        unit: owned("TUNIT"),
        ucd: owned("TUCD"),
        description: owned("TCOMM"),
        ..Field::new(
            owned("TTYPE").unwrap_or_else(|| format!("col{number}")),
            kind,
            nullable,
        )
    };
    Ok((field, width, value))
}

/// Bytes of the widest column.
const MOST_WIDTH: usize = 1 << 30;

fn unreadable(why: &str) -> (Kind, Option<Value>) {
    (Kind::Unreadable(why.into()), None)
}

fn float(letter: char, scaled: Scaled) -> (Kind, Option<Value>) {
    let kind = match (letter, scaled) {
        ('E', Scaled::No) => Kind::Float,
        _ => Kind::Double,
    };
    (kind, Some(Value::Float(scaled)))
}

fn integer(
    header: &Header,
    number: u64,
    width: usize,
) -> Result<(Kind, Option<Value>), FormatError> {
    let scaled = scaled(header, number)?;
    let null = header.number(&format!("TNULL{number}"))?;
    let bytes = width as u8;
    let half = 1_i128 << (8 * width - 1);
    // Bytes have no sign as stored, all others have one.
    let kind = match scaled {
        Scaled::No => Kind::Integer {
            bytes,
            signed: width > 1,
        },
        Scaled::By(zero) if width == 1 && zero == -half => Kind::Integer {
            bytes,
            signed: true,
        },
        Scaled::By(zero) if width > 1 && zero == half => Kind::Integer {
            bytes,
            signed: false,
        },
        Scaled::By(_) if width < 8 => Kind::Integer {
            bytes: 8,
            signed: true,
        },
        Scaled::By(_) => Kind::Decimal {
            precision: 38,
            scale: 0,
        },
        Scaled::Real { .. } => Kind::Double,
    };
    Ok((kind, Some(Value::Integer { null, scaled })))
}

fn scaled(header: &Header, number: u64) -> Result<Scaled, FormatError> {
    let (scale_name, zero_name) = (format!("TSCAL{number}"), format!("TZERO{number}"));
    let scale = header.number::<f64>(&scale_name)?.unwrap_or(1.0);
    let zero = header.number::<f64>(&zero_name)?.unwrap_or(0.0);
    if scale.to_bits() != 1_f64.to_bits() {
        return Ok(Scaled::Real { scale, zero });
    }
    // As digits, so that 2^63 and its neighbours stay what they are.
    let digits = header.get(&zero_name).map(|text| {
        let whole = text.trim_end_matches('0').strip_suffix('.');
        whole.unwrap_or(text).parse::<i128>()
    });
    match digits {
        None | Some(Ok(0)) => Ok(Scaled::No),
        Some(Ok(zero)) => Ok(Scaled::By(zero)),
        Some(Err(_)) if zero.fract() == 0.0 && zero.abs() < 1e18 => Ok(Scaled::By(zero as i128)),
        Some(Err(_)) => Ok(Scaled::Real { scale, zero }),
    }
}

impl Column {
    /// How it is read, where it is.
    pub fn wanted(self, wanted: Wanted) -> Option<Self> {
        let is_single = self.width == 4 && self.value == Value::Float(Scaled::No);
        match wanted {
            Wanted::Nothing => None,
            Wanted::Singles if is_single => Some(Self {
                value: Value::Single,
                ..self
            }),
            Wanted::Values | Wanted::Singles => Some(self),
        }
    }

    /// Appends the value in `stored`, the column's bytes of a row.
    pub fn write(&self, stored: &[u8], out: &mut Vec<u8>) {
        match &self.value {
            Value::Logical => match stored {
                [b'T'] => text::boolean(true, out),
                [b'F'] => text::boolean(false, out),
                [0] => out.extend_from_slice(text::NULL),
                // No value; whoever checks it says so.
                other => text::bytes(other, out),
            },
            Value::Bit => text::boolean(stored.first().is_some_and(|byte| byte & 0x80 != 0), out),
            Value::Text => text::bytes(string(stored), out),
            Value::Integer { null, scaled } => {
                let value = integer_value(stored);
                if *null == Some(value) {
                    out.extend_from_slice(text::NULL);
                    return;
                }
                match scaled {
                    Scaled::No => text::integer(value, out),
                    Scaled::By(zero) => text::integer(i128::from(value) + zero, out),
                    Scaled::Real { scale, zero } => text::double(zero + scale * value as f64, out),
                }
            }
            Value::Float(scaled) => {
                let value = float_value(stored);
                text::double(
                    match scaled {
                        Scaled::No => value,
                        Scaled::By(zero) => *zero as f64 + value,
                        Scaled::Real { scale, zero } => zero + scale * value,
                    },
                    out,
                );
            }
            // Exact: 64 bits that came from 32.
            Value::Single => text::single(float_value(stored) as f32, out),
        }
    }
}

/// A text ends at its first zero byte; blanks at its end mean nothing.
fn string(stored: &[u8]) -> &[u8] {
    let end = stored
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(stored.len());
    stored.get(..end).unwrap_or(stored).trim_ascii_end()
}

fn integer_value(stored: &[u8]) -> i64 {
    let negative = stored.len() > 1 && stored.first().is_some_and(|byte| byte & 0x80 != 0);
    let start = if negative { -1 } else { 0 };
    stored
        .iter()
        .fold(start, |value, byte| (value << 8) | i64::from(*byte))
}

fn float_value(stored: &[u8]) -> f64 {
    let bits = stored
        .iter()
        .fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
    if stored.len() == 4 {
        f64::from(f32::from_bits(bits as u32))
    } else {
        f64::from_bits(bits)
    }
}
