//! Files of mounted claims.

use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::opened::{Head, Opened};
use crate::fault::Fault;

/// Where the file `path` of `claim` is; nothing above the claim can be named.
pub fn path(root: &Path, claim: &str, path: &str) -> Result<PathBuf, Fault> {
    let plain = |text: &str| {
        Path::new(text)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    };
    if !plain(claim) || claim.contains('/') || !plain(path.trim_start_matches('/')) {
        return Err(Fault::SourceMissing {
            file: format!("{claim}/{path}"),
            what: "the path leaves the claim".into(),
        });
    }
    Ok(root.join(claim).join(path.trim_start_matches('/')))
}

/// Size and modification time.
pub fn head(path: &Path) -> Result<Head, Fault> {
    let metadata = std::fs::metadata(path).map_err(|error| missing(path, &error))?;
    described(path, &metadata)
}

/// Opens `path`.
pub fn open(path: &Path) -> Result<Opened, Fault> {
    let file = File::open(path).map_err(|error| missing(path, &error))?;
    let metadata = file.metadata().map_err(|error| missing(path, &error))?;
    let head = described(path, &metadata)?;
    Ok(Opened::new(
        path.display().to_string(),
        head,
        Box::new(file),
    ))
}

fn described(path: &Path, metadata: &Metadata) -> Result<Head, Fault> {
    if !metadata.is_file() {
        return Err(Fault::SourceMissing {
            file: path.display().to_string(),
            what: "is no regular file".into(),
        });
    }
    let modified = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map(|since| format!("{}.{:09}", since.as_secs(), since.subsec_nanos()))
        .unwrap_or_default();
    Ok(Head {
        size: Some(metadata.len()),
        version: modified,
    })
}

fn missing(path: &Path, error: &std::io::Error) -> Fault {
    let file = PathBuf::from(path).display().to_string();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied => {
            Fault::SourceMissing {
                file,
                what: error.to_string(),
            }
        }
        _ => Fault::Unreachable {
            who: file,
            what: error.to_string(),
        },
    }
}
