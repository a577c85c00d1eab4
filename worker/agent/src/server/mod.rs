//! The HTTPS API with mutual TLS.

pub mod addressee;
pub mod https;
pub mod roles;
pub mod tls;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::error::{AgentError, Result};

/// Serves until `stop`, then ends LOADs and exports and closes.
pub async fn run(agent: Arc<Agent>, api: TcpListener, stop: CancellationToken) -> Result<()> {
    let watching = tokio::spawn(crate::watch::run(agent.clone(), stop.clone()));
    let ending = tokio::spawn(crate::orphans::run(agent.clone(), stop.clone()));
    let checking = tokio::spawn(crate::scrub::run(agent.clone(), stop.clone()));
    https::serve(agent.clone(), api, stop).await?;
    agent.sessions.close_all().await;
    for task in [watching, ending, checking] {
        task.await
            .map_err(|error| AgentError::Internal(error.to_string()))?;
    }
    agent.db.close().await;
    Ok(())
}

/// Opens a listener.
pub async fn listen(address: std::net::SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|source| AgentError::io(format!("listen on {address}"), source))
}
