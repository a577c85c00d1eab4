//! FITS: one binary table of a file.
//!
//! Read from beginning to end. A file with more than one table is refused when none is chosen,
//! because rows would be missing without a word.

mod column;
mod header;

use std::io::Read;

use crate::choice::Choice;
use crate::{Field, FormatError, Rows, Wanted, check_wanted, text};
use column::Column;
use header::{BLOCK, Header, broken, fill};

/// First bytes of a file.
pub const MAGIC: &[u8] = b"SIMPLE  =                    T";
/// Bytes of rows read at once.
const AT_ONCE: usize = 1 << 20;

/// A FITS file at the rows of its table.
pub struct Table {
    source: Box<dyn Read + Send>,
    fields: Vec<Field>,
    columns: Vec<Option<Column>>,
    row_bytes: usize,
    rows: u64,
    /// Bytes from the end of the rows to the next header.
    rest: u64,
    choice: Choice,
}

impl Table {
    /// Reads up to the rows of the table that `table` names, by EXTNAME or by its number among the
    /// tables; without it the file must have one.
    pub fn open(
        mut source: Box<dyn Read + Send>,
        table: Option<&str>,
    ) -> Result<Self, FormatError> {
        let mut choice = Choice::new(table);
        let Some(primary) = Header::read(&mut source)? else {
            return Err(broken("is empty"));
        };
        if primary.get("SIMPLE") != Some("T") {
            return Err(broken("does not begin with SIMPLE = T"));
        }
        skip(&mut source, padded(primary.data_bytes()?))?;
        while let Some(header) = extension(&mut source)? {
            if is_table(&header) && choice.takes(&[header.get("EXTNAME")])? {
                return Self::new(source, &header, choice);
            }
            skip(&mut source, padded(header.data_bytes()?))?;
        }
        Err(choice.missing())
    }

    fn new(
        source: Box<dyn Read + Send>,
        header: &Header,
        choice: Choice,
    ) -> Result<Self, FormatError> {
        if header.get("XTENSION") == Some("TABLE") {
            return Err(FormatError::Refused(
                "its table is of ASCII text (TABLE), and binary tables (BINTABLE) are read".into(),
            ));
        }
        if header.get("ZTABLE") == Some("T") {
            return Err(FormatError::Refused(
                "its table is compressed (ZTABLE); decompress it first, for example with funpack"
                    .into(),
            ));
        }
        let (fields, columns) = column::columns(header)?;
        let (row_bytes, rows) = (header.size("NAXIS1")?, header.size("NAXIS2")?);
        let data = header.data_bytes()?;
        let taken = row_bytes.checked_mul(rows).filter(|taken| *taken <= data);
        let taken = taken.ok_or_else(|| broken("names more rows than it holds"))?;
        Ok(Self {
            source,
            fields,
            columns,
            row_bytes: usize::try_from(row_bytes).map_err(|_| broken("its rows are too wide"))?,
            rows,
            rest: padded(data) - taken,
            choice,
        })
    }

    /// Its columns.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Its rows, with the fields that `wanted` says.
    pub fn rows(self, wanted: &[Wanted]) -> Result<impl Rows + use<>, FormatError> {
        check_wanted(&self.fields, wanted)?;
        let columns = self.columns.into_iter().zip(wanted);
        let columns = columns
            .map(|(column, wanted)| column?.wanted(*wanted))
            .collect();
        Ok(FitsRows {
            source: self.source,
            columns,
            row_bytes: self.row_bytes,
            left: self.rows,
            read: 0,
            rest: Some(self.rest),
            choice: self.choice,
            buffer: Vec::new(),
        })
    }
}

struct FitsRows {
    source: Box<dyn Read + Send>,
    /// One per field; none where it is not asked for.
    columns: Vec<Option<Column>>,
    row_bytes: usize,
    left: u64,
    read: u64,
    /// Bytes to the next header, until it was looked for.
    rest: Option<u64>,
    choice: Choice,
    buffer: Vec<u8>,
}

impl Rows for FitsRows {
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, FormatError> {
        if self.left == 0 {
            if let Some(rest) = self.rest.take() {
                skip(&mut self.source, rest)?;
                check_rest(&mut self.source, &mut self.choice)?;
            }
            return Ok(false);
        }
        let at_once = (AT_ONCE / self.row_bytes.max(1)).max(1) as u64;
        let rows = self.left.min(at_once);
        self.buffer.resize(rows as usize * self.row_bytes, 0);
        if fill(&mut self.source, &mut self.buffer)? < self.buffer.len() {
            return Err(broken(&format!(
                "ends within its rows {} to {}, of {}",
                self.read + 1,
                self.read + rows,
                self.read + self.left
            )));
        }
        for row in 0..rows as usize {
            let start = row * self.row_bytes;
            for (index, column) in self.columns.iter().enumerate() {
                if index > 0 {
                    out.push(text::DELIMITER);
                }
                if let Some(column) = column {
                    let from = start + column.offset;
                    let stored = self.buffer.get(from..from + column.width);
                    column.write(
                        stored.ok_or_else(|| broken("a column leaves its row"))?,
                        out,
                    );
                }
            }
            out.push(b'\n');
        }
        self.left -= rows;
        self.read += rows;
        Ok(true)
    }
}

fn is_table(header: &Header) -> bool {
    matches!(
        header.get("XTENSION"),
        Some("BINTABLE" | "A3DTABLE" | "TABLE")
    )
}

/// The header of the next extension; `None` at the end of the file.
fn extension(source: &mut impl Read) -> Result<Option<Header>, FormatError> {
    let header = Header::read(source)?;
    match &header {
        Some(header) if header.get("XTENSION").is_none() => {
            Err(broken("something that is no extension follows"))
        }
        _ => Ok(header),
    }
}

/// Reads to the end; fails when the table that was read is not the only one that was meant.
fn check_rest(source: &mut impl Read, choice: &mut Choice) -> Result<(), FormatError> {
    while let Some(header) = extension(source)? {
        if is_table(&header) {
            choice.takes(&[header.get("EXTNAME")])?;
        }
        skip(source, padded(header.data_bytes()?))?;
    }
    Ok(())
}

fn padded(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK as u64).saturating_mul(BLOCK as u64)
}

/// Reads over `bytes` bytes. Some writers leave the padding at the end of a file out.
fn skip(source: &mut impl Read, bytes: u64) -> Result<(), FormatError> {
    let skipped = std::io::copy(&mut source.take(bytes), &mut std::io::sink())?;
    if bytes - skipped >= BLOCK as u64 {
        return Err(broken("ends before its last part does"));
    }
    Ok(())
}
