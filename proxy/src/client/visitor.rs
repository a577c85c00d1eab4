//! Who wants to log in, and what became of it: for the log and the counters.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use orrery_wire::ServerError;
use orrery_wire::server::{HandshakeError, Session};

use crate::metrics::Metrics;

/// Characters of a name that a client gives itself.
const NAME: usize = 80;

/// A client as it introduces itself; only the address is certain before it has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// Account it names; empty as long as it has named none.
    pub user: String,
    /// Where it comes from.
    pub address: SocketAddr,
    /// Whether it uses TLS.
    pub tls: bool,
    /// Its library and program with their versions, as it says; empty when it does not say.
    pub program: String,
}

/// Why a client was not let in.
#[derive(Debug, thiserror::Error)]
pub enum NotIn {
    /// It took too long.
    #[error("no log-in within {} s", .0.as_secs())]
    TooSlow(Duration),
    /// It was silent while others came.
    #[error("newer connections took its place")]
    Displaced,
    /// Too many wrong passwords before.
    #[error("it has to wait for {} s after wrong passwords", .0.as_secs())]
    TooSoon(Duration),
    /// Wrong user or password, no TLS, or not the protocol.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The password was right, and something else is in the way.
    #[error("{0}")]
    Refused(ServerError),
}

impl NotIn {
    /// As a label of counters.
    fn label(&self) -> &'static str {
        match self {
            Self::Handshake(HandshakeError::AccessDenied { .. }) => "denied",
            Self::TooSoon(_) => "delayed",
            Self::Refused(_) => "refused",
            Self::TooSlow(_) | Self::Displaced | Self::Handshake(_) => "failed",
        }
    }
}

impl Visitor {
    /// Of whom only the address is known.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            user: String::new(),
            address,
            tls: false,
            program: String::new(),
        }
    }

    /// As it introduces itself, with names of bounded length.
    pub fn introduced(address: SocketAddr, claim: &Session) -> Self {
        let said = ["_client_name", "_client_version", "program_name"];
        let said = said.map(|name| claim.attribute(name).map(bounded));
        let said: Vec<String> = said.into_iter().flatten().collect();
        Self {
            user: bounded(&claim.user),
            address,
            tls: claim.tls,
            program: said.join(" "),
        }
    }

    /// The same client as another user.
    pub fn as_user(&self, user: &str) -> Self {
        Self {
            user: bounded(user),
            ..self.clone()
        }
    }

    /// Its address as messages name it.
    pub fn host(&self) -> IpAddr {
        self.address.ip().to_canonical()
    }

    /// Logs and counts what became of a log-in.
    pub(super) fn log(&self, outcome: Result<(), &NotIn>, metrics: &Metrics) {
        let label = outcome.map_or_else(NotIn::label, |()| "ok");
        metrics.logins.with_label_values(&[label]).inc();
        let (user, address, tls, program) = (&self.user, self.address, self.tls, &self.program);
        // What a client writes is quoted, so that it cannot end the line.
        match outcome {
            Ok(()) => tracing::info!(?user, %address, tls, ?program, "logged in"),
            Err(why) => {
                tracing::info!(?user, %address, tls, ?program, reason = %why, "not logged in");
            }
        }
    }
}

fn bounded(name: &str) -> String {
    name.chars().take(NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_its_library_and_program_with_bounded_names() {
        let address = SocketAddr::from(([10, 0, 0, 1], 7));
        let claim = Session {
            user: "x".repeat(1000),
            attributes: [("program_name", "mysql"), ("_client_name", "libmariadb")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            tls: true,
            ..Session::default()
        };
        let visitor = Visitor::introduced(address, &claim);
        assert_eq!(visitor.program, "libmariadb mysql");
        assert_eq!((visitor.user.len(), visitor.tls), (NAME, true));
        assert_eq!(Visitor::new(address).program, "");
    }
}
