//! Copies going on and done, by the name the operator chose. An agent that starts anew has forgotten them: the operator asks again,
//! and tables that are in the manifest by then are done at once.

use std::collections::HashMap;
use std::sync::Arc;

use orrery_worker_api::agent::{CopyDdl, CopyStatus, ManifestRow, StartCopy};
use orrery_worker_api::client::AgentClient;
use parking_lot::Mutex;

use super::import::{self, Arrival};
use super::peer;
use crate::agent::Agent;
use crate::error::{AgentError, Result};

/// Jobs remembered; beyond, ended ones are forgotten.
const REMEMBERED: usize = 1_000;
/// Tables between two checkpoints.
const BATCH: usize = 32;

#[derive(Debug)]
struct Job {
    rows: Vec<ManifestRow>,
    status: CopyStatus,
}

impl Job {
    fn ended(&self) -> bool {
        self.status.left == 0 || self.status.error.is_some()
    }
}

/// All copies to this worker.
#[derive(Debug, Default)]
pub struct Copies {
    jobs: Mutex<HashMap<String, Job>>,
}

impl Copies {
    /// How far a copy is.
    pub fn status(&self, id: &str) -> Result<CopyStatus> {
        let jobs = self.jobs.lock();
        jobs.get(id)
            .map(|job| job.status.clone())
            .ok_or_else(|| AgentError::NotFound(format!("there is no copy {id:?}")))
    }

    /// Enters a job unless it goes on or is done; whether it must be run now.
    fn enter(&self, request: &StartCopy) -> Result<bool> {
        let mut jobs = self.jobs.lock();
        if let Some(job) = jobs.get(&request.id) {
            if job.rows != request.rows {
                return Err(AgentError::Conflict(format!(
                    "the copy {:?} is of other tables",
                    request.id
                )));
            }
            if job.status.error.is_none() {
                return Ok(false);
            }
        }
        if jobs.len() >= REMEMBERED {
            jobs.retain(|_, job| !job.ended());
        }
        let status = CopyStatus {
            done: Vec::new(),
            left: request.rows.len(),
            error: None,
        };
        jobs.insert(
            request.id.clone(),
            Job {
                rows: request.rows.clone(),
                status,
            },
        );
        Ok(true)
    }

    fn done(&self, id: &str, row: ManifestRow) {
        if let Some(job) = self.jobs.lock().get_mut(id) {
            job.status.done.push(row);
            job.status.left = job.status.left.saturating_sub(1);
        }
    }

    fn fail(&self, id: &str, error: &AgentError) {
        if let Some(job) = self.jobs.lock().get_mut(id) {
            job.status.error = Some(error.to_string());
        }
    }
}

/// Starts a copy, or finds it going on or done. One that failed is tried again.
pub fn start(agent: &Arc<Agent>, request: StartCopy) -> Result<CopyStatus> {
    let peer = peer::connect(agent, &request.source)?;
    for row in &request.rows {
        ddl(&request.creates, row)?;
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
    for batch in request.rows.chunks(BATCH) {
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
    batch: &[ManifestRow],
) -> Result<()> {
    let mut fetched = Vec::new();
    let mut failed = None;
    for row in batch {
        let lock = agent.tables.take(row.table.clone(), &row.table)?;
        match import::fetch(agent, peer, row, ddl(&request.creates, row)?).await {
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
        let row = import::move_in(agent, row, arrival).await?;
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
            AgentError::BadRequest(format!("no DDL for {:?} tables of {}", row.part, row.database))
        })
}
