//! The loader's own files: written beside, synced, renamed, and the directory synced, so that a file is whole or not there.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::fault::Fault;

/// Writes `value` as JSON to `path`.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), Fault> {
    let bytes = serde_json::to_vec(value).map_err(|error| Fault::disk(path, std::io::Error::other(error)))?;
    write(path, &bytes)
}

/// Writes `bytes` to `path`.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let beside = path.with_extension("tmp");
    let fault = |error| Fault::disk(path, error);
    let mut file = File::create(&beside).map_err(fault)?;
    file.write_all(bytes).map_err(fault)?;
    file.sync_all().map_err(fault)?;
    fs::rename(&beside, path).map_err(fault)?;
    sync_directory(path.parent().unwrap_or(Path::new(".")))
}

/// Makes names in `directory` survive a power cut.
pub fn sync_directory(directory: &Path) -> Result<(), Fault> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| Fault::disk(directory, error))
}

/// The JSON at `path`; `None` when there is no file or it is not what it should be.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = fs::read(path).ok()?;
    serde_json::from_slice(&bytes)
        .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "state file is not readable"))
        .ok()
}

/// An empty directory at `path`.
pub fn fresh_directory(path: &Path) -> Result<(), Fault> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => fs::create_dir_all(path),
    }
    .map_err(|error| Fault::disk(path, error))
}
