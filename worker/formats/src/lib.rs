//! Files of rows with types: what their headers say, and their rows as text.
//!
//! Each format gives the same two things: the [`Field`]s of its table, and its rows in one text
//! form that [`text`] writes, so that whoever checks values against columns does it in one way,
//! whatever the format. Values keep every bit: a number's text reads back to the same number.
//!
//! Keeps true: what a format cannot express in one field (arrays, structures, complex numbers) is
//! named in [`Kind::Unreadable`] and is an error only where such a column is asked for.

#![forbid(unsafe_code)]

mod calendar;
mod choice;
pub mod csv;
mod ecsv;
pub mod fits;
pub mod parquet;
pub mod text;
pub mod votable;

use thiserror::Error;

/// Why a file gives no rows, or no more.
#[derive(Debug, Error)]
pub enum FormatError {
    /// The bytes could not be read.
    #[error(transparent)]
    Read(#[from] std::io::Error),
    /// The file breaks the rules of its format.
    #[error("{0}")]
    Broken(String),
    /// The file is sound, and holds what is not read.
    #[error("{0}")]
    Refused(String),
}

/// One column of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its values.
    pub kind: Kind,
    /// Whether a value may be missing.
    pub nullable: bool,
    /// Unit, as the file writes it.
    pub unit: Option<String>,
    /// IVOA Unified Content Descriptor.
    pub ucd: Option<String>,
    /// In words.
    pub description: Option<String>,
}

impl Field {
    /// A field with a name and a kind alone.
    pub fn new(name: impl Into<String>, kind: Kind, nullable: bool) -> Self {
        Self {
            name: name.into(),
            kind,
            nullable,
            unit: None,
            ucd: None,
            description: None,
        }
    }
}

/// The values of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false; written as 1 and 0.
    Boolean,
    /// An integer of so many bytes.
    Integer {
        /// 1, 2, 4 or 8.
        bytes: u8,
        /// Whether values may be negative.
        signed: bool,
    },
    /// 32 bits (or 16).
    Float,
    /// 64 bits.
    Double,
    /// A decimal number.
    Decimal {
        /// Digits in all.
        precision: u32,
        /// Digits after the point.
        scale: u32,
    },
    /// Text.
    Text {
        /// Most bytes, when the file says.
        most: Option<u32>,
    },
    /// Bytes.
    Bytes {
        /// Most bytes, when the file says.
        most: Option<u32>,
    },
    /// A day.
    Date,
    /// A time of the day with so many digits of a second.
    Time(u32),
    /// Day and time with so many digits of a second.
    Timestamp(u32),
    /// No single value; says why.
    Unreadable(String),
}

/// What is asked of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing.
    Nothing,
    /// Its values.
    Values,
    /// Its values for a column of 32 bits: numbers of 32 bits have no more digits than they need
    /// there.
    Singles,
}

/// The rows of a table, some at a time.
pub trait Rows: Send {
    /// Appends some rows to `out` in the form of [`text`], each with the fields of the table in
    /// order, and those that were not asked for empty. False when there are no more.
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, FormatError>;
}

/// Fails when a field that is asked for holds no single value.
fn check_wanted(fields: &[Field], wanted: &[Wanted]) -> Result<(), FormatError> {
    let refused = fields.iter().zip(wanted).find_map(|(field, wanted)| {
        match (&field.kind, wanted) {
            (Kind::Unreadable(why), Wanted::Values | Wanted::Singles) => Some(format!(
                "the column `{}` {why}; leave it out with a name that starts with `-` in spec.fields",
                field.name
            )),
            _ => None,
        }
    });
    refused.map_or(Ok(()), |why| Err(FormatError::Refused(why)))
}
