//! What is made from TLS files, and made again when they change, so that a renewal needs no restart
//! and ends no connection.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::error::TlsError;
use crate::{Files, Identity};

/// The files are looked at no more often.
const LOOK: Duration = Duration::from_secs(1);

/// What is made from the files of a folder.
pub struct Reloaded<T> {
    folder: PathBuf,
    read: fn(&Path) -> Result<Files, TlsError>,
    make: Make<T>,
    state: Mutex<State<T>>,
}

type Make<T> = Box<dyn Fn(&Identity) -> Result<T, TlsError> + Send + Sync>;

struct State<T> {
    files: Files,
    looked: Instant,
    made: Arc<T>,
}

impl<T> Reloaded<T> {
    /// From the files of a role: `tls.crt`, `tls.key` and `ca.crt`.
    pub fn role(
        folder: &Path,
        make: impl Fn(&Identity) -> Result<T, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        Self::open(folder, Files::read, Box::new(make))
    }

    /// From `tls.crt` and `tls.key` alone: a site's certificate, whose authority is no matter of
    /// ours.
    pub fn site(
        folder: &Path,
        make: impl Fn(&Identity) -> Result<T, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        Self::open(folder, Files::read_site, Box::new(make))
    }

    fn open(
        folder: &Path,
        read: fn(&Path) -> Result<Files, TlsError>,
        make: Make<T>,
    ) -> Result<Self, TlsError> {
        let files = read(folder)?;
        let made = Arc::new(make(&files.identity()?)?);
        Ok(Self {
            folder: folder.to_owned(),
            read,
            make,
            state: Mutex::new(State {
                files,
                looked: Instant::now(),
                made,
            }),
        })
    }

    /// What the files make now. While a renewal is half-written, or cannot be used, it is what they
    /// made before.
    pub fn current(&self) -> Arc<T> {
        let mut state = self.state.lock();
        if state.looked.elapsed() >= LOOK {
            state.looked = Instant::now();
            match self.changed(&state.files) {
                Ok(None) => {}
                Ok(Some((files, made))) => {
                    tracing::info!(folder = %self.folder.display(), "certificates renewed");
                    state.files = files;
                    state.made = Arc::new(made);
                }
                Err(error) => {
                    tracing::warn!(%error, folder = %self.folder.display(), "new certificates cannot be used");
                }
            }
        }
        state.made.clone()
    }

    fn changed(&self, old: &Files) -> Result<Option<(Files, T)>, TlsError> {
        let files = (self.read)(&self.folder)?;
        if files == *old {
            return Ok(None);
        }
        let made = (self.make)(&files.identity()?)?;
        Ok(Some((files, made)))
    }
}
