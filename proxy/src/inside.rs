//! Mutual TLS with czars and other proxies.

use std::sync::Arc;

use orrery_archive::names::Role;
use orrery_tls::{Identity, TlsError};
use orrery_wire::client::ClientTls;
use rustls::pki_types::ServerName;

/// What is made from the proxy's own certificate.
pub struct Inside {
    /// To call czars.
    pub czars: ClientTls,
    /// To call other proxies.
    pub proxies: ClientTls,
    /// To be called by other proxies.
    pub server: Arc<rustls::ServerConfig>,
}

impl Inside {
    /// From a certificate of the role proxy.
    pub fn new(identity: &Identity) -> Result<Self, TlsError> {
        let client = |role: Role| -> Result<ClientTls, TlsError> {
            Ok(ClientTls {
                config: Arc::new(identity.client(role)?),
                // Pods are called by address; what is checked is the role.
                server_name: ServerName::try_from(role.common_name())?,
            })
        };
        Ok(Self {
            czars: client(Role::Czar)?,
            proxies: client(Role::Proxy)?,
            server: Arc::new(identity.server_for(Role::Proxy)?),
        })
    }
}
