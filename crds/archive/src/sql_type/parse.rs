//! A type from its text: the word, what stands in parentheses, and the words behind.

use super::{IntegerWidth, LobSize, NumberFlags, SqlType, SqlTypeError};

impl SqlType {
    /// Parses `text`.
    pub fn parse(text: &str) -> Result<Self, SqlTypeError> {
        Parser::new(text)?.parse()
    }
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
        let rest = tail
            .split_whitespace()
            .map(str::to_ascii_uppercase)
            .collect();
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
            return Err(self.wrong(
                "the precision is 1 to 65, the scale at most 38 and not above the precision",
            ));
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
            [precision] if *precision <= 24 => Ok(SqlType::Float {
                digits: None,
                flags,
            }),
            [precision] if *precision <= 53 => Ok(SqlType::Double {
                digits: None,
                flags,
            }),
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
