//! The loader's own small files: [`orrery_durable`] with the loader's errors, and JSON.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::fault::Fault;

/// Writes `value` as JSON to `path`.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), Fault> {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| Fault::disk(path, std::io::Error::other(error)))?;
    write(path, &bytes)
}

/// Writes `bytes` to `path`.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    orrery_durable::write(path, bytes).map_err(|error| Fault::disk(path, error))
}

/// The JSON at `path`; `None` when there is no file or it is not what it should be.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = orrery_durable::read(path).ok()??;
    serde_json::from_slice(&bytes)
        .inspect_err(
            |error| tracing::warn!(path = %path.display(), %error, "state file is not readable"),
        )
        .ok()
}

/// An empty directory at `path`.
pub fn fresh_directory(path: &Path) -> Result<(), Fault> {
    orrery_durable::fresh_folder(path).map_err(|error| Fault::disk(path, error))
}
