//! The agent's parts, put together once and shared by all calls.

use std::sync::Arc;

use arc_swap::ArcSwap;
use orrery_worker_api::agent::Identity;
use tokio::sync::Semaphore;

use crate::catalog::CatalogStore;
use crate::config::Config;
use crate::copy::Copies;
use crate::db::Db;
use crate::error::{AgentError, Result};
use crate::jobs::{Jobs, KeyedLocks};
use crate::load::sessions::Sessions;
use crate::metrics::Metrics;
use crate::server::tls::TlsFiles;
use crate::state::identity::IdentityFile;
use crate::state::term::TermStore;
use crate::status::Status;
use crate::trials::scratch::Trials;

/// Everything a call may need.
#[derive(Debug)]
pub struct Agent {
    /// Flags.
    pub config: Config,
    /// The local mysqld.
    pub db: Db,
    /// Highest term seen.
    pub terms: TermStore,
    /// Identity file.
    pub identity_file: IdentityFile,
    /// Certificates.
    pub tls: TlsFiles,
    /// LOADs going on.
    pub sessions: Sessions,
    /// Bounds LOADs at a time.
    pub load_permits: Semaphore,
    /// Seals going on.
    pub seals: Jobs<u64>,
    /// One writer per attempt's tables.
    pub attempts: KeyedLocks<u64>,
    /// One copy at a time of each table.
    pub tables: KeyedLocks<String>,
    /// Copies going on and done.
    pub copies: Copies,
    /// Trials of tables.
    pub trials: Trials,
    /// Newest catalog copy.
    pub catalog: CatalogStore,
    /// Counters.
    pub metrics: Metrics,
    status: ArcSwap<Status>,
}

impl Agent {
    /// Reads the durable files; mysqld is looked for later, by [`crate::watch`].
    pub fn open(config: Config) -> Result<Arc<Self>> {
        std::fs::create_dir_all(&config.state_dir).map_err(|source| {
            AgentError::io(format!("make {}", config.state_dir.display()), source)
        })?;
        Ok(Arc::new(Self {
            db: Db::new(&config.socket, &config.mysql_user)?,
            terms: TermStore::open(&config.state_dir)?,
            identity_file: IdentityFile::new(&config.state_dir),
            tls: TlsFiles::new(&config.tls_dir),
            sessions: Sessions::default(),
            load_permits: Semaphore::new(config.load_permits()),
            seals: Jobs::default(),
            attempts: KeyedLocks::default(),
            tables: KeyedLocks::default(),
            copies: Copies::default(),
            trials: Trials::default(),
            catalog: CatalogStore::open(&config.state_dir, &config.public_keys)?,
            metrics: Metrics::new()?,
            status: ArcSwap::default(),
            config,
        }))
    }

    /// What the last look at mysqld found.
    pub fn status(&self) -> Arc<Status> {
        self.status.load_full()
    }

    /// Records what a look at mysqld found.
    pub fn set_status(&self, status: Status) {
        self.status.store(Arc::new(status));
    }

    /// Passes when mysqld can be used.
    pub fn require_mysqld(&self) -> Result<()> {
        match &self.status.load().mysqld {
            Ok(_) => Ok(()),
            Err(reason) => Err(AgentError::NotReady(reason.clone())),
        }
    }

    /// Passes when mysqld can be used and the data directory's identity is known.
    pub fn require_identity(&self) -> Result<Identity> {
        self.require_mysqld()?;
        match &self.status.load().identity {
            Ok(Some(identity)) => Ok(identity.clone()),
            Ok(None) => Err(AgentError::NotAdopted),
            Err(reason) => Err(AgentError::WrongIdentity(reason.clone())),
        }
    }

    /// Passes a call that changes something: mysqld and identity are fine and the caller's term is
    /// not outdated.
    pub fn admit(&self, term: u64) -> Result<()> {
        self.require_identity()?;
        self.terms.admit(term)
    }
}
