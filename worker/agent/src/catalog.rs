//! The newest signed copy of the catalog, kept for readers that cannot reach the cluster API.
//!
//! The agent checks the signature before it takes a copy and never goes back: another archive's or
//! an older copy is refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use orrery_archive::catalog::{Catalog, Epochs, SignedCatalog};
use parking_lot::Mutex;

use crate::error::{AgentError, Result};
use crate::state::durable;

const FILE: &str = "orrery-catalog.json";

/// A copy and the bytes it came as.
#[derive(Debug)]
struct Held {
    archive_uid: String,
    version: (u32, Epochs),
    body: Bytes,
}

/// The copy held.
#[derive(Debug)]
pub struct CatalogStore {
    path: PathBuf,
    key: PathBuf,
    held: ArcSwapOption<Held>,
    writing: Mutex<()>,
}

impl CatalogStore {
    /// Reads the copy kept in `directory`; `key` is the file with the signing key, read whenever a
    /// copy comes. A copy that cannot be read is none: the operator brings the next.
    pub fn open(directory: &Path, key: &Path) -> Result<Self> {
        let path = directory.join(FILE);
        let held = match durable::read(&path)? {
            None => None,
            Some(body) => match parse(body.into()) {
                Ok((_, held)) => Some(Arc::new(held)),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "the catalog copy is of no use");
                    None
                }
            },
        };
        Ok(Self {
            path,
            key: key.to_owned(),
            held: ArcSwapOption::new(held),
            writing: Mutex::new(()),
        })
    }

    /// Takes a newer copy; it is durable when this returns. The same version again is fine.
    pub fn put(&self, body: Bytes, archive_uid: &str) -> Result<()> {
        let (copy, candidate) = parse(body)?;
        let key = std::fs::read(&self.key)
            .map_err(|source| AgentError::io(format!("read {}", self.key.display()), source))?;
        copy.verify(&key)
            .map_err(|error| AgentError::BadRequest(error.to_string()))?;
        if candidate.archive_uid != archive_uid {
            return Err(AgentError::WrongIdentity(format!(
                "the catalog copy is of archive {}, this worker of {archive_uid}",
                candidate.archive_uid
            )));
        }
        let _writing = self.writing.lock();
        if let Some(held) = self.held.load().as_ref() {
            if candidate.version < held.version {
                return Err(AgentError::EpochTooLow(format!(
                    "lineage {} epochs {} are older than lineage {} epochs {}, held here",
                    candidate.version.0, candidate.version.1, held.version.0, held.version.1
                )));
            }
            if candidate.version == held.version {
                return Ok(());
            }
        }
        durable::write(&self.path, &candidate.body)?;
        self.held.store(Some(Arc::new(candidate)));
        Ok(())
    }

    /// The newest copy, as it came.
    pub fn body(&self) -> Option<Bytes> {
        self.held.load().as_ref().map(|held| held.body.clone())
    }

    /// The newest copy, decoded. Its signature was checked when it came.
    pub fn decoded(&self) -> Result<Option<Catalog>> {
        let Some(held) = self.held.load_full() else {
            return Ok(None);
        };
        let (copy, _) = parse(held.body.clone())?;
        let decoded = copy.decode();
        decoded
            .map(Some)
            .map_err(|error| AgentError::Internal(format!("the catalog copy: {error}")))
    }

    /// Epochs of the newest copy.
    pub fn epochs(&self) -> Option<Epochs> {
        self.held.load().as_ref().map(|held| held.version.1)
    }
}

fn parse(body: Bytes) -> Result<(SignedCatalog, Held)> {
    let copy: SignedCatalog = serde_json::from_slice(&body)
        .map_err(|error| AgentError::BadRequest(format!("not a signed catalog copy: {error}")))?;
    let held = Held {
        archive_uid: copy.root.archive_uid.clone(),
        version: copy.version(),
        body,
    };
    Ok((copy, held))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(archive_uid: &str, lineage: u32, data: u64, key: &[u8]) -> Bytes {
        let epochs = Epochs { data, placement: 1 };
        let catalog = Catalog {
            archive_uid: archive_uid.into(),
            lineage,
            epochs,
            ..Catalog::default()
        };
        serde_json::to_vec(&SignedCatalog::sign(&catalog, key))
            .unwrap()
            .into()
    }

    #[test]
    fn only_newer_signed_copies_of_the_own_archive_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key");
        std::fs::write(&key, b"secret").unwrap();
        let store = CatalogStore::open(dir.path(), &key).unwrap();
        assert_eq!(store.body(), None);
        let five = copy("a", 1, 5, b"secret");
        store.put(five.clone(), "a").unwrap();
        store.put(five.clone(), "a").unwrap();
        assert!(matches!(
            store.put(copy("a", 1, 4, b"secret"), "a"),
            Err(AgentError::EpochTooLow(_))
        ));
        assert!(matches!(
            store.put(copy("b", 1, 6, b"secret"), "a"),
            Err(AgentError::WrongIdentity(_))
        ));
        assert!(matches!(
            store.put(copy("a", 1, 6, b"other"), "a"),
            Err(AgentError::BadRequest(_))
        ));
        assert_eq!(store.body(), Some(five));
        store.put(copy("a", 2, 3, b"secret"), "a").unwrap();
        let reopened = CatalogStore::open(dir.path(), &key).unwrap();
        assert_eq!(
            reopened.epochs(),
            Some(Epochs {
                data: 3,
                placement: 1
            })
        );
    }
}
