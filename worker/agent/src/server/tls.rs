//! Certificates: read from the mounted Secret, and again when they change, so that a renewal needs
//! no restart.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use orrery_tls::{Files, Identity, TlsError};
use parking_lot::Mutex;
use rustls::ServerConfig;

use super::addressee::Own;
use crate::error::{AgentError, Result};

/// A directory with the files of a TLS Secret.
#[derive(Debug)]
pub struct TlsFiles {
    directory: PathBuf,
    loaded: Mutex<Option<Loaded>>,
}

#[derive(Clone, Debug)]
struct Loaded {
    files: Files,
    server: Arc<ServerConfig>,
    identity: Arc<Identity>,
}

impl Loaded {
    fn new(files: Files) -> std::result::Result<Self, TlsError> {
        let identity = files.identity()?;
        Ok(Self {
            server: Arc::new(identity.server()?),
            identity: Arc::new(identity),
            files,
        })
    }
}

impl TlsFiles {
    /// Nothing is read yet.
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            loaded: Mutex::new(None),
        }
    }

    /// For the API: every caller must have a certificate of the archive's authority. With it the
    /// worker that the own one names.
    pub fn server(&self) -> Result<(Arc<ServerConfig>, Own)> {
        let loaded = self.load()?;
        Ok((loaded.server, Own(loaded.identity.worker())))
    }

    /// For calls to other agents.
    pub fn identity(&self) -> Result<Arc<Identity>> {
        Ok(self.load()?.identity)
    }

    /// What tells the files in use from others.
    pub fn digest(&self) -> Result<String> {
        Ok(self.load()?.files.digest())
    }

    /// Reads the files; builds configurations when they changed. A half-written renewal leaves the
    /// old ones in use.
    fn load(&self) -> Result<Loaded> {
        let mut loaded = self.loaded.lock();
        let read = Files::read(&self.directory);
        if let (Ok(files), Some(old)) = (&read, &*loaded)
            && *files == old.files
        {
            return Ok(old.clone());
        }
        match (read.and_then(Loaded::new), loaded.clone()) {
            (Ok(new), _) => {
                *loaded = Some(new.clone());
                Ok(new)
            }
            (Err(error), Some(old)) => {
                tracing::warn!(%error, "new certificates cannot be used");
                Ok(old)
            }
            (Err(error), None) => Err(AgentError::BadRequest(error.to_string())),
        }
    }
}
