//! Files of mounted claims.

use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::glob;
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

/// The files that `path` of `claim` names: one, or those that fit its pattern, by name.
pub fn paths(root: &Path, claim: &str, path: &str) -> Result<Vec<PathBuf>, Fault> {
    let whole = self::path(root, claim, path)?;
    if !glob::is_pattern(path) {
        return Ok(vec![whole]);
    }
    let pattern = path.trim_start_matches('/');
    let missing = |what: String| Fault::SourceMissing {
        file: whole.display().to_string(),
        what,
    };
    let claim = root.join(claim);
    let fixed = glob::fixed_part(pattern);
    let folder = fixed.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(claim.join(&folder));
        for entry in entries.map_err(|error| self::missing(&claim.join(&folder), &error))? {
            let entry = entry.map_err(|error| self::missing(&claim.join(&folder), &error))?;
            let name = entry.file_name().into_string();
            let name = name.map_err(|name| missing(format!("{} is no UTF-8", name.display())))?;
            let inside = if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            };
            // Links to folders are not followed: they may lead in a circle.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(inside);
            } else if glob::fits(pattern, &inside) {
                found.push(inside);
            }
        }
        if found.len() > glob::MOST {
            return Err(missing(format!("more than {} files fit it", glob::MOST)));
        }
    }
    if found.is_empty() {
        return Err(missing("no file fits it".into()));
    }
    found.sort_unstable();
    Ok(found.into_iter().map(|inside| claim.join(inside)).collect())
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
