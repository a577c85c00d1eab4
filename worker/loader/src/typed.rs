//! Files with types of their own: their fields, and their rows as text of the one dialect for them.
//!
//! A format that is read out of order is read from a copy on the spool, so that what is hashed and
//! what is read are the same bytes. The copy has no name and goes with the reader.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use orrery_archive::ingest::FileFormat;
use orrery_formats::{FormatError, Rows, Wanted, fits, parquet, votable};

use crate::dialect::Dialect;
use crate::fault::Fault;
use crate::source::read_fault;

/// Bytes copied at once.
const COPY: usize = 256 << 10;

/// The table of a file.
pub enum Table {
    /// Parquet.
    Parquet(parquet::Table),
    /// FITS.
    Fits(fits::Table),
    /// VOTable.
    Votable(votable::Table),
}

impl Table {
    /// Reads the header of the file `name` of the dialect's format; a copy, if one is needed, lies in
    /// `directory`.
    pub fn open(
        dialect: &Dialect,
        bytes: Box<dyn Read + Send>,
        name: &str,
        directory: &Path,
    ) -> Result<Self, Fault> {
        let table = dialect.table.as_deref();
        let table = match dialect.format {
            FileFormat::Text => return Err(Fault::Internal("reader of files with types")),
            FileFormat::Parquet => {
                parquet::Table::open(copied(bytes, name, directory)?).map(Self::Parquet)
            }
            FileFormat::Fits => fits::Table::open(bytes, table).map(Self::Fits),
            FileFormat::Votable => votable::Table::open(bytes, table).map(Self::Votable),
        };
        table.map_err(|error| format_fault(name, error))
    }

    /// Names of its fields.
    pub fn names(&self) -> Vec<String> {
        let fields = match self {
            Self::Parquet(table) => table.fields(),
            Self::Fits(table) => table.fields(),
            Self::Votable(table) => table.fields(),
        };
        fields.iter().map(|field| field.name.clone()).collect()
    }

    /// Its rows as text, with the fields that `wanted` says; a format that allows it is decoded by
    /// as many `threads`.
    pub fn text(
        self,
        wanted: &[Wanted],
        threads: usize,
        name: &str,
    ) -> Result<Box<dyn Read + Send>, Fault> {
        let rows = match self {
            Self::Parquet(table) => table.rows(wanted, threads).map(boxed),
            Self::Fits(table) => table.rows(wanted).map(boxed),
            Self::Votable(table) => table.rows(wanted),
        };
        let rows = rows.map_err(|error| format_fault(name, error))?;
        Ok(Box::new(RowText {
            rows,
            text: Vec::new(),
            given: 0,
        }))
    }
}

fn boxed(rows: impl Rows + 'static) -> Box<dyn Rows> {
    Box::new(rows)
}

/// The bytes in a file without a name.
fn copied(mut bytes: Box<dyn Read + Send>, name: &str, directory: &Path) -> Result<File, Fault> {
    let disk = |error| Fault::disk(directory, error);
    let mut copy = tempfile::tempfile_in(directory).map_err(disk)?;
    let mut buffer = vec![0; COPY];
    loop {
        let read = match bytes.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other.map_err(|error| read_fault(name, &error))?,
        };
        if read == 0 {
            break;
        }
        copy.write_all(buffer.get(..read).unwrap_or_default())
            .map_err(disk)?;
    }
    copy.rewind().map_err(disk)?;
    Ok(copy)
}

fn format_fault(name: &str, error: FormatError) -> Fault {
    match error {
        FormatError::Read(error) => read_fault(name, &error),
        FormatError::Broken(what) | FormatError::Refused(what) => Fault::BadFile {
            file: name.to_owned(),
            what,
        },
    }
}

/// Rows as a stream of bytes.
struct RowText {
    rows: Box<dyn Rows>,
    text: Vec<u8>,
    given: usize,
}

impl Read for RowText {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            self.text.clear();
            self.given = 0;
            let more = self
                .rows
                .next(&mut self.text)
                .map_err(|error| match error {
                    FormatError::Read(error) => error,
                    FormatError::Broken(what) | FormatError::Refused(what) => {
                        io::Error::new(io::ErrorKind::InvalidData, what)
                    }
                })?;
            if !more {
                return Ok(0);
            }
        }
        let rest = self.text.get(self.given..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        let (given, _) = rest.split_at(length);
        buffer
            .get_mut(..length)
            .unwrap_or_default()
            .copy_from_slice(given);
        self.given += length;
        Ok(length)
    }
}
