//! The agent a copy comes from.

use futures::TryStreamExt;
use orrery_worker_api::agent::ExportOrder;
use orrery_worker_api::client::{AgentClient, Agents, Timeouts};
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use crate::agent::Agent;
use crate::error::{AgentError, Result};

/// The agent at `source` (`https://host:port`).
pub fn connect(agent: &Agent, source: &str) -> Result<AgentClient> {
    let timeouts = Timeouts {
        connect: agent.config.stream_idle,
        call: agent.config.stream_idle,
    };
    Agents::new(&*agent.tls.identity()?, timeouts)
        .and_then(|agents| agents.at(source))
        .map_err(|error| AgentError::BadRequest(error.to_string()))
}

/// The stream of a table.
pub async fn export(
    peer: &AgentClient,
    database: &str,
    table: &str,
    order: &ExportOrder,
) -> Result<impl AsyncRead + Send + 'static + use<>> {
    let stream = peer.export(database, table, order).await;
    let stream = stream
        .map_err(|error| AgentError::Peer(format!("the source of {database}.{table}: {error}")))?;
    Ok(StreamReader::new(stream.map_err(std::io::Error::other)))
}
