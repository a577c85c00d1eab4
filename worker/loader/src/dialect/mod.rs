//! How files are written: the user's [`orrery_archive::ingest::Dialect`], checked once, and the two steps that use it.
//!
//! [`records`] cuts the byte stream into records, [`fields`] cuts a record into fields. Both follow `LOAD DATA`: a record ends at a
//! newline that is neither escaped nor inside quotes, so a field may hold newlines, tabs and any byte. A carriage return directly
//! before that newline belongs to the line ending and not to the last field; a value that ends with one escapes or quotes it.

pub mod fields;
pub mod records;

use orrery_archive::ingest;

use crate::fault::Fault;

/// Character set of a file's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8, four bytes at most.
    Utf8,
    /// What MariaDB calls latin1: Windows-1252.
    Latin1,
    /// Bytes, taken as the column's own character set.
    Binary,
}

/// Which compression a source is read with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// By name and first bytes.
    Auto,
    /// Plain.
    None,
    /// gzip, one member or more.
    Gzip,
    /// Zstandard, one frame or more.
    Zstd,
}

/// A checked dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Byte between fields.
    pub delimiter: u8,
    /// Byte around fields.
    pub quote: Option<u8>,
    /// Byte that takes the next byte's meaning away.
    pub escape: Option<u8>,
    /// Text of NULL, compared before escapes are undone.
    pub null: Vec<u8>,
    /// Whether the first record names the fields.
    pub header: bool,
    /// Character set.
    pub charset: Charset,
    /// Compression.
    pub compression: Compression,
}

impl Dialect {
    /// Checks `dialect`.
    pub fn new(dialect: &ingest::Dialect) -> Result<Self, Fault> {
        let delimiter = match dialect.delimiter.as_str() {
            "\\t" => b'\t',
            other => one_byte("delimiter", other)?,
        };
        let quote = dialect
            .quote
            .as_deref()
            .map(|quote| one_byte("quote", quote))
            .transpose()?;
        let escape = match dialect.escape.as_str() {
            "" => None,
            other => Some(one_byte("escape", other)?),
        };
        if quote == Some(delimiter) || escape == Some(delimiter) || (quote.is_some() && quote == escape) {
            return Err(Fault::BadDialect(
                "delimiter, quote and escape must differ from each other".into(),
            ));
        }
        Ok(Self {
            delimiter,
            quote,
            escape,
            null: dialect.null.clone().into_bytes(),
            header: dialect.header,
            charset: charset(&dialect.charset)?,
            compression: compression(&dialect.compression)?,
        })
    }
}

fn one_byte(what: &str, text: &str) -> Result<u8, Fault> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) => Ok(*byte),
        _ => Err(Fault::BadDialect(format!(
            "the {what} must be one ASCII character and no line ending, not {text:?}"
        ))),
    }
}

fn charset(name: &str) -> Result<Charset, Fault> {
    match name {
        "utf8mb4" => Ok(Charset::Utf8),
        "latin1" => Ok(Charset::Latin1),
        "binary" => Ok(Charset::Binary),
        other => Err(Fault::BadDialect(format!(
            "the charset must be utf8mb4, latin1 or binary, not `{other}`"
        ))),
    }
}

fn compression(name: &str) -> Result<Compression, Fault> {
    match name {
        "auto" => Ok(Compression::Auto),
        "none" => Ok(Compression::None),
        "gzip" => Ok(Compression::Gzip),
        "zstd" => Ok(Compression::Zstd),
        other => Err(Fault::BadDialect(format!(
            "the compression must be auto, none, gzip or zstd, not `{other}`"
        ))),
    }
}

#[cfg(test)]
mod tests;
