//! Sources: bytes as stored, hashed while they are read, and decompressed.
//!
//! A source is read once, from beginning to end. [`Opened::reader`] hands out decompressed bytes;
//! [`Opened::finish`] reads what a decompressor left and gives size, version and SHA-256 of the
//! bytes as stored.

mod address;
mod broken;
mod compression;
mod download;
mod file;
mod glob;
mod gzip;
mod http;
mod object;
mod opened;
mod s3;
mod stored;
mod tries;

use std::path::PathBuf;

use orrery_archive::ingest::IngestSource;

use crate::fault::Fault;

pub use address::Address;
pub use broken::read_fault;
pub use http::HttpSources;
pub use opened::{Head, Opened};
pub use stored::Stored;

/// A place the loader can read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind HTTP.
    Remote(Address),
    /// A file of a mounted claim.
    File(file::InClaim),
}

/// Where claims and Secrets are mounted, each in a folder of its name.
#[derive(Clone, Debug)]
pub struct Mounts {
    /// Claims.
    pub claims: PathBuf,
    /// Secrets with the keys of buckets.
    pub secrets: PathBuf,
}

impl Place {
    /// Where `source` is: one place, or those of the files or objects that fit its pattern.
    pub fn of(
        source: &IngestSource,
        mounts: &Mounts,
        http: &HttpSources,
    ) -> Result<Vec<Self>, Fault> {
        match (&source.url, &source.claim, &source.path, &source.s3) {
            (Some(url), None, None, None) => Ok(vec![Self::Remote(Address::Url(url.clone()))]),
            (None, Some(claim), Some(path), None) => {
                let paths = file::paths(&mounts.claims, claim, path)?;
                Ok(paths.into_iter().map(Self::File).collect())
            }
            (None, None, None, Some(source)) => {
                let objects = s3::objects(source, &mounts.secrets, http)?;
                let place = |object| Self::Remote(Address::Object(object));
                Ok(objects.into_iter().map(place).collect())
            }
            _ => Err(Fault::BadFields(
                "a source has either url, or claim and path, or s3".into(),
            )),
        }
    }

    /// The name people and the record of files know it by.
    pub fn name(&self) -> String {
        match self {
            Self::Remote(address) => address.name(),
            Self::File(file) => file.to_string(),
        }
    }
}

/// Opens files at once, others by `http`.
pub fn open(place: &Place, http: &HttpSources) -> Result<Opened, Fault> {
    match place {
        Place::Remote(address) => http.open(address),
        Place::File(file) => file::open(file),
    }
}

/// What is known of a source without reading it; fails when it is missing.
pub fn head(place: &Place, http: &HttpSources) -> Result<Option<Head>, Fault> {
    match place {
        Place::Remote(address) => http.head(address),
        Place::File(file) => file::head(file).map(Some),
    }
}

#[cfg(test)]
mod tests;
