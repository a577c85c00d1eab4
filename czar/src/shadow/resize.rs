//! Shadow tables say of themselves how large the catalog's are.
//!
//! Keeps true: no statement lists tables while one of them has another name for a moment
//! ([`ShadowServer::listing`]).

use orrery_archive::catalog::Catalog;
use orrery_wire::client::ClientError;
use orrery_wire::errors;

use super::server::{ShadowError, ShadowServer};
use super::sizes::{changed, reread};

impl ShadowServer {
    /// Makes the shadow tables say of themselves how large the catalog's are; false when some were
    /// in use, or being listed, and the call has to be made again.
    pub async fn show_sizes(&self, catalog: &Catalog) -> Result<bool, ShadowError> {
        let mut state = self.state.lock().await;
        let Some(state) = state.as_mut() else {
            return Ok(false);
        };
        let changed = changed(&state.sizes, catalog);
        if changed.is_empty() {
            return Ok(true);
        }
        let mut connection = self.own_connection().await?;
        let mut are_all_shown = true;
        for (key, size) in changed {
            connection.run(size.write(&key).as_bytes()).await?;
            let Ok(_unlisted) = self.listing.try_write() else {
                return Ok(false);
            };
            match connection.run(reread(&key).as_bytes()).await {
                Ok(()) => {
                    state.sizes.insert(key, size);
                }
                Err(ClientError::Server(error)) if errors::LOCK_WAIT_TIMEOUT.is(&error) => {
                    are_all_shown = false;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(are_all_shown)
    }
}
