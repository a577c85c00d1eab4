//! What ends a survey or a load, with the reason the operator sees.

use std::io;
use std::path::Path;

use orrery_worker_api::loader::LoaderError;
use thiserror::Error;

/// Why a survey or a load ended.
#[derive(Debug, Error)]
pub enum Fault {
    /// A source is not there.
    #[error("{file}: {what}")]
    SourceMissing {
        /// URL or path.
        file: String,
        /// What the server or the file system said.
        what: String,
    },
    /// A source differs from what an earlier survey, or the beginning of this one, found.
    #[error("{file} changed: {what}")]
    SourceChanged {
        /// URL or path.
        file: String,
        /// What differs.
        what: String,
    },
    /// A source cannot be read as what it claims to be.
    #[error("{file}: {what}")]
    BadFile {
        /// URL or path.
        file: String,
        /// What is wrong, with the record where there is one.
        what: String,
    },
    /// The dialect contradicts itself.
    #[error("dialect: {0}")]
    BadDialect(String),
    /// The fields do not fit the table.
    #[error("{0}")]
    BadFields(String),
    /// More rejects than the ingest allows.
    #[error("{rejects} rows were rejected, {allowed} are allowed; the first: {first}")]
    TooManyRejects {
        /// Rejects found before the survey stopped.
        rejects: u64,
        /// Rejects allowed.
        allowed: u64,
        /// The first ones with their reasons.
        first: String,
    },
    /// Rows have nowhere to go.
    #[error("{0}")]
    NoReplica(String),
    /// A source or every agent for something does not answer.
    #[error("{who}: {what}")]
    Unreachable {
        /// URL of the source or agent.
        who: String,
        /// What happened.
        what: String,
    },
    /// The loader's own disk is full: on another node it would be, too.
    #[error(
        "the loader's spool is full ({path}: {source}); it needs room for all files, decompressed, and a quarter more: set spec.loader.spool.size in another Ingest"
    )]
    DiskFull {
        /// File.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The loader's own disk failed.
    #[error("{path}: {source}")]
    Disk {
        /// File.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A newer request took this one's place.
    #[error("a newer request took this one's place")]
    Cancelled,
    /// A step of the loader itself ended unexpectedly.
    #[error("the loader's own {0} ended unexpectedly; its log says more")]
    Internal(&'static str),
}

impl Fault {
    /// A failure of the loader's own disk.
    pub fn disk(path: &Path, source: io::Error) -> Self {
        let path = path.display().to_string();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path, source }
            }
            _ => Self::Disk { path, source },
        }
    }

    /// Machine-readable reason.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::SourceMissing { .. } => "SourceMissing",
            Self::SourceChanged { .. } => "SourceChanged",
            Self::BadFile { .. } => "BadFile",
            Self::BadDialect(_) => "BadDialect",
            Self::BadFields(_) => "BadFields",
            Self::TooManyRejects { .. } => "TooManyRejects",
            Self::NoReplica(_) => "NoReplica",
            Self::Unreachable { .. } => "Unreachable",
            Self::DiskFull { .. } => "DiskFull",
            Self::Disk { .. } => "DiskFailed",
            Self::Cancelled => "Cancelled",
            Self::Internal(_) => "Internal",
        }
    }

    /// Whether another try could help without a change by the user.
    pub fn retry(&self) -> bool {
        matches!(
            self,
            Self::NoReplica(_)
                | Self::Unreachable { .. }
                | Self::Disk { .. }
                | Self::Cancelled
                | Self::Internal(_)
        )
    }

    /// What the operator gets.
    pub fn to_error(&self) -> LoaderError {
        LoaderError {
            reason: self.reason().to_owned(),
            message: self.to_string(),
            retry: self.retry(),
            seconds: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_full_spool_is_said_and_not_tried_again() {
        let mut full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let fault = Fault::disk(Path::new("/spool/rows"), full.write_all(b"x").unwrap_err());
        assert_eq!((fault.reason(), fault.retry()), ("DiskFull", false));
        assert!(
            fault.to_string().contains("spec.loader.spool.size"),
            "{fault}"
        );
        let other = Fault::disk(
            Path::new("/spool/rows"),
            io::ErrorKind::PermissionDenied.into(),
        );
        assert_eq!((other.reason(), other.retry()), ("DiskFailed", true));
    }
}
