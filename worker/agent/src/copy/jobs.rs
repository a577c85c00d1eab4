//! Copies as they are made, a batch of tables at a time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use orrery_worker_api::agent::{CopyDdl, CopyStatus, CopyTable, ManifestRow, StartCopy};
use orrery_worker_api::client::AgentClient;

use super::import::{self, Arrival};
use super::lanes::in_lanes;
use super::peer;
use crate::agent::Agent;
use crate::error::{AgentError, Result};
use crate::jobs::KeyedLock;

/// Tables between two checkpoints.
const BATCH: usize = 32;

/// How long a call waits for the end of its copy, so that callers learn of it at once.
const WAIT: Duration = Duration::from_secs(1);

/// Starts a copy, or finds it going on or done, and waits a little for its end. One that failed is
/// tried again.
pub async fn start(agent: &Arc<Agent>, request: StartCopy) -> Result<CopyStatus> {
    let peer = peer::connect(agent, &request.source)?;
    for table in &request.tables {
        ddl(&request.creates, &table.row)?;
    }
    let new = agent.copies.enter(&request)?;
    let id = request.id.clone();
    if new {
        let agent = agent.clone();
        tokio::spawn(async move { run(&agent, &peer, &request).await });
    }
    agent.copies.status_within(&id, WAIT).await
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

/// A table that was fetched; nothing else touches it until it is moved in.
type Fetched<'a> = (&'a ManifestRow, Arrival, KeyedLock<String>);

/// Fetches a batch, then moves in what came: also when one of its tables failed.
async fn run_batch(
    agent: &Agent,
    peer: &AgentClient,
    request: &StartCopy,
    batch: &[CopyTable],
) -> Result<()> {
    let (fetched, failed) =
        in_lanes(batch.iter(), |table| fetch(agent, peer, request, table)).await;
    let came = fetched
        .iter()
        .filter(|(_, arrival, _)| !matches!(arrival, Arrival::Known(_)));
    let databases: BTreeSet<&str> = came.map(|(row, ..)| row.database.as_str()).collect();
    if !databases.is_empty() {
        import::checkpoint(agent).await?;
        import::make_databases(agent, databases).await?;
    }
    // The locks are held until the tables are in.
    let (fetched, _locks): (Vec<_>, Vec<_>) = fetched
        .into_iter()
        .map(|(row, arrival, lock)| ((row, arrival), lock))
        .unzip();
    let (rows, in_use) = import::move_in(agent, &fetched, request.placement_epoch).await?;
    agent.copies.done(&request.id, rows);
    failed.or(in_use).map_or(Ok(()), Err)
}

async fn fetch<'a>(
    agent: &Agent,
    peer: &AgentClient,
    request: &StartCopy,
    table: &'a CopyTable,
) -> Result<Fetched<'a>> {
    let row = &table.row;
    let lock = agent.tables.take(row.table.clone(), &row.table)?;
    let create = ddl(&request.creates, row)?;
    let arrival = import::fetch(agent, peer, table, request.placement_epoch, create).await?;
    Ok((row, arrival, lock))
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
