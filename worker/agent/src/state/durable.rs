//! The agent's own small files: [`orrery_durable`] with the agent's errors, and JSON.

use std::io::ErrorKind;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{AgentError, Result};

/// Replaces the file at `path`. On return the new content is on the disk and the name points to it.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    orrery_durable::write(path, content)
        .map_err(|source| AgentError::io(format!("write {}", path.display()), source))
}

/// Makes the names in a directory durable.
pub fn sync_directory(directory: &Path) -> Result<()> {
    orrery_durable::sync_folder(directory)
        .map_err(|source| AgentError::io(format!("fsync {}", directory.display()), source))
}

/// Writes a value as JSON, see [`write`].
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_vec(value)
        .map_err(|error| AgentError::Internal(format!("{} as JSON: {error}", path.display())))?;
    write(path, &text)
}

/// Content of the file; `None` when there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    orrery_durable::read(path)
        .map_err(|source| AgentError::io(format!("read {}", path.display()), source))
}

/// Value of a JSON file; `None` when there is none. A file that cannot be read is an error: it is
/// not taken for an absent one.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let Some(content) = read(path)? else {
        return Ok(None);
    };
    serde_json::from_slice(&content).map(Some).map_err(|error| {
        AgentError::io(
            format!("read {}", path.display()),
            std::io::Error::new(ErrorKind::InvalidData, error),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_is_an_error_not_an_absent_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("term");
        assert_eq!(read_json::<u64>(&path).unwrap(), None);
        std::fs::write(&path, "7").unwrap();
        assert_eq!(read_json::<u64>(&path).unwrap(), Some(7));
        std::fs::write(&path, "7x").unwrap();
        assert!(read_json::<u64>(&path).is_err());
    }
}
