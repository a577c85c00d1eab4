//! Copies under way and done, by the name the operator chose. An agent that starts again has
//! forgotten them: the operator asks again, and tables that are in the manifest by then are done at
//! once.

use std::collections::HashMap;

use orrery_worker_api::agent::{CopyStatus, ManifestRow, StartCopy};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Duration, timeout};

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
    ended: Notify,
}

impl Copies {
    /// How far a copy is.
    pub fn status(&self, id: &str) -> Result<CopyStatus> {
        let jobs = self.jobs.lock();
        jobs.get(id)
            .map(|job| job.status.clone())
            .ok_or_else(|| AgentError::NotFound(format!("there is no copy {id:?}")))
    }

    /// How far a copy is when it has ended, or when this time is over.
    pub async fn status_within(&self, id: &str, limit: Duration) -> Result<CopyStatus> {
        let ended = async {
            loop {
                let ended = self.ended.notified();
                tokio::pin!(ended);
                ended.as_mut().enable();
                if self.jobs.lock().get(id).is_none_or(Job::ended) {
                    return;
                }
                ended.await;
            }
        };
        // What came of it is read in either case.
        let _ = timeout(limit, ended).await;
        self.status(id)
    }

    /// Enters a job unless it goes on or is done; whether it must be run now.
    pub(super) fn enter(&self, request: &StartCopy) -> Result<bool> {
        let rows: Vec<ManifestRow> = request.tables.iter().map(|t| t.row.clone()).collect();
        let mut jobs = self.jobs.lock();
        if let Some(job) = jobs.get(&request.id) {
            if job.rows != rows {
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
            left: rows.len(),
            error: None,
        };
        jobs.insert(request.id.clone(), Job { rows, status });
        Ok(true)
    }

    /// Forgets ended copies of a table that was dropped: asked for again, they are made again.
    pub fn forget(&self, dropped: &ManifestRow) {
        let same =
            |row: &ManifestRow| row.database == dropped.database && row.table == dropped.table;
        let mut jobs = self.jobs.lock();
        jobs.retain(|_, job| !(job.ended() && job.rows.iter().any(same)));
    }

    /// Counts tables of a copy as done.
    pub(super) fn done(&self, id: &str, rows: Vec<ManifestRow>) {
        if let Some(job) = self.jobs.lock().get_mut(id) {
            job.status.left = job.status.left.saturating_sub(rows.len());
            job.status.done.extend(rows);
        }
        self.ended.notify_waiters();
    }

    /// Ends a copy with an error.
    pub(super) fn fail(&self, id: &str, error: &AgentError) {
        if let Some(job) = self.jobs.lock().get_mut(id) {
            job.status.error = Some(error.to_string());
        }
        self.ended.notify_waiters();
    }
}
