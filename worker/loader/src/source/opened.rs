//! A source while it is read.

use std::io::Read;

use super::broken::read_fault;
use super::compression;
use super::stored::Stored;
use crate::dialect::Compression;
use crate::fault::Fault;

/// What a source is before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes as stored, when the source says.
    pub size: Option<u64>,
    /// ETag, modification time, or nothing.
    pub version: String,
}

/// An open source.
pub struct Opened {
    pub(super) name: String,
    head: Head,
    stored: Stored,
}

impl Opened {
    pub(super) fn new(name: String, head: Head, source: Box<dyn Read + Send>) -> Self {
        Self {
            name,
            head,
            stored: Stored::new(source),
        }
    }

    /// What it is.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The stored bytes; a clone shares the position, so it shows how far reading got.
    pub fn stored(&self) -> Stored {
        self.stored.clone()
    }

    /// The decompressed bytes.
    pub fn reader(&self, compression: Compression) -> Result<Box<dyn Read + Send>, Fault> {
        compression::reader(&self.name, self.stored.clone(), compression)
    }

    /// Reads to the end of the stored bytes; their number and SHA-256 (hex).
    pub fn finish(&self) -> Result<(u64, String), Fault> {
        let (size, sha256) = self
            .stored
            .finish()
            .map_err(|error| read_fault(&self.name, &error))?;
        match self.head.size {
            Some(expected) if expected != size => Err(Fault::BadFile {
                file: self.name.clone(),
                what: format!("has {size} bytes, its source announced {expected}"),
            }),
            _ => Ok((size, sha256)),
        }
    }
}
