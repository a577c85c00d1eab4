//! MySQL column types as users write them, parsed.
//!
//! The accepted language is what MariaDB 10.11 takes in a column definition, without attributes
//! that belong to the column (NULL, DEFAULT, COLLATE …). Aliases (`BOOL`, `DEC`, `INTEGER`, `REAL`
//! …) are folded into their types, so that equal types compare equal.

mod parse;
mod text;

use thiserror::Error;

/// Why a text is no column type.
#[derive(Debug, Error, PartialEq, Eq, Clone)]
pub enum SqlTypeError {
    /// The first word is no type.
    #[error("unknown type `{0}`")]
    Unknown(String),
    /// The parenthesised part does not fit the type.
    #[error("`{0}` has wrong parameters: {1}")]
    Parameters(String, String),
    /// Something follows the type.
    #[error(
        "`{0}` is followed by `{1}`, which no column type has here; nullability, defaults, charset and collation have fields of their own"
    )]
    Trailing(String, String),
}

/// Bytes an integer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntegerWidth {
    /// 1 byte.
    Tiny,
    /// 2 bytes.
    Small,
    /// 3 bytes.
    Medium,
    /// 4 bytes.
    Int,
    /// 8 bytes.
    Big,
}

impl IntegerWidth {
    /// Bytes.
    pub fn bytes(self) -> u32 {
        match self {
            Self::Tiny => 1,
            Self::Small => 2,
            Self::Medium => 3,
            Self::Int => 4,
            Self::Big => 8,
        }
    }

    /// Smallest and largest value.
    pub fn range(self, unsigned: bool) -> (i128, i128) {
        let bits = self.bytes() * 8;
        if unsigned {
            (0, (1_i128 << bits) - 1)
        } else {
            (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1)
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Tiny => "TINYINT",
            Self::Small => "SMALLINT",
            Self::Medium => "MEDIUMINT",
            Self::Int => "INT",
            Self::Big => "BIGINT",
        }
    }
}

/// Size class of TEXT and BLOB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LobSize {
    /// 255 bytes.
    Tiny,
    /// 64 KiB.
    Normal,
    /// 16 MiB.
    Medium,
    /// 4 GiB.
    Long,
}

impl LobSize {
    /// Largest number of bytes.
    pub fn max_bytes(self) -> u64 {
        match self {
            Self::Tiny => 255,
            Self::Normal => 65_535,
            Self::Medium => (1 << 24) - 1,
            Self::Long => (1 << 32) - 1,
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Tiny => "TINY",
            Self::Normal => "",
            Self::Medium => "MEDIUM",
            Self::Long => "LONG",
        }
    }
}

/// `UNSIGNED` and `ZEROFILL`; the latter implies the former.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NumberFlags {
    /// No negative values.
    pub unsigned: bool,
    /// Shown with leading zeros.
    pub zerofill: bool,
}

/// A column type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SqlType {
    /// TINYINT … BIGINT.
    Integer {
        /// Bytes.
        width: IntegerWidth,
        /// Display width, kept because ZEROFILL shows it.
        display: Option<u32>,
        /// Flags.
        flags: NumberFlags,
    },
    /// DECIMAL(precision, scale).
    Decimal {
        /// Digits, 1 to 65.
        precision: u32,
        /// Digits after the point, at most 38.
        scale: u32,
        /// Flags.
        flags: NumberFlags,
    },
    /// FLOAT, optionally FLOAT(m,d).
    Float {
        /// Total digits and digits after the point.
        digits: Option<(u32, u32)>,
        /// Flags.
        flags: NumberFlags,
    },
    /// DOUBLE, optionally DOUBLE(m,d).
    Double {
        /// Total digits and digits after the point.
        digits: Option<(u32, u32)>,
        /// Flags.
        flags: NumberFlags,
    },
    /// BIT(n), 1 to 64.
    Bit(u32),
    /// DATE.
    Date,
    /// DATETIME(fraction digits).
    DateTime(u32),
    /// TIMESTAMP(fraction digits).
    Timestamp(u32),
    /// TIME(fraction digits).
    Time(u32),
    /// YEAR.
    Year,
    /// CHAR(characters).
    Char(u32),
    /// VARCHAR(characters).
    VarChar(u32),
    /// BINARY(bytes).
    Binary(u32),
    /// VARBINARY(bytes).
    VarBinary(u32),
    /// TINYTEXT … LONGTEXT.
    Text(LobSize),
    /// TINYBLOB … LONGBLOB.
    Blob(LobSize),
    /// ENUM(members).
    Enum(Vec<String>),
    /// SET(members).
    Set(Vec<String>),
    /// JSON: LONGTEXT with a validity check.
    Json,
}

impl SqlType {
    /// Whether the type has a character set.
    pub fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Char(_)
                | Self::VarChar(_)
                | Self::Text(_)
                | Self::Enum(_)
                | Self::Set(_)
                | Self::Json
        )
    }

    /// Whether the type is an integer type.
    pub fn is_integer(&self) -> bool {
        matches!(self, Self::Integer { .. })
    }

    /// Whether values are printed with leading zeros.
    pub fn is_zerofill(&self) -> bool {
        match self {
            Self::Integer { flags, .. }
            | Self::Decimal { flags, .. }
            | Self::Float { flags, .. }
            | Self::Double { flags, .. } => flags.zerofill,
            _ => false,
        }
    }

    /// Bytes a value takes inside an InnoDB page at most; long values leave a 20-byte pointer (40
    /// bytes are kept for short ones).
    pub fn inline_bytes(&self, bytes_per_char: u32) -> u32 {
        const OFF_PAGE: u32 = 40;
        match self {
            Self::Integer { width, .. } => width.bytes(),
            Self::Decimal { precision, .. } => precision / 9 * 4 + 4,
            Self::Float { .. } | Self::Timestamp(0) => 4,
            Self::Double { .. } | Self::DateTime(_) | Self::Timestamp(_) => 8,
            Self::Bit(bits) => bits.div_ceil(8),
            Self::Date => 3,
            Self::Time(_) => 6,
            Self::Year => 1,
            Self::Char(n) => (n * bytes_per_char).min(1020),
            Self::Binary(n) => *n,
            Self::VarChar(n) => (n * bytes_per_char + 2).min(OFF_PAGE),
            Self::VarBinary(n) => (n + 2).min(OFF_PAGE),
            Self::Text(_) | Self::Blob(_) | Self::Json => OFF_PAGE,
            Self::Enum(members) => {
                if members.len() < 256 {
                    1
                } else {
                    2
                }
            }
            Self::Set(members) => match members.len().div_ceil(8) {
                bytes @ 0..=4 => bytes as u32,
                _ => 8,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_round_trips_through_its_text() {
        for (text, canonical) in [
            ("bigint(20)", "BIGINT(20)"),
            ("INT UNSIGNED", "INT UNSIGNED"),
            ("int(5) zerofill", "INT(5) UNSIGNED ZEROFILL"),
            ("boolean", "TINYINT(1)"),
            ("decimal", "DECIMAL(10,0)"),
            ("NUMERIC(12, 4)", "DECIMAL(12,4)"),
            ("float", "FLOAT"),
            ("float(30)", "DOUBLE"),
            ("double precision", "DOUBLE"),
            ("double(10,2)", "DOUBLE(10,2)"),
            ("bit(3)", "BIT(3)"),
            ("datetime(6)", "DATETIME(6)"),
            ("timestamp", "TIMESTAMP"),
            ("char", "CHAR(1)"),
            ("varchar(255)", "VARCHAR(255)"),
            ("binary(120)", "BINARY(120)"),
            ("mediumtext", "MEDIUMTEXT"),
            ("enum('a','it''s, ok')", "ENUM('a','it''s, ok')"),
            ("set('x')", "SET('x')"),
            ("json", "JSON"),
            ("year(4)", "YEAR"),
        ] {
            let parsed = SqlType::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(parsed.to_string(), canonical);
            assert_eq!(SqlType::parse(canonical), Ok(parsed), "{canonical}");
        }
    }

    #[test]
    fn a_bad_type_is_named() {
        for text in [
            "",
            "BIGNUM",
            "VARCHAR",
            "DECIMAL(70,2)",
            "DECIMAL(5,6)",
            "INT NOT NULL",
            "ENUM()",
            "ENUM(a)",
            "CHAR(256)",
            "DATE(3)",
            "VARCHAR(10",
            "GEOMETRY",
        ] {
            assert!(SqlType::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn integer_ranges_are_those_of_the_server() {
        assert_eq!(IntegerWidth::Tiny.range(false), (-128, 127));
        assert_eq!(IntegerWidth::Big.range(true), (0, i128::from(u64::MAX)));
    }
}
