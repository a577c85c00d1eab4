//! How czars are reached, and under which account.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use orrery_tls::Reloaded;
use orrery_wire::client::{ClientOptions, ClientTls};

use super::error::CzarError;
use crate::inside::Inside;

/// How to reach czars.
#[derive(Clone)]
pub struct CzarOptions {
    /// `host:port` names; each may stand for many addresses.
    pub names: Vec<String>,
    /// Account at the czars.
    pub user: String,
    /// File with the account's password; read anew for each connection, so that it may be rotated.
    pub password_file: PathBuf,
    /// Certificate for czars and other proxies; without it they are spoken to in the clear.
    pub tls: Option<Arc<Reloaded<Inside>>>,
    /// Connections per czar at most.
    pub connections: usize,
    /// How long a statement may wait for a free connection, or for a czar that can be reached.
    pub timeout: Duration,
}

impl CzarOptions {
    /// The account's password as it is now.
    pub(crate) fn password(&self) -> Result<String, CzarError> {
        let text =
            std::fs::read_to_string(&self.password_file).map_err(|source| CzarError::Password {
                path: self.password_file.clone(),
                source,
            })?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// How to log in at a czar, with password and certificate as they are now.
    pub(crate) fn login(&self) -> Result<ClientOptions, CzarError> {
        self.login_at(|inside| inside.czars.clone())
    }

    /// How to log in at another proxy.
    pub(crate) fn login_at_peer(&self) -> Result<ClientOptions, CzarError> {
        self.login_at(|inside| inside.proxies.clone())
    }

    fn login_at(&self, tls: fn(&Inside) -> ClientTls) -> Result<ClientOptions, CzarError> {
        Ok(ClientOptions {
            tls: self.tls.as_ref().map(|inside| tls(&inside.current())),
            user: self.user.clone(),
            password: self.password()?,
            connect_timeout: Duration::from_secs(2),
            session_track: true,
            ..ClientOptions::default()
        })
    }
}
