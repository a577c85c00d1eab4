//! Files that are old or new after a power cut, never torn: write a temporary file, fsync it, rename it, fsync the directory.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{AgentError, Result};

/// Replaces the file at `path`. On return the new content is on the disk and the name points to it.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let failed = |source| AgentError::io(format!("write {}", path.display()), source);
    let mut temporary = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    temporary.write_all(content).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    sync_directory(directory)
}

/// Makes the names in a directory durable.
pub fn sync_directory(directory: &Path) -> Result<()> {
    File::open(directory)
        .and_then(|file| file.sync_all())
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
    match std::fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(AgentError::io(format!("read {}", path.display()), error)),
    }
}

/// Value of a JSON file; `None` when there is none. A file that cannot be read is an error: it is not taken for an absent one.
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
    fn replaces_content_and_leaves_no_other_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write(&path, b"one, which is longer").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

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
