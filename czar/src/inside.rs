//! What the czar shows to proxies and workers, and what it asks of them: passwords and mutual TLS,
//! read again when they change.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use orrery_archive::names::Role;
use orrery_tls::{Identity, Reloaded, TlsError};
use orrery_wire::client::ClientTls;
use parking_lot::Mutex;
use rustls::pki_types::ServerName;

/// What is made from the czar's own certificate.
pub struct Inside {
    /// To call workers' servers.
    pub workers: ClientTls,
    /// To be called by proxies.
    pub server: Arc<rustls::ServerConfig>,
}

impl Inside {
    /// From the certificate in a folder, whenever it changes.
    pub fn open(folder: &Path) -> anyhow::Result<Arc<Reloaded<Self>>> {
        let reloaded = Reloaded::role(folder, Self::new);
        let reloaded = reloaded.with_context(|| format!("TLS files in {}", folder.display()))?;
        Ok(Arc::new(reloaded))
    }

    fn new(identity: &Identity) -> Result<Self, TlsError> {
        Ok(Self {
            workers: ClientTls {
                config: Arc::new(identity.client(Role::Mysqld)?),
                // Pods are called by address; what is checked is the role.
                server_name: ServerName::try_from(Role::Mysqld.common_name())?,
            },
            server: Arc::new(identity.server_for(Role::Proxy)?),
        })
    }
}

/// A password in a file, read at each use, so that it may be rotated.
pub struct Password {
    path: PathBuf,
    last: Mutex<String>,
}

impl Password {
    /// The password in a file, which must be there now.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            last: Mutex::new(read(path)?),
            path: path.to_owned(),
        })
    }

    /// The password as it is now; while the file cannot be read, as it was.
    pub fn current(&self) -> String {
        let mut last = self.last.lock();
        match read(&self.path) {
            Ok(password) => *last = password,
            Err(error) => tracing::warn!("{error:#}; the former password is used"),
        }
        last.clone()
    }
}

/// A password from a file, without the line end that editors add.
pub fn read(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("password file {}", path.display()))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_is_rotated_is_the_new_one_at_once_and_a_lost_file_ends_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orrery_reader");
        assert!(Password::open(&path).is_err());
        std::fs::write(&path, "first\n").unwrap();
        let password = Password::open(&path).unwrap();
        assert_eq!(password.current(), "first");
        std::fs::write(&path, "second").unwrap();
        assert_eq!(password.current(), "second");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(password.current(), "second");
    }
}
