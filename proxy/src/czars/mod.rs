//! The czars this proxy knows: found by name, probed, and reached through pooled connections.
//!
//! Proxies reach czars by pod address with their own health checks (design §7), so a czar that hangs is avoided within seconds
//! whatever the cluster believes. Names are looked up again and again; when a look-up fails, the addresses known stay.

mod health;
mod pool;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use orrery_wire::client::{ClientError, ClientOptions};
use thiserror::Error;

pub(crate) use health::look_up;
pub use health::watch;
pub use pool::{Czar, Lease};

/// How to reach czars.
#[derive(Clone, Debug)]
pub struct CzarOptions {
    /// `host:port` names; each may stand for many addresses.
    pub names: Vec<String>,
    /// Account at the czars.
    pub user: String,
    /// File with the account's password; read anew for each connection, so that it may be rotated.
    pub password_file: PathBuf,
    /// Connections per czar at most.
    pub connections: usize,
    /// How long a statement may wait for a free connection.
    pub patience: Duration,
}

/// Why there is no connection to a czar.
#[derive(Debug, Error)]
pub enum CzarError {
    /// No address is known.
    #[error("no czar is known; is the Service of the czars there?")]
    None,
    /// All connections were busy for too long.
    #[error("all connections to the czars have been busy for {seconds} s")]
    Busy {
        /// Time waited.
        seconds: u64,
    },
    /// This czar does not answer.
    #[error("czar {address} cannot be reached")]
    Unreachable {
        /// Its address.
        address: SocketAddr,
        /// What happened.
        #[source]
        source: ClientError,
    },
    /// The password file cannot be read.
    #[error("password file {path} cannot be read")]
    Password {
        /// The file.
        path: PathBuf,
        /// What happened.
        #[source]
        source: std::io::Error,
    },
}

/// All czars. Cheap to clone.
#[derive(Clone)]
pub struct Czars {
    options: Arc<CzarOptions>,
    members: Arc<ArcSwap<Vec<Arc<Czar>>>>,
}

impl Czars {
    /// No czar yet; [`watch`] finds them.
    pub fn new(options: CzarOptions) -> Self {
        Self {
            options: Arc::new(options),
            members: Arc::default(),
        }
    }

    /// Whether at least one czar answered its last probe.
    pub fn any_healthy(&self) -> bool {
        self.members.load().iter().any(|czar| czar.is_healthy())
    }

    /// (healthy, known) czars.
    pub fn counts(&self) -> (usize, usize) {
        let members = self.members.load();
        (
            members.iter().filter(|czar| czar.is_healthy()).count(),
            members.len(),
        )
    }

    /// A connection to the czar with the least to do. Czars in `avoid` are used only when there is no other, and then over a new
    /// connection: the ones kept may be as dead as the one that failed.
    pub async fn lease(&self, avoid: &[SocketAddr]) -> Result<Lease, CzarError> {
        let members = self.members.load_full();
        let rank = |czar: &&Arc<Czar>| {
            (
                avoid.contains(&czar.address()),
                !czar.is_healthy(),
                czar.in_flight(),
            )
        };
        let czar = members.iter().min_by_key(rank).ok_or(CzarError::None)?;
        let fresh = avoid.contains(&czar.address());
        Lease::take(czar.clone(), fresh, &self.options).await
    }

    /// The account used at czars, which is also the proxies' own.
    pub(crate) fn account(&self) -> &CzarOptions {
        &self.options
    }

    /// Replaces the set of addresses; czars that stay keep their connections.
    fn replace(&self, addresses: &[SocketAddr]) {
        let known = self.members.load_full();
        let known: BTreeMap<SocketAddr, &Arc<Czar>> =
            known.iter().map(|czar| (czar.address(), czar)).collect();
        let same =
            known.len() == addresses.len() && addresses.iter().all(|address| known.contains_key(address));
        if same {
            return;
        }
        let members = addresses.iter().map(|address| {
            known.get(address).map_or_else(
                || Arc::new(Czar::new(*address, self.options.connections)),
                |czar| Arc::clone(czar),
            )
        });
        self.members.store(Arc::new(members.collect()));
    }
}

impl CzarOptions {
    /// The account's password as it is now.
    pub(crate) fn password(&self) -> Result<String, CzarError> {
        let text = std::fs::read_to_string(&self.password_file).map_err(|source| CzarError::Password {
            path: self.password_file.clone(),
            source,
        })?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Log-in options, with the password as it is now.
    pub(crate) fn login(&self) -> Result<ClientOptions, CzarError> {
        Ok(ClientOptions {
            user: self.user.clone(),
            password: self.password()?,
            connect_timeout: Duration::from_secs(2),
            session_track: true,
            ..ClientOptions::default()
        })
    }
}
