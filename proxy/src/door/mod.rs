//! The door: what holds before a client has proved who it is.
//!
//! [`backoff`] makes guessing slow, [`arrivals`] bounds connections that have not logged in. Both
//! count by where a connection comes from ([`origin`]), and each proxy counts by itself.

mod arrivals;
mod backoff;
mod origin;

use std::sync::Arc;
use std::time::Duration;

pub use arrivals::{Arrival, Arrivals};
pub use backoff::{Backoff, Try};

/// What holds before log-in.
pub struct Door {
    /// Wrong passwords.
    pub backoff: Backoff,
    /// Connections that have not logged in.
    pub arrivals: Arc<Arrivals>,
    /// How long a client may take to log in: MariaDB's connect_timeout.
    pub timeout: Duration,
}
