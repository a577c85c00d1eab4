//! Cuts a record into fields and undoes quotes and escapes.
//!
//! Escapes mean what they mean to `LOAD DATA`: `\0 \b \n \r \t \Z` are control characters, `\N` as
//! a whole field is NULL, any other escaped byte is itself. Inside quotes a doubled quote is one
//! quote. A quoted field is NULL only where a spelling of NULL has the quotes too.

use memchr::{memchr, memchr2};
use thiserror::Error;

use super::Dialect;

/// Why a record has no fields.
#[derive(Debug, Error, PartialEq, Eq, Clone, Copy)]
pub enum FieldError {
    /// Something follows a closing quote.
    #[error("field {0} has text after its closing quote")]
    AfterQuote(usize),
    /// A quote is never closed.
    #[error("field {0} has no closing quote")]
    OpenQuote(usize),
}

/// How a field's bytes become its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As they are.
    Plain,
    /// With escapes.
    Escaped,
    /// Between quotes.
    Quoted,
    /// NULL.
    Null,
}

#[derive(Clone, Copy, Debug)]
struct Field {
    start: usize,
    end: usize,
    form: Form,
}

/// The fields of one record; used again for the next, so that nothing is allocated per row.
#[derive(Debug, Default)]
pub struct Fields {
    fields: Vec<Field>,
}

impl Fields {
    /// Cuts `record`.
    pub fn split(&mut self, record: &[u8], dialect: &Dialect) -> Result<(), FieldError> {
        self.fields.clear();
        let mut start = 0;
        loop {
            let opening = after_blanks(record, start, dialect);
            let (field, next) = match dialect.quote {
                Some(quote) if record.get(opening) == Some(&quote) => {
                    quoted(record, opening, quote, dialect, self.fields.len() + 1)?
                }
                _ => plain(record, start, dialect),
            };
            self.fields.push(field);
            match next {
                Some(next) => start = next,
                None => return Ok(()),
            }
        }
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether no record was cut yet.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Value of field `index` of the `record` given to [`Self::split`]; `None` is NULL. `scratch`
    /// holds values whose escapes were undone.
    pub fn value<'a>(
        &self,
        index: usize,
        record: &'a [u8],
        dialect: &Dialect,
        scratch: &'a mut Vec<u8>,
    ) -> Option<&'a [u8]> {
        let field = self.fields.get(index)?;
        let raw = record.get(field.start..field.end).unwrap_or_default();
        match field.form {
            Form::Null => None,
            Form::Plain => Some(raw),
            Form::Escaped => {
                undo(raw, None, dialect, scratch);
                Some(scratch)
            }
            Form::Quoted => {
                undo(raw, dialect.quote, dialect, scratch);
                Some(scratch)
            }
        }
    }
}

/// A field without quotes, and where the next one starts.
fn plain(record: &[u8], start: usize, dialect: &Dialect) -> (Field, Option<usize>) {
    let mut at = start;
    let mut form = Form::Plain;
    let end = loop {
        let rest = record.get(at..).unwrap_or_default();
        let found = match dialect.escape {
            Some(escape) => memchr2(dialect.delimiter, escape, rest),
            None => memchr(dialect.delimiter, rest),
        };
        match found {
            None => break record.len(),
            Some(offset) if record.get(at + offset) == Some(&dialect.delimiter) => {
                break at + offset;
            }
            Some(offset) => {
                form = Form::Escaped;
                at += offset + 2;
            }
        }
    };
    let next = (end < record.len()).then_some(end + 1);
    let (start, end) = if dialect.trim {
        trimmed(record, start, end, dialect)
    } else {
        (start, end)
    };
    let raw = record.get(start..end).unwrap_or_default();
    let escaped_null =
        form == Form::Escaped && matches!(raw, [escape, b'N'] if Some(*escape) == dialect.escape);
    if escaped_null || dialect.nulls.iter().any(|null| raw == null) {
        form = Form::Null;
    }
    (Field { start, end, form }, next)
}

/// The field without the blanks around it; an escaped blank belongs to the value.
fn trimmed(record: &[u8], start: usize, end: usize, dialect: &Dialect) -> (usize, usize) {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let raw = record.get(start..end).unwrap_or_default();
    let start = start + raw.iter().take_while(|byte| is_blank(byte)).count();
    let raw = record.get(start..end).unwrap_or_default();
    let mut end = end - raw.iter().rev().take_while(|byte| is_blank(byte)).count();
    let bare = record.get(start..end).unwrap_or_default();
    if end < start + raw.len() && super::records::ends_escaped(bare, dialect) {
        end += 1;
    }
    (start, end)
}

/// A quoted field, without its quotes, and where the next one starts.
fn quoted(
    record: &[u8],
    start: usize,
    quote: u8,
    dialect: &Dialect,
    number: usize,
) -> Result<(Field, Option<usize>), FieldError> {
    let mut at = start + 1;
    loop {
        match record.get(at) {
            None => return Err(FieldError::OpenQuote(number)),
            Some(byte) if Some(*byte) == dialect.escape => at += 2,
            Some(byte) if *byte != quote => at += 1,
            Some(_) if record.get(at + 1) == Some(&quote) => at += 2,
            Some(_) => break,
        }
    }
    let whole = record.get(start..=at).unwrap_or_default();
    let field = Field {
        start: start + 1,
        end: at,
        form: if dialect.nulls.iter().any(|null| whole == null) {
            Form::Null
        } else {
            Form::Quoted
        },
    };
    let after = after_blanks(record, at + 1, dialect);
    match record.get(after) {
        None => Ok((field, None)),
        Some(byte) if *byte == dialect.delimiter => Ok((field, Some(after + 1))),
        Some(_) => Err(FieldError::AfterQuote(number)),
    }
}

/// Where the blanks at `start` end that are left out.
fn after_blanks(record: &[u8], start: usize, dialect: &Dialect) -> usize {
    let rest = record.get(start..).unwrap_or_default().iter();
    start + rest.take_while(|byte| dialect.is_trimmed(**byte)).count()
}

/// Writes `raw` to `value` with escapes, and doubled `quote`s, undone.
fn undo(raw: &[u8], quote: Option<u8>, dialect: &Dialect, value: &mut Vec<u8>) {
    value.clear();
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        if Some(byte) == dialect.escape {
            // An escape at the very end of a file stands for itself.
            value.push(bytes.next().map_or(byte, meaning));
        } else {
            if Some(byte) == quote {
                bytes.next();
            }
            value.push(byte);
        }
    }
}

/// What an escaped byte means.
fn meaning(byte: u8) -> u8 {
    match byte {
        b'0' => 0,
        b'b' => 8,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'Z' => 26,
        other => other,
    }
}
