//! Files of mounted claims. Who writes to a claim must not have the loader read what is outside: its
//! own key, or another claim. So a link leads to what is in its claim, or to an error.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::fs::{Mode, OFlags, ResolveFlags};

use super::glob;
use super::opened::{Head, Opened};
use crate::fault::Fault;

/// A file of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InClaim {
    /// Where the claim is mounted.
    claim: PathBuf,
    /// Path below it.
    inside: PathBuf,
}

impl fmt::Display for InClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.claim.join(&self.inside).display().fmt(f)
    }
}

/// Where the file `path` of `claim` is; nothing above the claim can be named.
fn path(root: &Path, claim: &str, path: &str) -> Result<InClaim, Fault> {
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
    Ok(InClaim {
        claim: root.join(claim),
        inside: path.trim_start_matches('/').into(),
    })
}

/// The files that `path` of `claim` names: one, or those that fit its pattern, by name.
pub fn paths(root: &Path, claim: &str, path: &str) -> Result<Vec<InClaim>, Fault> {
    let whole = self::path(root, claim, path)?;
    if !glob::is_pattern(path) {
        return Ok(vec![whole]);
    }
    let pattern = path.trim_start_matches('/');
    let missing = |what: String| Fault::SourceMissing {
        file: whole.to_string(),
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
    let found = found.into_iter().map(|inside| InClaim {
        claim: claim.clone(),
        inside: inside.into(),
    });
    Ok(found.collect())
}

/// Size and modification time.
pub fn head(file: &InClaim) -> Result<Head, Fault> {
    opened(file).map(|(_, head)| head)
}

/// Opens a file.
pub fn open(file: &InClaim) -> Result<Opened, Fault> {
    let (opened, head) = opened(file)?;
    Ok(Opened::new(file.to_string(), head, Box::new(opened)))
}

fn opened(file: &InClaim) -> Result<(File, Head), Fault> {
    let lost = |error: io::Error| missing(file.to_string().as_ref(), &error);
    let opened = beneath(file).map_err(|error| lost(error.into()))?;
    let metadata = opened.metadata().map_err(lost)?;
    let head = described(file, &metadata)?;
    Ok((opened, head))
}

/// The kernel follows the path, so that no link can be put there meanwhile. A pipe is not waited for.
fn beneath(file: &InClaim) -> rustix::io::Result<File> {
    let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let claim = rustix::fs::open(&file.claim, folder, Mode::empty())?;
    let read = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let stay = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let opened = rustix::fs::openat2(claim, &file.inside, read, Mode::empty(), stay)?;
    Ok(opened.into())
}

fn described(file: &InClaim, metadata: &Metadata) -> Result<Head, Fault> {
    if !metadata.is_file() {
        return Err(Fault::SourceMissing {
            file: file.to_string(),
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
        ErrorKind::CrossesDevices => Fault::SourceMissing {
            file,
            what: "a link leaves the claim".into(),
        },
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
