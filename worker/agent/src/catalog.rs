//! The newest signed copy of the catalog, kept for readers that cannot reach the cluster API.
//!
//! The agent checks the signature before it takes a copy and never goes back: another archive's or
//! an older copy is refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use orrery_archive::catalog::{Catalog, Epochs, SignedCatalog};
use orrery_worker_api::agent::KnownCatalog;
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
    keys: PathBuf,
    held: ArcSwapOption<Held>,
    writing: Mutex<()>,
}

impl CatalogStore {
    /// Reads the copy kept in `directory`; `keys` is the file with the public keys, read whenever a
    /// copy comes. A copy that cannot be read is none: the operator brings the next.
    pub fn open(directory: &Path, keys: &Path) -> Result<Self> {
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
            keys: keys.to_owned(),
            held: ArcSwapOption::new(held),
            writing: Mutex::new(()),
        })
    }

    /// Takes a newer copy; it is durable when this returns. The same version again is fine, and
    /// replaces the copy held when it is signed by another key. A copy held that no trusted key
    /// signed gives way to any.
    pub fn put(&self, body: Bytes, archive_uid: &str) -> Result<()> {
        let (copy, candidate) = parse(body)?;
        let keys = orrery_tls::trusted_keys(&self.keys)
            .map_err(|error| AgentError::Internal(error.to_string()))?;
        copy.verify(&keys)
            .map_err(|error| AgentError::BadRequest(error.to_string()))?;
        if candidate.archive_uid != archive_uid {
            return Err(AgentError::WrongIdentity(format!(
                "the catalog copy is of archive {}, this worker of {archive_uid}",
                candidate.archive_uid
            )));
        }
        let _writing = self.writing.lock();
        if let Some(held) = self.held.load().as_ref()
            && parse(held.body.clone())?.0.is_signed_by(&keys)
        {
            if candidate.version < held.version {
                return Err(AgentError::EpochTooLow(format!(
                    "lineage {} epochs {} are older than lineage {} epochs {}, held here",
                    candidate.version.0, candidate.version.1, held.version.0, held.version.1
                )));
            }
            if candidate.body == held.body {
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

    /// Whether a reader that has this catalog would learn nothing from the copy held.
    pub fn is_known(&self, known: &KnownCatalog) -> bool {
        let epochs = Epochs {
            data: known.data,
            placement: known.placement,
        };
        self.held.load().as_ref().is_some_and(|held| {
            held.archive_uid == known.archive_uid && held.version <= (known.lineage, epochs)
        })
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
        archive_uid: copy.root().archive_uid.clone(),
        version: copy.version(),
        body,
    };
    Ok((copy, held))
}

#[cfg(test)]
mod tests {
    use orrery_archive::signing::{SigningKey, TrustedKeys};

    use super::*;

    fn copy(archive_uid: &str, lineage: u32, data: u64, key: &SigningKey) -> Bytes {
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

    /// A store that trusts one key, that key, and its file of public keys.
    fn store(directory: &Path) -> (CatalogStore, SigningKey, PathBuf) {
        let (key, file) = (SigningKey::generate().unwrap(), directory.join("keys"));
        trust(&file, &[&key]);
        (CatalogStore::open(directory, &file).unwrap(), key, file)
    }

    fn trust(file: &Path, keys: &[&SigningKey]) {
        let keys = keys.iter().map(|key| key.public()).collect();
        std::fs::write(file, TrustedKeys::new(keys).unwrap().to_string()).unwrap();
    }

    #[test]
    fn only_newer_signed_copies_of_the_own_archive_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (store, key, file) = store(dir.path());
        assert_eq!(store.body(), None);
        let five = copy("a", 1, 5, &key);
        store.put(five.clone(), "a").unwrap();
        store.put(five.clone(), "a").unwrap();
        assert!(matches!(
            store.put(copy("a", 1, 4, &key), "a"),
            Err(AgentError::EpochTooLow(_))
        ));
        assert!(matches!(
            store.put(copy("b", 1, 6, &key), "a"),
            Err(AgentError::WrongIdentity(_))
        ));
        let other = SigningKey::generate().unwrap();
        assert!(matches!(
            store.put(copy("a", 1, 6, &other), "a"),
            Err(AgentError::BadRequest(_))
        ));
        assert_eq!(store.body(), Some(five));
        store.put(copy("a", 2, 3, &key), "a").unwrap();
        let reopened = CatalogStore::open(dir.path(), &file).unwrap();
        assert_eq!(
            reopened.epochs(),
            Some(Epochs {
                data: 3,
                placement: 1
            })
        );
    }

    #[test]
    fn the_same_copy_by_the_next_key_replaces_that_by_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let (store, last, file) = store(dir.path());
        store.put(copy("a", 1, 5, &last), "a").unwrap();
        let next = SigningKey::generate().unwrap();
        trust(&file, &[&last, &next]);
        let again = copy("a", 1, 5, &next);
        store.put(again.clone(), "a").unwrap();
        assert_eq!(store.body(), Some(again));
        trust(&file, &[&next]);
        assert!(matches!(
            store.put(copy("a", 1, 6, &last), "a"),
            Err(AgentError::BadRequest(_))
        ));
    }
}
