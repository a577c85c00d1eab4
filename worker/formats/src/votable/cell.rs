//! What a FIELD says of its values, and how they are written.

use super::broken::broken;
use crate::{FormatError, Kind, Wanted, text};

/// A column of a VOTable.
#[derive(Clone, Debug)]
pub struct Cell {
    datatype: Datatype,
    /// Elements of a value in a binary stream.
    pub count: Count,
    /// The integer that stands for NULL.
    pub null: Option<String>,
    /// What is asked of it.
    pub wanted: Wanted,
}

/// How many elements a value has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Always so many.
    Fixed(usize),
    /// The value says.
    Variable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Datatype {
    Boolean,
    Bit,
    UnsignedByte,
    Short,
    Int,
    Long,
    Char,
    UnicodeChar,
    Float,
    Double,
    FloatComplex,
    DoubleComplex,
}

impl Datatype {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "boolean" => Self::Boolean,
            "bit" => Self::Bit,
            "unsignedByte" => Self::UnsignedByte,
            "short" => Self::Short,
            "int" => Self::Int,
            "long" => Self::Long,
            "char" => Self::Char,
            "unicodeChar" => Self::UnicodeChar,
            "float" => Self::Float,
            "double" => Self::Double,
            "floatComplex" => Self::FloatComplex,
            "doubleComplex" => Self::DoubleComplex,
            _ => return None,
        })
    }

    /// Bytes of `elements` elements in a binary stream.
    fn bytes(self, elements: usize) -> Option<usize> {
        let each = match self {
            Self::Bit => return Some(elements.div_ceil(8)),
            Self::Boolean | Self::UnsignedByte | Self::Char => 1,
            Self::Short | Self::UnicodeChar => 2,
            Self::Int | Self::Float => 4,
            Self::Long | Self::Double | Self::FloatComplex => 8,
            Self::DoubleComplex => 16,
        };
        elements.checked_mul(each)
    }
}

impl Cell {
    /// The column of a FIELD with this datatype and arraysize, and its kind.
    pub fn new(
        name: &str,
        datatype: &str,
        arraysize: Option<&str>,
        xtype: Option<&str>,
    ) -> Result<(Self, Kind), FormatError> {
        let bad =
            |what: &str, value: &str| broken(&format!("FIELD `{name}` has the {what} `{value}`"));
        let datatype = Datatype::named(datatype).ok_or_else(|| bad("datatype", datatype))?;
        let arraysize = arraysize.map(str::trim).filter(|size| !size.is_empty());
        let count = match arraysize {
            None => Count::Fixed(1),
            Some(size) => count(size).ok_or_else(|| bad("arraysize", size))?,
        };
        let is_text = matches!(datatype, Datatype::Char | Datatype::UnicodeChar);
        let flat = arraysize.is_none_or(|size| !size.contains('x'));
        let kind = match datatype {
            Datatype::FloatComplex | Datatype::DoubleComplex => {
                Kind::Unreadable("holds complex numbers, and columns hold one number".into())
            }
            _ if is_text && !flat => {
                Kind::Unreadable("holds an array of texts, and columns hold one".into())
            }
            _ if is_text
                && xtype.is_some_and(|xtype| {
                    xtype.ends_with("timestamp") || xtype.ends_with("TIMESTAMP")
                }) =>
            {
                Kind::Timestamp(6)
            }
            _ if is_text => Kind::Text {
                most: arraysize.map_or(Some(1), |size| size.trim_end_matches('*').parse().ok()),
            },
            _ if count != Count::Fixed(1) => {
                Kind::Unreadable("holds an array, and columns hold one value".into())
            }
            Datatype::Boolean | Datatype::Bit => Kind::Boolean,
            Datatype::UnsignedByte => integer(1, false),
            Datatype::Short => integer(2, true),
            Datatype::Int => integer(4, true),
            Datatype::Long => integer(8, true),
            Datatype::Float => Kind::Float,
            _ => Kind::Double,
        };
        let cell = Self {
            datatype,
            count,
            null: None,
            wanted: Wanted::Values,
        };
        Ok((cell, kind))
    }

    /// Bytes of `elements` elements in a binary stream.
    pub fn bytes(&self, elements: usize) -> Result<usize, FormatError> {
        let bytes = self
            .datatype
            .bytes(elements)
            .filter(|bytes| *bytes <= MOST_BYTES);
        bytes.ok_or_else(|| broken("a value is longer than any file"))
    }

    /// Appends the text of a TD.
    pub fn write_text(&self, cell: &str, out: &mut Vec<u8>) {
        if matches!(self.datatype, Datatype::Char | Datatype::UnicodeChar) {
            // An empty text and none are the same here.
            return if cell.is_empty() {
                out.extend_from_slice(text::NULL);
            } else {
                text::bytes(cell.as_bytes(), out);
            };
        }
        let cell = cell.trim();
        let number = || {
            let hexadecimal = cell.strip_prefix("0x").or_else(|| cell.strip_prefix("0X"));
            hexadecimal.and_then(|digits| u64::from_str_radix(digits, 16).ok())
        };
        match self.datatype {
            Datatype::Boolean => logical(cell.as_bytes(), out),
            _ if cell.is_empty() || self.is_null(cell) => out.extend_from_slice(text::NULL),
            // A float is the number of 32 bits that its text stands for, in every form of a table.
            Datatype::Float => match float(cell) {
                Some(number) => self.write_float(number, out),
                None => text::bytes(cell.as_bytes(), out),
            },
            _ => match number() {
                Some(number) => text::integer(number, out),
                None => text::bytes(cell.as_bytes(), out),
            },
        }
    }

    /// Appends the value that `stored`, its bytes in a binary stream, holds.
    pub fn write_binary(&self, stored: &[u8], out: &mut Vec<u8>) -> Result<(), FormatError> {
        let whole = || {
            let negative = stored.len() > 1 && stored.first().is_some_and(|byte| byte & 0x80 != 0);
            let start = if negative { -1 } else { 0 };
            stored
                .iter()
                .fold(start, |value: i64, byte| (value << 8) | i64::from(*byte))
        };
        match self.datatype {
            Datatype::Boolean => logical(stored, out),
            // The one bit is the first by the standard, another one by some writers.
            Datatype::Bit => text::boolean(stored != [0], out),
            Datatype::Char => {
                let end = stored
                    .iter()
                    .position(|byte| *byte == 0)
                    .unwrap_or(stored.len());
                text::bytes(stored.get(..end).unwrap_or(stored), out);
            }
            Datatype::UnicodeChar => {
                let units = stored.chunks_exact(2).map(|unit| {
                    unit.iter()
                        .fold(0_u16, |bits, byte| (bits << 8) | u16::from(*byte))
                });
                let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
                let value = String::from_utf16(&units)
                    .map_err(|_| broken("a text of unicodeChar is not UTF-16"))?;
                text::bytes(value.as_bytes(), out);
            }
            Datatype::Float => self.write_float(f32::from_bits(whole() as u32), out),
            Datatype::Double => text::double(f64::from_bits(whole() as u64), out),
            _ => {
                let value = whole().to_string();
                if self.is_null(&value) {
                    out.extend_from_slice(text::NULL);
                } else {
                    out.extend_from_slice(value.as_bytes());
                }
            }
        }
        Ok(())
    }

    fn write_float(&self, value: f32, out: &mut Vec<u8>) {
        if self.wanted == Wanted::Singles {
            text::single(value, out);
        } else {
            text::double(f64::from(value), out);
        }
    }

    fn is_null(&self, value: &str) -> bool {
        let number = |text: &str| text.trim().parse::<i128>().ok();
        self.null.as_deref().is_some_and(|null| {
            null == value || (number(null).is_some() && number(null) == number(value))
        })
    }
}

/// Bytes of the longest value.
const MOST_BYTES: usize = 1 << 30;

fn integer(bytes: u8, signed: bool) -> Kind {
    Kind::Integer { bytes, signed }
}

/// `5`, `*`, `5*`, `2x3`, `2x*`.
fn count(arraysize: &str) -> Option<Count> {
    if arraysize.ends_with('*') {
        return Some(Count::Variable);
    }
    arraysize
        .split('x')
        .try_fold(1_usize, |product, size| {
            product.checked_mul(size.trim().parse().ok()?)
        })
        .map(Count::Fixed)
}

/// The number of 32 bits that a text stands for, where it stands for a finite one.
fn float(text: &str) -> Option<f32> {
    let value: f32 = text.parse().ok()?;
    value.is_finite().then_some(value)
}

fn logical(value: &[u8], out: &mut Vec<u8>) {
    match value {
        b"T" | b"t" | b"1" | b"true" | b"TRUE" | b"True" => text::boolean(true, out),
        b"F" | b"f" | b"0" | b"false" | b"FALSE" | b"False" => text::boolean(false, out),
        b"" | b"?" | b" " | [0] => out.extend_from_slice(text::NULL),
        // No value; whoever checks it says so.
        other => text::bytes(other, out),
    }
}
