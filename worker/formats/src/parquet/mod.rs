//! Apache Parquet: columns of one value per row; lists, maps and structures are not read.
//!
//! A file is read out of order: the list of its columns stands at its end.

mod columns;
mod file;
mod group;
mod schema;
mod sound;

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::{Field, FormatError, Rows, Wanted, check_wanted};
use file::Shared;
use group::{Piece, decode};
use schema::Leaf;
use sound::sound;

/// First and last bytes of a file.
pub const MAGIC: &[u8] = b"PAR1";
/// A Parquet file.
pub struct Table {
    reader: Arc<SerializedFileReader<Shared>>,
    fields: Vec<Field>,
    leaves: Vec<Option<Leaf>>,
}

impl Table {
    /// Reads the end of `file`.
    pub fn open(file: File) -> Result<Self, FormatError> {
        let (reader, (fields, leaves)) = sound(|| {
            let reader = SerializedFileReader::new(Shared::new(file)?)?;
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

    /// Its rows, with the fields that `wanted` says; up to `threads` row groups are decoded at the
    /// same time.
    pub fn rows(self, wanted: &[Wanted], threads: usize) -> Result<impl Rows + use<>, FormatError> {
        check_wanted(&self.fields, wanted)?;
        let leaves = self.leaves.into_iter().zip(wanted);
        let leaves = leaves.map(|(leaf, wanted)| leaf?.wanted(*wanted)).collect();
        Ok(ParquetRows {
            reader: self.reader,
            leaves,
            threads: threads.max(1),
            next: 0,
            under_way: VecDeque::new(),
        })
    }
}

struct ParquetRows {
    reader: Arc<SerializedFileReader<Shared>>,
    /// One per field; none where it is not asked for.
    leaves: Arc<[Option<Leaf>]>,
    threads: usize,
    /// The next row group that no thread decodes yet.
    next: usize,
    /// Row groups that are decoded now, in order.
    under_way: VecDeque<Receiver<Piece>>,
}

impl Rows for ParquetRows {
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, FormatError> {
        loop {
            while self.under_way.len() < self.threads && self.next < self.reader.num_row_groups() {
                let (reader, leaves) = (Arc::clone(&self.reader), Arc::clone(&self.leaves));
                self.under_way.push_back(decode(reader, self.next, leaves)?);
                self.next += 1;
            }
            let Some(first) = self.under_way.front() else {
                return Ok(false);
            };
            match first.recv() {
                Ok(Piece::Rows(text)) => {
                    out.extend_from_slice(&text);
                    return Ok(true);
                }
                Ok(Piece::End) => drop(self.under_way.pop_front()),
                Ok(Piece::Failed(error)) => return Err(error),
                // A thread that ends in another way has not given all its rows.
                Err(_) => {
                    return Err(FormatError::Broken(
                        "could not be read: a thread that decoded it ended early".into(),
                    ));
                }
            }
        }
    }
}
