//! The cryptography that TLS uses.

use rustls::crypto::{CryptoProvider, ring};

/// Makes ring the process's provider of cryptography, unless one is installed already: TLS needs
/// one before its first use.
pub fn install_crypto() {
    if CryptoProvider::get_default().is_none() {
        // It fails when another thread was first, and then there is one.
        let _ = ring::default_provider().install_default();
    }
}
