//! Sources: bytes as stored, hashed while they are read, and decompressed.
//!
//! A source is read once, from beginning to end. [`Opened::reader`] hands out decompressed bytes; [`Opened::finish`] reads what a
//! decompressor left and tells size, version and SHA-256 of the bytes as stored.

mod compression;
mod file;
mod gzip;
mod http;
mod stored;

use std::io::Read;
use std::path::{Path, PathBuf};

use orrery_archive::ingest::IngestSource;

use crate::dialect::Compression;
use crate::fault::Fault;

pub use http::{HttpSources, chain as error_chain};
pub use stored::Stored;

/// A place the loader can read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `http://` or `https://`.
    Url(String),
    /// A file of a mounted claim.
    File(PathBuf),
}

impl Place {
    /// Where `source` is, with claims mounted below `root`.
    pub fn new(source: &IngestSource, root: &Path) -> Result<Self, Fault> {
        match (&source.url, &source.claim, &source.path) {
            (Some(url), None, None) => Ok(Self::Url(url.clone())),
            (None, Some(claim), Some(path)) => file::place(root, claim, path),
            _ => Err(Fault::BadFields(
                "a source has either url or claim and path".into(),
            )),
        }
    }

    /// The name people and the record of files know it by.
    pub fn name(&self) -> String {
        match self {
            Self::Url(url) => url.clone(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// What a source is before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes as stored, when the source tells.
    pub size: Option<u64>,
    /// ETag, modification time, or nothing.
    pub version: String,
}

/// An open source.
pub struct Opened {
    name: String,
    head: Head,
    stored: Stored,
}

impl Opened {
    fn new(name: String, head: Head, source: Box<dyn Read + Send>) -> Self {
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

    /// The stored bytes; a clone shares the position, so it tells how far reading got.
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

/// Opens files at once, URLs by `http`.
pub fn open(place: &Place, http: &HttpSources) -> Result<Opened, Fault> {
    match place {
        Place::Url(url) => http.open(url),
        Place::File(path) => file::open(path),
    }
}

/// What is known of a source without reading it; fails when it is missing.
pub fn head(place: &Place, http: &HttpSources) -> Result<Option<Head>, Fault> {
    match place {
        Place::Url(url) => http.head(url),
        Place::File(path) => file::head(path).map(Some),
    }
}

/// The fault behind an I/O error of a source: its own when the downloader put one in, a bad file else.
pub fn read_fault(name: &str, error: &std::io::Error) -> Fault {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<http::Broken>())
    {
        Some(broken) => broken.fault(name),
        None => Fault::BadFile {
            file: name.to_owned(),
            what: match error.kind() {
                std::io::ErrorKind::UnexpectedEof => {
                    "ends too early: the compressed stream is truncated".into()
                }
                _ => error.to_string(),
            },
        },
    }
}

#[cfg(test)]
mod tests;
