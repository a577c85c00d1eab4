//! The one way in which Orrery's programs write files of their own
//! (docs/design/security.md#own-files): a file is old or new after a power cut, never torn.
//!
//! The order is what makes it so: write a temporary file, fsync, rename, fsync of the folder. Tests
//! of every crate that writes such a file follow its system calls, see [`trace`].

#[cfg(feature = "test-support")]
pub mod trace;

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Result, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Replaces the file at `path`. On return the new content is on the disk and the name points to it.
/// Only the process's own user can read it. Two writers of one path must not run at once.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = temporary(path)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    sync_folder(folder(path))
}

/// Content of the file; `None` when there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the names in a folder durable.
pub fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)?.sync_all()
}

/// An empty folder at `path`, whose name is durable.
pub fn fresh_folder(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => std::fs::create_dir_all(path)?,
    }
    sync_folder(folder(path))
}

/// The name under which new content is written; what a cut left there is overwritten by the next
/// write.
fn temporary(path: &Path) -> Result<PathBuf> {
    let mut name = path
        .file_name()
        .ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("{} names no file", path.display()),
            )
        })?
        .to_owned();
    name.push(".new");
    Ok(path.with_file_name(name))
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn replaces_content_and_leaves_no_other_file_and_only_its_owner_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file.json");
        write(&path, b"one, which is longer").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"two");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_a_cut_left_beside_does_not_get_into_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(dir.path().join("file.new"), b"half of something longer").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"two");
    }

    #[test]
    fn a_path_that_names_no_file_and_a_folder_that_is_not_there_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        assert!(write(&dir.path().join(".."), b"x").is_err());
        assert!(write(&dir.path().join("gone/file"), b"x").is_err());
        assert!(read(&dir.path().join("none")).unwrap().is_none());
    }

    #[test]
    fn a_fresh_folder_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("spool");
        fresh_folder(&folder).unwrap();
        std::fs::write(folder.join("x"), b"").unwrap();
        fresh_folder(&folder).unwrap();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }
}
