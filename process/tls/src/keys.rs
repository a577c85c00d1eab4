//! The file with the operator's public keys, as a ConfigMap is mounted.

use std::path::{Path, PathBuf};

use orrery_archive::signing::{KeyError, TrustedKeys};
use thiserror::Error;

/// Why the file is not used.
#[derive(Debug, Error)]
pub enum KeysFileError {
    /// It cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("{path}: {source}")]
    Keys {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: KeyError,
    },
}

/// The keys in `file`, one a line in hexadecimal digits.
pub fn trusted_keys(file: &Path) -> Result<TrustedKeys, KeysFileError> {
    let path = || file.to_owned();
    let text = std::fs::read_to_string(file).map_err(|source| KeysFileError::Read {
        path: path(),
        source,
    })?;
    text.parse().map_err(|source| KeysFileError::Keys {
        path: path(),
        source,
    })
}
