//! Apache Parquet: columns of one value per row; lists, maps and structures are not read.
//!
//! A file is read out of order: the list of its columns stands at its end.

mod columns;
mod schema;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::{Field, FormatError, Rows, check_wanted, text};
use columns::Column;
use schema::Leaf;

/// First and last bytes of a file.
pub const MAGIC: &[u8] = b"PAR1";
/// Rows decoded at once. A value may have megabytes.
const AT_ONCE: usize = 1024;

/// A Parquet file.
pub struct Table {
    reader: Arc<SerializedFileReader<File>>,
    fields: Vec<Field>,
    leaves: Vec<Option<Leaf>>,
}

impl Table {
    /// Reads the end of `file`.
    pub fn open(file: File) -> Result<Self, FormatError> {
        let (reader, (fields, leaves)) = sound(|| {
            let reader = SerializedFileReader::new(file)?;
            let schema = schema::fields(reader.metadata().file_metadata().schema_descr());
            Ok((reader, schema))
        })?;
        Ok(Self {
            reader: Arc::new(reader),
            fields,
            leaves,
        })
    }

    /// Its columns.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Its rows, with the fields that `wanted` says.
    pub fn rows(self, wanted: &[bool]) -> Result<impl Rows + use<>, FormatError> {
        check_wanted(&self.fields, wanted)?;
        let leaves = self
            .leaves
            .into_iter()
            .zip(wanted)
            .map(|(leaf, wanted)| leaf.filter(|_| *wanted))
            .collect();
        Ok(ParquetRows {
            reader: self.reader,
            leaves,
            group: 0,
            left: 0,
            columns: Vec::new(),
        })
    }
}

struct ParquetRows {
    reader: Arc<SerializedFileReader<File>>,
    /// One per field; none where it is not asked for.
    leaves: Vec<Option<Leaf>>,
    /// The next row group.
    group: usize,
    /// Rows left in the present one.
    left: usize,
    columns: Vec<Option<Column>>,
}

impl ParquetRows {
    /// Opens the next row group; false when there is none.
    fn next_group(&mut self) -> Result<bool, FormatError> {
        if self.group == self.reader.num_row_groups() {
            return Ok(false);
        }
        let (rows, columns) = sound(|| {
            let group = self.reader.get_row_group(self.group)?;
            let open = |leaf: &Option<Leaf>| {
                leaf.as_ref()
                    .map(|leaf| Column::open(group.as_ref(), leaf))
                    .transpose()
            };
            let columns = self.leaves.iter().map(open).collect::<Result<_, _>>()?;
            Ok((group.metadata().num_rows(), columns))
        })?;
        self.left = usize::try_from(rows)
            .map_err(|_| FormatError::Broken("a row group has fewer than no rows".into()))?;
        self.columns = columns;
        self.group += 1;
        Ok(true)
    }
}

impl Rows for ParquetRows {
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, FormatError> {
        while self.left == 0 {
            if !self.next_group()? {
                return Ok(false);
            }
        }
        let rows = self.left.min(AT_ONCE);
        for column in self.columns.iter_mut().flatten() {
            sound(|| column.fill(rows))?;
        }
        for _ in 0..rows {
            for (index, column) in self.columns.iter_mut().enumerate() {
                if index > 0 {
                    out.push(text::DELIMITER);
                }
                if let Some(column) = column {
                    column.write_next(out)?;
                }
            }
            out.push(b'\n');
        }
        self.left -= rows;
        Ok(true)
    }
}

/// What `read` gives. The library panics at some files that are broken; a reader that did is not
/// used again.
fn sound<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, FormatError> {
    let broken = |what: String| FormatError::Broken(format!("is no sound Parquet file: {what}"));
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|error| broken(error.to_string())),
        Err(_) => Err(broken("its metadata contradict each other".into())),
    }
}
