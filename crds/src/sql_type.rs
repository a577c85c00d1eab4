//! MySQL column types as users write them, parsed.
//!
//! The accepted language is what MariaDB 10.11 takes in a column definition, without attributes that belong to the column (NULL,
//! DEFAULT, COLLATE …). Aliases (`BOOL`, `DEC`, `INTEGER`, `REAL` …) are folded into their types, so that equal types compare equal.

use std::fmt;

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
    /// Parses `text`.
    pub fn parse(text: &str) -> Result<Self, SqlTypeError> {
        Parser::new(text)?.parse()
    }

    /// Whether the type has a character set.
    pub fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Char(_) | Self::VarChar(_) | Self::Text(_) | Self::Enum(_) | Self::Set(_) | Self::Json
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

    /// Bytes a value takes inside an InnoDB page at most; long values leave a 20-byte pointer (40 bytes are kept for short ones).
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
            Self::Char(n) => (n * bytes_per_char)
                .min(OFF_PAGE.max(n * bytes_per_char))
                .min(1020),
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

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer {
                width,
                display,
                flags,
            } => {
                f.write_str(width.name())?;
                if let Some(display) = display {
                    write!(f, "({display})")?;
                }
                write_flags(f, *flags)
            }
            Self::Decimal {
                precision,
                scale,
                flags,
            } => {
                write!(f, "DECIMAL({precision},{scale})")?;
                write_flags(f, *flags)
            }
            Self::Float { digits, flags } => write_approximate(f, "FLOAT", *digits, *flags),
            Self::Double { digits, flags } => write_approximate(f, "DOUBLE", *digits, *flags),
            Self::Bit(n) => write!(f, "BIT({n})"),
            Self::Date => f.write_str("DATE"),
            Self::DateTime(0) => f.write_str("DATETIME"),
            Self::DateTime(n) => write!(f, "DATETIME({n})"),
            Self::Timestamp(0) => f.write_str("TIMESTAMP"),
            Self::Timestamp(n) => write!(f, "TIMESTAMP({n})"),
            Self::Time(0) => f.write_str("TIME"),
            Self::Time(n) => write!(f, "TIME({n})"),
            Self::Year => f.write_str("YEAR"),
            Self::Char(n) => write!(f, "CHAR({n})"),
            Self::VarChar(n) => write!(f, "VARCHAR({n})"),
            Self::Binary(n) => write!(f, "BINARY({n})"),
            Self::VarBinary(n) => write!(f, "VARBINARY({n})"),
            Self::Text(size) => write!(f, "{}TEXT", size.prefix()),
            Self::Blob(size) => write!(f, "{}BLOB", size.prefix()),
            Self::Enum(members) => write_members(f, "ENUM", members),
            Self::Set(members) => write_members(f, "SET", members),
            Self::Json => f.write_str("JSON"),
        }
    }
}

fn write_flags(f: &mut fmt::Formatter<'_>, flags: NumberFlags) -> fmt::Result {
    if flags.unsigned {
        f.write_str(" UNSIGNED")?;
    }
    if flags.zerofill {
        f.write_str(" ZEROFILL")?;
    }
    Ok(())
}

fn write_approximate(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    digits: Option<(u32, u32)>,
    flags: NumberFlags,
) -> fmt::Result {
    f.write_str(name)?;
    if let Some((m, d)) = digits {
        write!(f, "({m},{d})")?;
    }
    write_flags(f, flags)
}

fn write_members(f: &mut fmt::Formatter<'_>, name: &str, members: &[String]) -> fmt::Result {
    write!(f, "{name}(")?;
    for (i, member) in members.iter().enumerate() {
        if i > 0 {
            f.write_str(",")?;
        }
        write!(f, "'{}'", member.replace('\\', "\\\\").replace('\'', "''"))?;
    }
    f.write_str(")")
}

/// The text cut into type word, parameters, and the words after them.
struct Parser<'a> {
    text: &'a str,
    word: String,
    parameters: Option<&'a str>,
    rest: Vec<String>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, SqlTypeError> {
        let trimmed = text.trim();
        let word_end = trimmed
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(trimmed.len());
        let (word, mut tail) = trimmed.split_at(word_end);
        tail = tail.trim_start();
        let mut parameters = None;
        if let Some(inner) = tail.strip_prefix('(') {
            let end = closing(inner).ok_or_else(|| {
                SqlTypeError::Parameters(trimmed.into(), "the parenthesis is not closed".into())
            })?;
            parameters = Some(&inner[..end]);
            tail = &inner[end + 1..];
        }
        let rest = tail.split_whitespace().map(str::to_ascii_uppercase).collect();
        Ok(Self {
            text: trimmed,
            word: word.to_ascii_uppercase(),
            parameters,
            rest,
        })
    }

    fn parse(mut self) -> Result<SqlType, SqlTypeError> {
        if self.word == "DOUBLE" && self.rest.first().is_some_and(|word| word == "PRECISION") {
            self.rest.remove(0);
        }
        let flags = self.take_flags();
        let parsed = self.by_word(flags)?;
        match self.rest.first() {
            None => Ok(parsed),
            Some(word) => Err(SqlTypeError::Trailing(self.text.into(), word.clone())),
        }
    }

    fn take_flags(&mut self) -> NumberFlags {
        let numeric = matches!(
            self.word.as_str(),
            "TINYINT"
                | "SMALLINT"
                | "MEDIUMINT"
                | "INT"
                | "INTEGER"
                | "BIGINT"
                | "DECIMAL"
                | "DEC"
                | "NUMERIC"
                | "FIXED"
                | "FLOAT"
                | "DOUBLE"
                | "REAL"
        );
        let mut flags = NumberFlags::default();
        if !numeric {
            return flags;
        }
        loop {
            match self.rest.first().map(String::as_str) {
                Some("UNSIGNED") => flags.unsigned = true,
                Some("ZEROFILL") => {
                    flags = NumberFlags {
                        unsigned: true,
                        zerofill: true,
                    }
                }
                Some("SIGNED") => {}
                _ => break,
            }
            self.rest.remove(0);
        }
        flags
    }

    fn by_word(&self, flags: NumberFlags) -> Result<SqlType, SqlTypeError> {
        let integer = |width| {
            Ok(SqlType::Integer {
                width,
                display: self.optional(0, 255)?,
                flags,
            })
        };
        match self.word.as_str() {
            "TINYINT" => integer(IntegerWidth::Tiny),
            "SMALLINT" => integer(IntegerWidth::Small),
            "MEDIUMINT" => integer(IntegerWidth::Medium),
            "INT" | "INTEGER" => integer(IntegerWidth::Int),
            "BIGINT" => integer(IntegerWidth::Big),
            "BOOL" | "BOOLEAN" => {
                self.none()?;
                Ok(SqlType::Integer {
                    width: IntegerWidth::Tiny,
                    display: Some(1),
                    flags,
                })
            }
            "DECIMAL" | "DEC" | "NUMERIC" | "FIXED" => self.decimal(flags),
            "FLOAT" => self.float(flags),
            "DOUBLE" | "REAL" => Ok(SqlType::Double {
                digits: self.digits()?,
                flags,
            }),
            "BIT" => Ok(SqlType::Bit(self.optional(1, 64)?.unwrap_or(1))),
            "YEAR" => {
                self.optional(4, 4)?;
                Ok(SqlType::Year)
            }
            "DATETIME" => Ok(SqlType::DateTime(self.optional(0, 6)?.unwrap_or(0))),
            "TIMESTAMP" => Ok(SqlType::Timestamp(self.optional(0, 6)?.unwrap_or(0))),
            "TIME" => Ok(SqlType::Time(self.optional(0, 6)?.unwrap_or(0))),
            "CHAR" | "CHARACTER" => Ok(SqlType::Char(self.optional(0, 255)?.unwrap_or(1))),
            "BINARY" => Ok(SqlType::Binary(self.optional(0, 255)?.unwrap_or(1))),
            "VARCHAR" => Ok(SqlType::VarChar(self.required(0, 16_383)?)),
            "VARBINARY" => Ok(SqlType::VarBinary(self.required(0, 65_532)?)),
            "ENUM" => Ok(SqlType::Enum(self.members(65_535)?)),
            "SET" => Ok(SqlType::Set(self.members(64)?)),
            _ => self.without_parameters(),
        }
    }

    fn without_parameters(&self) -> Result<SqlType, SqlTypeError> {
        let parsed = match self.word.as_str() {
            "DATE" => SqlType::Date,
            "TINYTEXT" => SqlType::Text(LobSize::Tiny),
            "TEXT" => SqlType::Text(LobSize::Normal),
            "MEDIUMTEXT" => SqlType::Text(LobSize::Medium),
            "LONGTEXT" => SqlType::Text(LobSize::Long),
            "TINYBLOB" => SqlType::Blob(LobSize::Tiny),
            "BLOB" => SqlType::Blob(LobSize::Normal),
            "MEDIUMBLOB" => SqlType::Blob(LobSize::Medium),
            "LONGBLOB" => SqlType::Blob(LobSize::Long),
            "JSON" => SqlType::Json,
            _ => return Err(SqlTypeError::Unknown(self.text.into())),
        };
        self.none()?;
        Ok(parsed)
    }

    fn decimal(&self, flags: NumberFlags) -> Result<SqlType, SqlTypeError> {
        let (precision, scale) = match self.numbers()?.as_slice() {
            [] => (10, 0),
            [precision] => (*precision, 0),
            [precision, scale] => (*precision, *scale),
            _ => return Err(self.wrong("at most precision and scale")),
        };
        if !(1..=65).contains(&precision) || scale > 38 || scale > precision {
            return Err(
                self.wrong("the precision is 1 to 65, the scale at most 38 and not above the precision")
            );
        }
        Ok(SqlType::Decimal {
            precision,
            scale,
            flags,
        })
    }

    /// `FLOAT(p)` with p above 24 is a DOUBLE, as in MariaDB.
    fn float(&self, flags: NumberFlags) -> Result<SqlType, SqlTypeError> {
        match self.numbers()?.as_slice() {
            [precision] if *precision <= 24 => Ok(SqlType::Float { digits: None, flags }),
            [precision] if *precision <= 53 => Ok(SqlType::Double { digits: None, flags }),
            [_] => Err(self.wrong("the precision is at most 53")),
            _ => Ok(SqlType::Float {
                digits: self.digits()?,
                flags,
            }),
        }
    }

    fn digits(&self) -> Result<Option<(u32, u32)>, SqlTypeError> {
        match self.numbers()?.as_slice() {
            [] => Ok(None),
            [m, d] if *m <= 255 && *d <= 38 && d <= m => Ok(Some((*m, *d))),
            _ => Err(self.wrong("digits are (total, after the point), at most (255, 38)")),
        }
    }

    fn numbers(&self) -> Result<Vec<u32>, SqlTypeError> {
        let Some(parameters) = self.parameters else {
            return Ok(Vec::new());
        };
        parameters
            .split(',')
            .map(|number| {
                number
                    .trim()
                    .parse()
                    .map_err(|_| self.wrong("a whole number is expected"))
            })
            .collect()
    }

    fn optional(&self, min: u32, max: u32) -> Result<Option<u32>, SqlTypeError> {
        match self.numbers()?.as_slice() {
            [] => Ok(None),
            [n] if (min..=max).contains(n) => Ok(Some(*n)),
            _ => Err(self.wrong(&format!("one number from {min} to {max}"))),
        }
    }

    fn required(&self, min: u32, max: u32) -> Result<u32, SqlTypeError> {
        self.optional(min, max)?
            .ok_or_else(|| self.wrong(&format!("a length from {min} to {max} is needed")))
    }

    fn none(&self) -> Result<(), SqlTypeError> {
        if self.parameters.is_some() {
            Err(self.wrong("the type takes none"))
        } else {
            Ok(())
        }
    }

    fn members(&self, most: usize) -> Result<Vec<String>, SqlTypeError> {
        let members = split_members(self.parameters.unwrap_or_default())
            .ok_or_else(|| self.wrong("members are quoted strings, 'a','b'"))?;
        if members.is_empty() || members.len() > most {
            return Err(self.wrong(&format!("1 to {most} members")));
        }
        Ok(members)
    }

    fn wrong(&self, what: &str) -> SqlTypeError {
        SqlTypeError::Parameters(self.text.into(), what.into())
    }
}

/// Index of the parenthesis that closes the one before `text`, outside quotes.
fn closing(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '\'' => quoted = !quoted,
            ')' if !quoted => return Some(i),
            _ => {}
        }
    }
    None
}

/// `'a','b''c'` → members; `None` when malformed.
fn split_members(text: &str) -> Option<Vec<String>> {
    let mut members = Vec::new();
    let mut rest = text.trim();
    loop {
        let (member, after) = quoted(rest)?;
        members.push(member);
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(members);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

/// One quoted string at the start of `text`, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('\'')?.char_indices().peekable();
    let mut value = String::new();
    while let Some((i, c)) = chars.next() {
        match c {
            '\\' => value.push(chars.next()?.1),
            '\'' if chars.peek().is_some_and(|(_, next)| *next == '\'') => {
                chars.next();
                value.push('\'');
            }
            '\'' => return Some((value, &text[i + 2..])),
            _ => value.push(c),
        }
    }
    None
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
