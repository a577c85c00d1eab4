//! Why a czar cannot be asked.

use std::net::SocketAddr;
use std::path::PathBuf;

use orrery_wire::client::ClientError;
use thiserror::Error;

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
