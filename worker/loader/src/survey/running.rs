//! A survey under way, and what its tasks share.

use std::path::PathBuf;
use std::sync::Arc;

use orrery_worker_api::agent::SourceFile;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::index::IndexClient;
use super::keys::KeySpool;
use super::plan::TablePlan;
use super::rows::Reject;
use crate::fault::Fault;
use crate::progress::{self, Progress};
use crate::source::HttpSources;

/// A running survey, shared by its tasks.
pub(super) struct Running {
    pub(super) plan: TablePlan,
    pub(super) directory: PathBuf,
    pub(super) names: Vec<String>,
    pub(super) fields: Vec<String>,
    pub(super) max_rejects: u64,
    pub(super) expected: Option<Vec<SourceFile>>,
    pub(super) http: HttpSources,
    pub(super) index: IndexClient,
    pub(super) keys: KeySpool,
    pub(super) progress: Arc<Progress>,
    /// One permit per thread that checks rows.
    pub(super) threads: Arc<Semaphore>,
    pub(super) ahead: usize,
    /// Files read at once.
    pub(super) files: usize,
    /// Threads that decode one file.
    pub(super) decoders: usize,
    pub(super) part_bytes: u64,
    pub(super) stop: CancellationToken,
}

impl Running {
    /// Counts rejects of a file; too many end the survey.
    pub(super) fn reject(&self, file: u32, rejects: &[Reject]) -> Result<(), Fault> {
        let name = self.name(file);
        for reject in rejects {
            self.progress.samples.add(file, name, reject);
        }
        let total = progress::add(&self.progress.rejects, rejects.len() as u64);
        if total > self.max_rejects {
            return Err(Fault::TooManyRejects {
                rejects: total,
                allowed: self.max_rejects,
                first: self.progress.samples.in_words(),
            });
        }
        Ok(())
    }

    pub(super) fn name(&self, file: u32) -> &str {
        self.names.get(file as usize).map_or("", String::as_str)
    }
}

/// Runs `work` on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(Fault::Internal(name)))
}
