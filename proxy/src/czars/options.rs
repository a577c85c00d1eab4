//! How czars are reached, and under which account.

use std::path::PathBuf;
use std::time::Duration;

use orrery_wire::client::ClientOptions;

use super::error::CzarError;

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
