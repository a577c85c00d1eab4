//! The snapshot as a file of this process's own (mode 0600, it holds verifiers): read at start,
//! written on every change, so that a restarted czar or proxy serves while the API server is away.
//! A hand-made file is also all that the fast bench needs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use orrery_archive::catalog::users::Users;
use orrery_archive::catalog::{self, ObjectError, Objects, RootPayload};
use orrery_archive::names::WorkerId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::hub::{Hub, Offer};
use crate::model::WorkerView;

/// Why a snapshot file could not be used.
#[derive(Debug, Error)]
pub enum FileError {
    /// Reading or writing failed.
    #[error("snapshot file {path}: {source}")]
    Io {
        /// File.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// It is not what we write.
    #[error("snapshot file {path}: {source}")]
    Json {
        /// File.
        path: PathBuf,
        /// Cause.
        source: serde_json::Error,
    },
    /// The catalog in it is incomplete.
    #[error("snapshot file {path}: {source}")]
    Catalog {
        /// File.
        path: PathBuf,
        /// Cause.
        source: ObjectError,
    },
}

/// Content of the file.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct SnapshotFile {
    /// Catalog root.
    pub root: RootPayload,
    /// Catalog objects.
    pub objects: Objects,
    /// Workers.
    pub workers: BTreeMap<WorkerId, WorkerView>,
    /// Users.
    pub users: Users,
}

/// Reads `path` into `hub`.
pub fn load(path: &Path, hub: &Hub) -> Result<(), FileError> {
    let text = std::fs::read(path).map_err(|source| FileError::Io {
        path: path.into(),
        source,
    })?;
    let file: SnapshotFile = serde_json::from_slice(&text).map_err(|source| FileError::Json {
        path: path.into(),
        source,
    })?;
    let catalog =
        catalog::decode(&file.root, &file.objects).map_err(|source| FileError::Catalog {
            path: path.into(),
            source,
        })?;
    hub.offer(Offer::Workers(file.workers));
    hub.offer(Offer::Users(file.users));
    hub.offer(Offer::Catalog(Arc::new(catalog), file.root, file.objects));
    Ok(())
}

/// Writes what `hub` knows to `path`; nothing before it has a complete catalog. The old file stands
/// until the new one is durable.
pub fn save(path: &Path, hub: &Hub) -> Result<(), FileError> {
    let state = hub.state();
    let Some((root, objects)) = state.encoded else {
        return Ok(());
    };
    let file = SnapshotFile {
        root,
        objects,
        workers: (*state.snapshot.workers).clone(),
        users: (*state.snapshot.users).clone(),
    };
    write(path, &file)
}

/// Writes `file` to `path`, durably.
pub fn write(path: &Path, file: &SnapshotFile) -> Result<(), FileError> {
    let text = serde_json::to_vec(file).map_err(|source| FileError::Json {
        path: path.into(),
        source,
    })?;
    orrery_durable::write(path, &text).map_err(|source| FileError::Io {
        path: path.into(),
        source,
    })
}

/// Keeps `path` as new as `hub`, until the process ends. Failures are logged: a query never fails
/// for the file.
pub async fn keep_saved(path: PathBuf, hub: Hub) {
    let mut subscription = hub.subscribe();
    while subscription.next().await.is_some() {
        let (path, hub) = (path.clone(), hub.clone());
        let saved = tokio::task::spawn_blocking(move || save(&path, &hub)).await;
        if let Ok(Err(error)) = saved {
            tracing::warn!(%error, "snapshot file not written");
        }
        // Placement changes come in bursts; the file may lag a second behind.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Follows a hand-made file: loads it whenever it changes. For use without a cluster.
pub async fn follow(path: PathBuf, hub: Hub) {
    let mut seen: Option<SystemTime> = None;
    loop {
        let modified = std::fs::metadata(&path)
            .and_then(|metadata| metadata.modified())
            .ok();
        if modified != seen {
            seen = modified;
            if let Err(error) = load(&path, &hub) {
                tracing::warn!(%error, "snapshot file not used");
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use orrery_archive::catalog::{Catalog, Epochs, encode};
    use orrery_durable::trace::Run;

    use super::*;

    #[test]
    fn what_was_saved_is_loaded_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("snapshot.json");
        let catalog = Catalog {
            archive_uid: "a".into(),
            ..Catalog::default()
        };
        let encoded = encode(&catalog);
        let hub = Hub::new();
        save(&path, &hub).unwrap();
        assert!(!path.exists(), "nothing to save yet");
        hub.offer(Offer::Catalog(
            Arc::new(catalog),
            encoded.root,
            encoded.objects,
        ));
        save(&path, &hub).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let other = Hub::new();
        load(&path, &other).unwrap();
        assert_eq!(other.current(), hub.current());
    }

    /// Temporary file, fsync, rename, fsync of the folder (docs/design/security.md#own-files).
    #[test]
    fn the_snapshot_survives_a_power_cut() {
        match orrery_durable::trace::followed("file::tests::the_snapshot_survives_a_power_cut") {
            Run::Write(folder) => {
                let hub = Hub::new();
                for data in [1, 2] {
                    let catalog = Catalog {
                        epochs: Epochs { data, placement: 1 },
                        ..Catalog::default()
                    };
                    let encoded = encode(&catalog);
                    hub.offer(Offer::Catalog(
                        Arc::new(catalog),
                        encoded.root,
                        encoded.objects,
                    ));
                    save(&folder.join("snapshot.json"), &hub).unwrap();
                }
            }
            Run::Check(calls, folder) => {
                let path = folder.path().join("snapshot.json");
                calls.assert_replaced_durably(&path);
                assert_eq!(calls.replaced(&path), 2);
            }
        }
    }

    #[test]
    fn a_broken_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("snapshot.json");
        std::fs::write(&path, "{").unwrap();
        assert!(
            load(&path, &Hub::new())
                .unwrap_err()
                .to_string()
                .contains("snapshot.json")
        );
    }
}
