//! How files are written: the user's [`orrery_archive::ingest::Dialect`], checked once, and the two
//! steps that use it.
//!
//! [`records`] cuts the byte stream into records, [`fields`] cuts a record into fields. Both follow
//! `LOAD DATA`: a record ends at a newline that is neither escaped nor inside quotes, so a field
//! may hold newlines, tabs and any byte. A carriage return directly before that newline, or at the
//! end of the file, belongs to the line ending and not to the last field; a value that ends with
//! one escapes or quotes it. A comment is a line: quotes and escapes mean nothing in it.

pub mod fields;
pub mod marks;
pub mod preamble;
pub mod records;

use orrery_archive::ingest::{self, BlankLines, FileFormat, NotFinite};
use orrery_formats::text as typed;

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
    /// What the files are. Rows of files with types become text of one dialect, so that all rows
    /// are checked in one way.
    pub format: FileFormat,
    /// Which table of a file with several.
    pub table: Option<String>,
    /// Byte between fields.
    pub delimiter: u8,
    /// Byte around fields.
    pub quote: Option<u8>,
    /// Byte that takes the next byte's meaning away.
    pub escape: Option<u8>,
    /// Spellings of NULL, compared before escapes are undone; of a quoted field with its quotes.
    pub nulls: Vec<Vec<u8>>,
    /// Whether the first record that is no comment names the fields.
    pub header: bool,
    /// Records after the header that are no rows.
    pub skip_after_header: u32,
    /// How a comment line begins; empty when there are none.
    pub comment: Vec<u8>,
    /// What an empty line is.
    pub blank_lines: BlankLines,
    /// Whether blanks around a field are left out; those within quotes are text.
    pub trim: bool,
    /// What numbers that are not finite are.
    pub not_finite: NotFinite,
    /// Whether integer columns take `true` and `false`.
    pub booleans: bool,
    /// Character set.
    pub charset: Charset,
    /// Compression.
    pub compression: Compression,
}

impl Dialect {
    /// Whether a line that begins like this is a comment.
    pub fn is_comment(&self, record: &[u8]) -> bool {
        !self.comment.is_empty() && record.starts_with(&self.comment)
    }

    /// Whether `byte` is a blank that is left out before and after a field.
    pub(crate) fn is_trimmed(&self, byte: u8) -> bool {
        self.trim && matches!(byte, b' ' | b'\t') && byte != self.delimiter
    }

    /// Whether a record without its line ending is no row and no header.
    pub fn is_skipped(&self, record: &[u8]) -> bool {
        self.is_comment(record) || (self.blank_lines == BlankLines::Skip && is_blank(record))
    }

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
        if dialect.format != FileFormat::Text {
            return Self::typed(dialect);
        }
        if quote == Some(delimiter)
            || escape == Some(delimiter)
            || (quote.is_some() && quote == escape)
        {
            return Err(Fault::BadDialect(
                "delimiter, quote and escape must differ from each other".into(),
            ));
        }
        if dialect.table.is_some() {
            return Err(no_tables());
        }
        if dialect.skip_after_header > 0 && !dialect.header {
            return Err(Fault::BadDialect(
                "skipAfterHeader needs header: true".into(),
            ));
        }
        Ok(Self {
            format: FileFormat::Text,
            table: None,
            delimiter,
            quote,
            escape,
            nulls: dialect
                .nulls
                .iter()
                .map(|null| null.clone().into_bytes())
                .collect(),
            header: dialect.header,
            skip_after_header: dialect.skip_after_header,
            comment: comment(&dialect.comment, quote)?,
            blank_lines: dialect.blank_lines,
            trim: dialect.trim,
            not_finite: dialect.not_finite,
            booleans: dialect.booleans,
            charset: charset(&dialect.charset)?,
            compression: compression(&dialect.compression)?,
        })
    }
}

impl Dialect {
    /// The dialect in which the rows of files with types are written.
    fn typed(dialect: &ingest::Dialect) -> Result<Self, Fault> {
        let for_text_alone = ingest::Dialect {
            format: FileFormat::Text,
            table: None,
            not_finite: NotFinite::default(),
            compression: ingest::Dialect::default().compression,
            ..dialect.clone()
        };
        if for_text_alone != ingest::Dialect::default() {
            return Err(Fault::BadDialect(
                "files with types take format, table, notFinite and compression alone".into(),
            ));
        }
        if dialect.table.is_some() && dialect.format == FileFormat::Parquet {
            return Err(no_tables());
        }
        Ok(Self {
            format: dialect.format,
            table: dialect.table.clone(),
            delimiter: typed::DELIMITER,
            quote: None,
            escape: Some(typed::ESCAPE),
            nulls: vec![typed::NULL.to_vec()],
            header: false,
            skip_after_header: 0,
            comment: Vec::new(),
            blank_lines: BlankLines::Records,
            trim: false,
            not_finite: dialect.not_finite,
            booleans: false,
            charset: Charset::Utf8,
            compression: compression(&dialect.compression)?,
        })
    }
}

fn no_tables() -> Fault {
    Fault::BadDialect("table is for FITS and VOTable: other files hold one table".into())
}

fn is_blank(record: &[u8]) -> bool {
    record.iter().all(u8::is_ascii_whitespace)
}

fn one_byte(what: &str, text: &str) -> Result<u8, Fault> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) => Ok(*byte),
        _ => Err(Fault::BadDialect(format!(
            "the {what} must be one ASCII character and no line ending, not {text:?}"
        ))),
    }
}

fn comment(text: &str, quote: Option<u8>) -> Result<Vec<u8>, Fault> {
    if text.contains(['\n', '\r']) || (quote.is_some() && text.as_bytes().first() == quote.as_ref())
    {
        return Err(Fault::BadDialect(format!(
            "the comment must be text of one line that does not begin with the quote, not {text:?}"
        )));
    }
    Ok(text.as_bytes().to_vec())
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
