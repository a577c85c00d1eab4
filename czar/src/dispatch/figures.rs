//! What workers did for a statement.

use std::collections::BTreeMap;
use std::time::Duration;

use orrery_archive::names::WorkerId;
use parking_lot::Mutex;

use crate::spool::Rows;

/// What one worker did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerFigures {
    /// Statements that were sent to it.
    pub queries: u64,
    /// Rows that came.
    pub rows: u64,
    /// Bytes of these rows.
    pub bytes: u64,
    /// Time that its statements took, all together.
    pub time: Duration,
    /// Tries that failed there, so that another followed.
    pub retries: u64,
}

/// What each worker did for one statement.
#[derive(Debug, Default)]
pub struct Figures(Mutex<BTreeMap<WorkerId, WorkerFigures>>);

impl Figures {
    /// Notes a try of so many statements. `rows` came, unless it failed.
    pub(super) fn note(
        &self,
        worker: WorkerId,
        queries: usize,
        rows: Option<&Rows>,
        time: Duration,
    ) {
        let mut all = self.0.lock();
        let figures = all.entry(worker).or_default();
        figures.queries += queries as u64;
        figures.time += time;
        match rows {
            Some(rows) => {
                figures.rows += rows.count();
                figures.bytes += rows.bytes();
            }
            None => figures.retries += 1,
        }
    }

    /// The workers that were asked, by their ids.
    pub fn by_worker(&self) -> BTreeMap<WorkerId, WorkerFigures> {
        self.0.lock().clone()
    }
}
