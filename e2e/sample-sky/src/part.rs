//! Files: one table's rows, cut evenly by object, as a stream of blocks.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use orrery_sky::GridError;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::area::Area;
use crate::object::Object;
use crate::{GENERATOR_VERSION, filter, source};

/// Most objects of a sky; ids of sources stay within 63 bits.
pub const MAX_OBJECTS: u64 = 1_000_000_000_000;
/// Most files of one table.
pub const MAX_FILES: u32 = 100_000;
/// A block is handed on once it has this many bytes.
const BLOCK_BYTES: usize = 64 << 10;

/// A table of database `sky`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Director.
    Object,
    /// Child of `Object`.
    Source,
    /// Reference table.
    Filter,
}

impl Table {
    /// All tables, directors first.
    pub const ALL: [Self; 3] = [Self::Filter, Self::Object, Self::Source];

    /// Name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Object => "Object",
            Self::Source => "Source",
            Self::Filter => "Filter",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Table {
    type Err = PartError;

    fn from_str(name: &str) -> Result<Self, PartError> {
        Self::ALL
            .into_iter()
            .find(|table| table.name() == name)
            .ok_or_else(|| PartError::Table(name.to_owned()))
    }
}

/// Why a file cannot be made.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PartError {
    /// No such table.
    #[error("there is no table `{0}`; there are Object, Source and Filter")]
    Table(String),
    /// Too many objects.
    #[error("{0} objects are more than {MAX_OBJECTS}")]
    Objects(u64),
    /// The number of files is 0 or too large.
    #[error("a table is cut into 1 to {MAX_FILES} files, not {0}")]
    Files(u32),
    /// The file is not among them.
    #[error("file {file} of {files}: files are numbered from 0")]
    File {
        /// File asked for.
        file: u32,
        /// Number of files.
        files: u32,
    },
    /// The grid of the area cannot be made.
    #[error(transparent)]
    Grid(#[from] GridError),
}

/// A sky of a size and a seed.
#[derive(Debug, Clone)]
pub struct Sky {
    objects: u64,
    seed: u64,
    area: Arc<Area>,
}

impl Sky {
    /// A sky of this many objects.
    pub fn new(objects: u64, seed: u64) -> Result<Self, PartError> {
        if objects > MAX_OBJECTS {
            return Err(PartError::Objects(objects));
        }
        Ok(Self {
            objects,
            seed,
            area: Arc::new(Area::new(seed)?),
        })
    }

    /// One of the files that a table is cut into, numbered from 0. `Filter` is all in the first.
    pub fn part(&self, table: Table, file: u32, files: u32) -> Result<Part, PartError> {
        if !(1..=MAX_FILES).contains(&files) {
            return Err(PartError::Files(files));
        }
        if file >= files {
            return Err(PartError::File { file, files });
        }
        let start =
            |file: u32| (u128::from(self.objects) * u128::from(file) / u128::from(files)) as u64;
        Ok(Part {
            sky: self.clone(),
            table,
            file,
            files,
            first: start(file),
            end: start(file + 1),
        })
    }
}

/// One file.
#[derive(Debug, Clone)]
pub struct Part {
    sky: Sky,
    table: Table,
    file: u32,
    files: u32,
    first: u64,
    end: u64,
}

impl Part {
    /// A strong entity tag, quotes included: two files with one tag have the same bytes.
    pub fn etag(&self) -> String {
        let Self {
            sky,
            table,
            file,
            files,
            ..
        } = self;
        let key = format!(
            "{GENERATOR_VERSION}/{}/{}/{table}/{file}-of-{files}",
            sky.objects, sky.seed
        );
        let digest = Sha256::digest(key);
        format!("\"{}\"", hex::encode(digest.get(..16).unwrap_or(&digest)))
    }

    /// The file's bytes, made as they are asked for.
    pub fn blocks(&self) -> Blocks {
        let once = self.table == Table::Filter;
        let (next, end) = if once {
            (0, u64::from(self.file == 0))
        } else {
            (self.first, self.end)
        };
        Blocks {
            sky: self.sky.clone(),
            table: self.table,
            next,
            end,
        }
    }
}

/// A file's bytes as blocks of whole rows.
#[derive(Debug, Clone)]
pub struct Blocks {
    sky: Sky,
    table: Table,
    next: u64,
    end: u64,
}

impl Iterator for Blocks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.next >= self.end {
            return None;
        }
        let mut out = Vec::with_capacity(BLOCK_BYTES + 4096);
        while self.next < self.end && out.len() < BLOCK_BYTES {
            self.write_rows(self.next, &mut out);
            self.next += 1;
        }
        Some(Bytes::from(out))
    }
}

impl Blocks {
    /// Appends the rows that come from one object.
    fn write_rows(&self, number: u64, out: &mut Vec<u8>) {
        let Sky { seed, area, .. } = &self.sky;
        match self.table {
            Table::Object => Object::new(area, *seed, number).write(out),
            Table::Source => source::write(&Object::new(area, *seed, number), *seed, out),
            Table::Filter => filter::write(out),
        }
    }
}

#[cfg(test)]
mod tests;
