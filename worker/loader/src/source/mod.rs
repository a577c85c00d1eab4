//! Sources: bytes as stored, hashed while they are read, and decompressed.
//!
//! A source is read once, from beginning to end. [`Opened::reader`] hands out decompressed bytes;
//! [`Opened::finish`] reads what a decompressor left and gives size, version and SHA-256 of the
//! bytes as stored.

mod broken;
mod compression;
mod file;
mod gzip;
mod http;
mod opened;
mod stored;

use std::path::{Path, PathBuf};

use orrery_archive::ingest::IngestSource;

use crate::fault::Fault;

pub use broken::read_fault;
pub use http::HttpSources;
pub use opened::{Head, Opened};
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
            (None, Some(claim), Some(path)) => file::path(root, claim, path).map(Self::File),
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

#[cfg(test)]
mod tests;
