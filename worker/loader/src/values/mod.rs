//! Checks one field against its column's type and writes it as `LOAD DATA` takes it.
//!
//! Keeps true: what a checker accepts, a MariaDB in strict mode (`STRICT_TRANS_TABLES`, time zone
//! UTC, zero dates allowed) stores with the same value the field's own text would have given; what
//! strict mode refuses, a checker refuses too, with a reason for people. Where MariaDB guesses
//! (`11-1-2` as a date, `2` as the second member of an ENUM), rounds to an integer (`12.7`) or cuts
//! (a tab at the end of a CHAR), and where a sign or a point says nothing (`-0` in an UNSIGNED
//! column, `3.` as JSON), the checker refuses; where the dialect
//! asks for it, words are numbers (`true`) or NULL (`NaN`). One module per family of types.

mod approximate;
mod binary;
mod decimal;
mod field;
mod integer;
mod members;
mod temporal;
mod text;

use orrery_archive::ingest::FileFormat;
use orrery_archive::sql_type::{SqlType, SqlTypeError};
use orrery_archive::table::Column;
use orrery_wire::load_data::NULL;
use thiserror::Error;

use crate::dialect::Dialect;
use approximate::Approximate;
use binary::Binary;
use decimal::Decimal;
use integer::Integer;
use members::Members;
use temporal::Temporal;
use text::{Limit, Target, Text};

pub use approximate::parse as parse_double;
pub use field::{BadValue, shown};

/// Why a column cannot be checked.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CheckerError {
    /// The type's text is no type.
    #[error("column `{column}`: {source}")]
    Type {
        /// Column.
        column: String,
        /// What is wrong.
        source: SqlTypeError,
    },
    /// The character set is not one the loader knows.
    #[error("column `{column}`: charset `{charset}` is not known here")]
    Charset {
        /// Column.
        column: String,
        /// Its charset.
        charset: String,
    },
}

/// Checks the fields of one column.
#[derive(Debug)]
pub struct Checker {
    nullable: bool,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Integer(Integer),
    Decimal(Decimal),
    Approximate(Approximate),
    Temporal(Temporal),
    Text(Text),
    Binary(Binary),
    Members(Members),
}

impl Checker {
    /// The checker of a column for files of this dialect.
    pub fn new(column: &Column, dialect: &Dialect) -> Result<Self, CheckerError> {
        let sql_type = SqlType::parse(&column.sql_type).map_err(|error| CheckerError::Type {
            column: column.name.clone(),
            source: error,
        })?;
        Ok(Self {
            nullable: column.nullable,
            kind: Kind::new(sql_type, column, dialect)?,
        })
    }

    /// Whether the column holds numbers of 32 bits, as they are.
    pub fn takes_singles(&self) -> bool {
        matches!(&self.kind, Kind::Approximate(checker) if checker.takes_singles())
    }

    /// Appends `field` to `row` in the form `LOAD DATA` takes; on an error `row` may end with a
    /// part of it.
    pub fn check(&self, field: Option<&[u8]>, row: &mut Vec<u8>) -> Result<(), BadValue> {
        let Some(field) = field else {
            if !self.nullable {
                return Err(BadValue("NULL in a column that is NOT NULL".into()));
            }
            row.extend_from_slice(NULL);
            return Ok(());
        };
        match &self.kind {
            Kind::Approximate(checker) if checker.is_null(field) => self.check(None, row),
            Kind::Integer(checker) => checker.check(field, row),
            Kind::Decimal(checker) => checker.check(field, row),
            Kind::Approximate(checker) => checker.check(field, row),
            Kind::Temporal(checker) => checker.check(field, row),
            Kind::Text(checker) => checker.check(field, row),
            Kind::Binary(checker) => checker.check(field, row),
            Kind::Members(checker) => checker.check(field, row),
        }
    }
}

impl Kind {
    fn new(sql_type: SqlType, column: &Column, dialect: &Dialect) -> Result<Self, CheckerError> {
        let (source, not_finite) = (dialect.charset, dialect.not_finite);
        let text = |limit| {
            Ok(Self::Text(Text::new(
                limit,
                target_charset(column)?,
                source,
            )))
        };
        match sql_type {
            SqlType::Char(characters) | SqlType::VarChar(characters) => {
                text(Limit::Characters(characters as usize))
            }
            SqlType::Text(size) => text(Limit::Bytes(size.max_bytes())),
            SqlType::Json => text(Limit::Json),
            SqlType::Enum(members) => {
                let members = Members::one(&members, target_charset(column)?, source);
                Ok(Self::Members(members))
            }
            SqlType::Set(members) => {
                let members = Members::set(&members, target_charset(column)?, source);
                Ok(Self::Members(members))
            }
            SqlType::Integer { width, flags, .. } => {
                let integer = Integer::new(width, flags.unsigned, dialect.booleans);
                Ok(Self::Integer(integer))
            }
            SqlType::Decimal {
                precision,
                scale,
                flags,
            } => Ok(Self::Decimal(Decimal {
                precision: precision as usize,
                scale: scale as usize,
                unsigned: flags.unsigned,
            })),
            SqlType::Float { digits, flags } => {
                let float = Approximate::float(digits, flags.unsigned, not_finite);
                Ok(Self::Approximate(float))
            }
            SqlType::Double { digits, flags } => {
                let double = Approximate::double(digits, flags.unsigned, not_finite);
                Ok(Self::Approximate(double))
            }
            SqlType::Bit(bits) if dialect.format == FileFormat::Text => {
                Ok(Self::Binary(Binary::Bits(bits)))
            }
            SqlType::Bit(bits) => Ok(Self::Binary(Binary::Number(bits))),
            SqlType::Binary(bytes) | SqlType::VarBinary(bytes) => {
                Ok(Self::Binary(Binary::Bytes(u64::from(bytes))))
            }
            SqlType::Blob(size) => Ok(Self::Binary(Binary::Bytes(size.max_bytes()))),
            SqlType::Date => Ok(Self::Temporal(Temporal::Date)),
            SqlType::DateTime(digits) => Ok(Self::Temporal(Temporal::DateTime(digits))),
            SqlType::Timestamp(digits) => Ok(Self::Temporal(Temporal::Timestamp(digits))),
            SqlType::Time(digits) => Ok(Self::Temporal(Temporal::Time(digits))),
            SqlType::Year => Ok(Self::Temporal(Temporal::Year)),
        }
    }
}

fn target_charset(column: &Column) -> Result<Target, CheckerError> {
    let name = column.charset.as_deref().unwrap_or("utf8mb4");
    Target::named(name).ok_or_else(|| CheckerError::Charset {
        column: column.name.clone(),
        charset: name.to_owned(),
    })
}

/// Text of latin1 as UTF-8.
pub fn latin1_to_utf8(text: &[u8]) -> Vec<u8> {
    text::latin1_to_utf8(text).into_owned()
}
