//! BINARY, VARBINARY, BLOB and BIT: bytes.

use orrery_wire::load_data::escape;

use super::field::{BadValue, shown};

/// A column of bytes.
#[derive(Debug)]
pub enum Binary {
    /// At most so many bytes.
    Bytes(u64),
    /// A big-endian number of so many bits, as `LOAD DATA` takes and `SELECT … INTO OUTFILE` writes
    /// it.
    Bits(u32),
    /// The same, from files with types, where a number is a number.
    Number(u32),
}

impl Binary {
    /// Checks `field` and writes it escaped.
    pub fn check(&self, field: &[u8], row: &mut Vec<u8>) -> Result<(), BadValue> {
        match self {
            Self::Bytes(most) if field.len() as u64 > *most => {
                return Err(BadValue(format!(
                    "{} bytes are more than the {most} the column holds",
                    field.len()
                )));
            }
            Self::Bits(bits) if significant_bits(field) > u64::from(*bits) => {
                return Err(BadValue(format!(
                    "{} taken as bytes does not fit BIT({bits})",
                    shown(field)
                )));
            }
            Self::Number(bits) => {
                let number = number(field)
                    .filter(|number| *bits >= 64 || number >> bits == 0)
                    .ok_or_else(|| {
                        BadValue(format!("{} does not fit BIT({bits})", shown(field)))
                    })?;
                escape(&number.to_be_bytes(), row);
            }
            Self::Bytes(_) | Self::Bits(_) => escape(field, row),
        }
        Ok(())
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn significant_bits(bytes: &[u8]) -> u64 {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    match bytes.get(zeros..) {
        Some([first, rest @ ..]) => u64::from(8 - first.leading_zeros()) + 8 * rest.len() as u64,
        _ => 0,
    }
}
