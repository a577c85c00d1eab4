//! What can be wrong with a role's TLS files.

use std::path::PathBuf;

use rustls::pki_types::pem;
use thiserror::Error;

/// Why there is no TLS.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// File.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// A file is not PEM of what it should hold.
    #[error("{file}: {source}")]
    Pem {
        /// Name of the file.
        file: &'static str,
        /// What is wrong.
        source: pem::Error,
    },
    /// rustls refuses what the files hold.
    #[error("the TLS files cannot be used: {0}")]
    Rustls(#[from] rustls::Error),
    /// A client of HTTPS cannot be made from what the files hold.
    #[error("the TLS files cannot be used: {0}")]
    Client(String),
    /// No verifier can be made from the authority.
    #[error("ca.crt: {0}")]
    Authority(#[from] rustls::server::VerifierBuilderError),
    /// A role's name is no DNS name.
    #[error("server name: {0}")]
    Name(#[from] rustls::pki_types::InvalidDnsNameError),
}
