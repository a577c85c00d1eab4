//! Copies going on and done, by the name the operator chose. An agent that starts anew has forgotten them: the operator asks again,
//! and tables that are in the manifest by then are done at once.

use std::collections::HashMap;
use std::sync::Arc;

use orrery_crds::agent::{CopyDdl, CopyStatus, ManifestRow, StartCopy};
use parking_lot::Mutex;

use super::import;
use super::peer::Peer;
use crate::agent::Agent;
use crate::error::{AgentError, Result};

/// Jobs remembered; beyond, ended ones are forgotten.
const REMEMBERED: usize = 1_000;

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

    fn progress(&self, id: &str, table: Result<ManifestRow>) {
        if let Some(job) = self.jobs.lock().get_mut(id) {
            match table {
                Ok(row) => {
                    job.status.done.push(row);
                    job.status.left = job.status.left.saturating_sub(1);
                }
                Err(error) => job.status.error = Some(error.to_string()),
            }
        }
    }
}

/// Starts a copy, or finds it going on or done. One that failed is tried again.
pub fn start(agent: &Arc<Agent>, request: StartCopy) -> Result<CopyStatus> {
    let peer = Peer::new(agent, &request.source)?;
    for row in &request.rows {
        ddl(&request.creates, row)?;
    }
    if agent.copies.enter(&request)? {
        let (agent, request) = (agent.clone(), request.clone());
        tokio::spawn(async move { run(&agent, &peer, &request).await });
    }
    agent.copies.status(&request.id)
}

async fn run(agent: &Agent, peer: &Peer, request: &StartCopy) {
    for row in &request.rows {
        let copied = match ddl(&request.creates, row) {
            Ok(create) => copy(agent, peer, row, create).await,
            Err(error) => Err(error),
        };
        let failed = copied.is_err();
        if let Err(error) = &copied {
            tracing::warn!(copy = request.id, database = row.database, table = row.table, %error, "a copy failed");
        }
        agent.copies.progress(&request.id, copied);
        if failed {
            return;
        }
    }
}

async fn copy(agent: &Agent, peer: &Peer, row: &ManifestRow, create: &str) -> Result<ManifestRow> {
    let _lock = agent.tables.take(row.table.clone(), &row.table)?;
    import::copy_table(agent, peer, row, create).await
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
