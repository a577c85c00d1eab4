//! The survey: every source read once, every row checked, placed and spooled, every key judged.
//!
//! ```text
//! per file:  reader thread ──batches──▶ check + place (threads, look-ups) ──in order──▶ spool writer
//! then:      keys by hash chunk ──sort, look up──▶ index rows and dropped rows ──▶ result
//! ```
//!
//! Keeps true: the result depends on the sources, the index and the request alone, not on timing; it is on disk, synced, before
//! anybody is told of it. A survey that was killed starts again from nothing, one that finished is found again.

pub mod index;
pub mod judge;
pub mod keys;
pub mod place;
pub mod plan;
pub mod rejects;
pub mod rows;
pub mod spool;

mod files;
mod finish;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use orrery_archive::ingest::{IngestSummary, RejectSample};
use orrery_archive::names::ChunkId;
use orrery_worker_api::agent::SourceFile;
use orrery_worker_api::loader::{Survey, Surveyed};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::agents::Agents;
use crate::config::Limits;
use crate::disk;
use crate::fault::Fault;
use crate::progress::{self, Progress};
use crate::source::{self, HttpSources, Place};
use index::IndexClient;
use keys::KeySpool;
use plan::TablePlan;

/// What a finished survey leaves on disk besides the spool.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Finished {
    /// The request.
    pub survey: Survey,
    /// The result.
    pub surveyed: Surveyed,
    /// The summary.
    pub summary: IngestSummary,
    /// First rejects.
    pub samples: Vec<RejectSample>,
    /// Records read.
    pub records: u64,
    /// Decompressed bytes read.
    pub bytes: u64,
    /// Parts of each file that hold rows.
    pub parts: Vec<Vec<u32>>,
    /// Pieces of the index rows.
    pub index: Vec<IndexPiece>,
}

/// Some index rows of one hash chunk: a range of [`index_path`]'s file.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexPiece {
    /// Hash chunk.
    pub chunk: ChunkId,
    /// Number of the piece within the hash chunk.
    pub piece: u32,
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// Rows.
    pub rows: u64,
}

/// Where the index rows of a hash chunk are, as they are loaded.
pub fn index_path(directory: &Path, chunk: ChunkId) -> PathBuf {
    directory.join(format!("index-{chunk:05}"))
}

/// Where the dropped records are: (file, record), ascending.
pub fn dropped_path(directory: &Path) -> PathBuf {
    directory.join("dropped.json")
}

/// Where [`Finished`] is.
pub fn finished_path(directory: &Path) -> PathBuf {
    directory.join("finished.json")
}

/// What a survey works with.
pub struct Tools {
    /// Opens URLs.
    pub http: HttpSources,
    /// Calls agents.
    pub agents: Agents,
    /// Where claims are mounted.
    pub sources: PathBuf,
    /// Bounds.
    pub limits: Limits,
}

/// A running survey, shared by its tasks.
struct Running {
    plan: TablePlan,
    directory: PathBuf,
    names: Vec<String>,
    fields: Vec<String>,
    max_rejects: u64,
    expected: Option<Vec<SourceFile>>,
    http: HttpSources,
    index: IndexClient,
    keys: KeySpool,
    progress: Arc<Progress>,
    /// One permit per thread that checks rows.
    threads: Arc<Semaphore>,
    ahead: usize,
    part_bytes: u64,
    stop: CancellationToken,
}

impl Running {
    /// Counts rejects of a file; too many end the survey.
    fn reject(&self, file: u32, rejects: &[rows::Reject]) -> Result<(), Fault> {
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

    fn name(&self, file: u32) -> &str {
        self.names.get(file as usize).map_or("", String::as_str)
    }
}

/// Surveys into `directory`, which no other survey writes to.
pub async fn run(
    tools: &Tools,
    survey: Survey,
    directory: &Path,
    progress: Arc<Progress>,
    stop: CancellationToken,
) -> Result<Finished, Fault> {
    let places: Vec<Place> = survey
        .sources
        .iter()
        .map(|source| Place::new(source, &tools.sources))
        .collect::<Result<_, _>>()?;
    let plan = TablePlan::new(&survey)?;
    disk::fresh_directory(directory)?;
    let running = Arc::new(Running {
        directory: directory.to_owned(),
        names: places.iter().map(Place::name).collect(),
        fields: survey.fields.clone(),
        max_rejects: survey.max_rejects,
        expected: survey.expected_files.clone(),
        http: tools.http.clone(),
        index: IndexClient::new(tools.agents.clone(), plan.index.clone(), tools.limits.patience),
        keys: KeySpool::new(directory, plan.index.chunks),
        progress,
        threads: Arc::new(Semaphore::new(tools.limits.threads)),
        ahead: tools.limits.threads + 1,
        part_bytes: tools.limits.part_bytes,
        stop: stop.clone(),
        plan,
    });
    // Whatever ends the survey also ends the threads that still read for it.
    let _ended = stop.drop_guard();
    check_heads(&running, &places).await?;
    let read = (0..)
        .zip(places)
        .map(|(file, place)| files::read(running.clone(), file, place));
    let mut files: Vec<files::FileResult> = stream::iter(read)
        .buffer_unordered(tools.limits.files)
        .try_collect()
        .await?;
    files.sort_by_key(|file| file.file);
    finish::finish(running, survey, files).await
}

/// Looks at all sources before any of them is read: a missing one is told at once, and totals are known.
async fn check_heads(running: &Arc<Running>, places: &[Place]) -> Result<(), Fault> {
    let (shared, places) = (running.clone(), places.to_vec());
    blocking("look at the sources", move || {
        for (file, place) in (0..).zip(&places) {
            if let Some(head) = source::head(place, &shared.http)? {
                progress::add(&shared.progress.stored_total, head.size.unwrap_or(0));
                files::check_head(&shared, file, &head)?;
            }
        }
        Ok(())
    })
    .await
}

/// Runs `work` on a thread that may block.
async fn blocking<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(Fault::Internal(name)))
}
