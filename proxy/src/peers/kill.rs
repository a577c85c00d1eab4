//! A kill on its way: made here, carried to other proxies, read from theirs.

use std::net::SocketAddr;
use std::time::Duration;

use orrery_czar_protocol::Killer;
use orrery_plan::statement::{Statement, classify};
use orrery_wire::client::{ClientConnection, ClientError, ClientOptions, Endpoint};
use orrery_wire::command::QueryAttribute;
use orrery_wire::{ServerError, errors};

use crate::czars::{CzarOptions, look_up};
use crate::refusals;
use crate::registry::{Killed, Registry};

/// How long one peer may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A kill on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    /// Connection.
    pub id: u64,
    /// The connection too, not its statement alone.
    pub whole: bool,
    /// Who kills.
    pub user: String,
    /// Whether the killer may kill what belongs to others.
    pub anybodys: bool,
}

impl Kill {
    /// Kills here, if the connection is here.
    pub fn here(&self, registry: &Registry) -> Killed {
        registry.kill(self.id, self.whole, &self.user, self.anybodys)
    }

    /// Asks all peers at once. A peer that does not answer counts as one that does not know the
    /// connection.
    pub async fn at_peers(&self, names: &[String], account: &CzarOptions) -> Killed {
        let options = match account.login_at_peer() {
            Ok(options) => ClientOptions {
                connect_timeout: TIMEOUT,
                ..options
            },
            Err(error) => {
                tracing::warn!(%error, "peers not asked");
                return Killed::Unknown;
            }
        };
        let addresses = look_up(names).await;
        let asked = addresses
            .into_iter()
            .map(|address| self.at(address, &options));
        let answers = futures::future::join_all(asked).await;
        let has = |killed| answers.contains(&killed);
        match () {
            () if has(Killed::Yes) => Killed::Yes,
            () if has(Killed::NotOwner) => Killed::NotOwner,
            () => Killed::Unknown,
        }
    }

    async fn at(&self, address: SocketAddr, options: &ClientOptions) -> Killed {
        match tokio::time::timeout(TIMEOUT, self.ask(address, options)).await {
            Ok(Ok(())) => Killed::Yes,
            Ok(Err(ClientError::Server(error))) if errors::NOT_THREAD_OWNER.is(&error) => {
                Killed::NotOwner
            }
            Ok(Err(ClientError::Server(error))) if errors::UNKNOWN_THREAD.is(&error) => {
                Killed::Unknown
            }
            Ok(Err(error)) => {
                tracing::debug!(peer = %address, %error, "peer not asked");
                Killed::Unknown
            }
            Err(_) => Killed::Unknown,
        }
    }

    async fn ask(&self, address: SocketAddr, options: &ClientOptions) -> Result<(), ClientError> {
        let mut peer =
            ClientConnection::connect(&Endpoint::Tcp(address.to_string()), options).await?;
        let kind = if self.whole { "CONNECTION" } else { "QUERY" };
        let killer = Killer {
            user: &self.user,
            anybodys: self.anybodys,
        };
        let sql = format!("KILL {kind} {}", self.id);
        peer.query_with_attributes(sql.as_bytes(), &killer.attributes())
            .await?;
        peer.quit().await
    }

    /// A peer's order.
    pub fn from_peer(sql: &str, attributes: &[QueryAttribute]) -> Result<Self, ServerError> {
        let Ok(Statement::Kill { query_only, id }) = classify(sql) else {
            return Err(refusals::proxies_only());
        };
        let killer = Killer::from_attributes(attributes).map_err(|_| refusals::proxies_only())?;
        Ok(Self {
            id,
            whole: !query_only,
            user: killer.user.to_owned(),
            anybodys: killer.anybodys,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_can_order_a_kill_and_nothing_else() {
        let killer = Killer {
            user: "ann",
            anybodys: false,
        };
        let attributes = killer.attributes();
        let kill = Kill {
            id: 7,
            whole: false,
            user: "ann".to_owned(),
            anybodys: false,
        };
        assert_eq!(Kill::from_peer("KILL QUERY 7", &attributes), Ok(kill));
        assert!(Kill::from_peer("KILL QUERY 7", &[]).is_err());
        assert!(Kill::from_peer("SELECT 1", &attributes).is_err());
    }
}
