//! Copies as they are made, a batch of tables at a time.

use std::sync::Arc;

use orrery_worker_api::agent::{CopyDdl, CopyStatus, CopyTable, ManifestRow, StartCopy};
use orrery_worker_api::client::AgentClient;

use super::import::{self, Arrival};
use super::peer;
use crate::agent::Agent;
use crate::error::{AgentError, Result};

/// Tables between two checkpoints.
const BATCH: usize = 32;

/// Starts a copy, or finds it going on or done. One that failed is tried again.
pub fn start(agent: &Arc<Agent>, request: StartCopy) -> Result<CopyStatus> {
    let peer = peer::connect(agent, &request.source)?;
    for table in &request.tables {
        ddl(&request.creates, &table.row)?;
    }
    let new = agent.copies.enter(&request)?;
    let status = agent.copies.status(&request.id);
    if new {
        let agent = agent.clone();
        tokio::spawn(async move { run(&agent, &peer, &request).await });
    }
    status
}

async fn run(agent: &Agent, peer: &AgentClient, request: &StartCopy) {
    for batch in request.tables.chunks(BATCH) {
        if let Err(error) = run_batch(agent, peer, request, batch).await {
            tracing::warn!(copy = request.id, %error, "a copy failed");
            agent.copies.fail(&request.id, &error);
            return;
        }
    }
}

/// Fetches a batch, then moves in what came: also when one of its tables failed.
async fn run_batch(
    agent: &Agent,
    peer: &AgentClient,
    request: &StartCopy,
    batch: &[CopyTable],
) -> Result<()> {
    let epoch = request.placement_epoch;
    let mut fetched = Vec::new();
    let mut failed = None;
    for table in batch {
        let row = &table.row;
        let lock = agent.tables.take(row.table.clone(), &row.table)?;
        match import::fetch(agent, peer, table, epoch, ddl(&request.creates, row)?).await {
            Ok(arrival) => fetched.push((row, arrival, lock)),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    if fetched
        .iter()
        .any(|(_, arrival, _)| !matches!(arrival, Arrival::Known(_)))
    {
        import::checkpoint(agent).await?;
    }
    for (row, arrival, _lock) in fetched {
        let row = import::move_in(agent, row, epoch, arrival).await?;
        agent.copies.done(&request.id, row);
    }
    failed.map_or(Ok(()), Err)
}

fn ddl<'a>(creates: &'a [CopyDdl], row: &ManifestRow) -> Result<&'a str> {
    creates
        .iter()
        .find(|ddl| ddl.database == row.database && ddl.part == row.part)
        .map(|ddl| ddl.create.as_str())
        .ok_or_else(|| {
            AgentError::BadRequest(format!(
                "no DDL for {:?} tables of {}",
                row.part, row.database
            ))
        })
}
