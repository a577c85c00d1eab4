//! Whose data directory this is. It is written twice, in a file and in mysqld's control database;
//! when the two disagree the directory was put together from parts and is not trusted
//! (docs/design/placement.md#identity).

use std::path::{Path, PathBuf};

use orrery_worker_api::agent::Identity;

use super::durable;
use crate::error::{AgentError, Result};

const FILE: &str = "orrery-identity.json";

/// The identity file.
#[derive(Debug)]
pub struct IdentityFile {
    path: PathBuf,
}

impl IdentityFile {
    /// The file in `directory`.
    pub fn new(directory: &Path) -> Self {
        Self {
            path: directory.join(FILE),
        }
    }

    /// What it says; `None` when there is none.
    pub fn read(&self) -> Result<Option<Identity>> {
        durable::read_json(&self.path)
    }

    /// Writes it durably.
    pub fn write(&self, identity: &Identity) -> Result<()> {
        durable::write_json(&self.path, identity)
    }
}

/// What file and database together say.
pub fn agreed(file: Option<Identity>, database: Option<Identity>) -> Result<Option<Identity>> {
    match (file, database) {
        (None, None) => Ok(None),
        (Some(file), Some(database)) if file == database => Ok(Some(file)),
        (Some(file), Some(database)) => Err(AgentError::WrongIdentity(format!(
            "the identity file names directory {} but mysqld's data names {}",
            file.directory, database.directory
        ))),
        (Some(file), None) => Err(AgentError::WrongIdentity(format!(
            "the identity file names worker {} but mysqld's data has no identity: its data directory was replaced",
            file.worker
        ))),
        (None, Some(database)) => Err(AgentError::WrongIdentity(format!(
            "mysqld's data belongs to worker {} but there is no identity file",
            database.worker
        ))),
    }
}

/// The identity to write when `archive_uid` and `worker` adopt this directory, `directory` being a
/// fresh random id.
///
/// A crash between the two writes leaves the database's row alone; adopting for the same worker
/// completes it.
pub fn adopted(
    file: Option<Identity>,
    database: Option<Identity>,
    archive_uid: &str,
    worker: u32,
    directory: String,
) -> Result<Identity> {
    let wanted = |found: &Identity| found.archive_uid == archive_uid && found.worker == worker;
    match (file, database) {
        (None, None) => Ok(Identity {
            archive_uid: archive_uid.to_owned(),
            worker,
            directory,
        }),
        (None, Some(database)) if wanted(&database) => Ok(database),
        (file, database) => match agreed(file, database)? {
            Some(found) if wanted(&found) => Ok(found),
            Some(found) => Err(AgentError::WrongIdentity(format!(
                "this data directory belongs to worker {} of archive {}",
                found.worker, found.archive_uid
            ))),
            None => Err(AgentError::NotAdopted),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(worker: u32, directory: &str) -> Identity {
        Identity {
            archive_uid: "a".into(),
            worker,
            directory: directory.into(),
        }
    }

    #[test]
    fn file_and_database_must_agree() {
        assert_eq!(agreed(None, None).unwrap(), None);
        assert_eq!(
            agreed(Some(identity(1, "x")), Some(identity(1, "x"))).unwrap(),
            Some(identity(1, "x"))
        );
        assert!(agreed(Some(identity(1, "x")), Some(identity(1, "y"))).is_err());
        assert!(agreed(Some(identity(1, "x")), None).is_err());
        assert!(agreed(None, Some(identity(1, "x"))).is_err());
    }

    #[test]
    fn only_a_fresh_directory_or_the_same_worker_is_adopted() {
        let adopt = |file, database| adopted(file, database, "a", 1, "new".into());
        assert_eq!(adopt(None, None).unwrap(), identity(1, "new"));
        assert_eq!(
            adopt(None, Some(identity(1, "x"))).unwrap(),
            identity(1, "x")
        );
        assert_eq!(
            adopt(Some(identity(1, "x")), Some(identity(1, "x"))).unwrap(),
            identity(1, "x")
        );
        assert!(adopt(None, Some(identity(2, "x"))).is_err());
        assert!(adopt(Some(identity(1, "x")), None).is_err());
        assert!(adopt(Some(identity(2, "x")), Some(identity(2, "x"))).is_err());
    }
}
