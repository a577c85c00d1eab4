//! The survey: every source read once, every row checked, placed and spooled, every key judged.
//!
//! ```text
//! per file:  reader thread ──batches──▶ check + place (threads, look-ups) ──in order──▶ spool writer
//! then:      keys by hash chunk ──sort, look up──▶ index rows and dropped rows ──▶ result
//! ```
//!
//! Keeps true: the result depends on the sources, the index and the request alone, not on timing;
//! it is on disk, synced, before its end is reported. A survey that was killed starts again from
//! nothing, one that finished is found again.

pub mod claim;
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
mod finished;
mod hints;
mod reader;
mod running;
mod unchanged;

pub use finished::{Finished, IndexPiece, dropped_path, finished_path, index_path};

use std::path::Path;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use orrery_worker_api::loader::Survey;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::config::Limits;
use crate::disk;
use crate::fault::Fault;
use crate::peers::Peers;
use crate::progress::{self, Progress};
use crate::source::{self, HttpSources, Mounts, Place};
use index::IndexClient;
use keys::KeySpool;
use plan::TablePlan;
use running::{Running, blocking};

/// What a survey works with.
pub struct Tools {
    /// Opens URLs.
    pub http: HttpSources,
    /// Calls agents.
    pub agents: Peers,
    /// Where claims and Secrets are mounted.
    pub mounts: Mounts,
    /// Bounds.
    pub limits: Limits,
}

/// Surveys into `directory`, which no other survey writes to.
pub async fn run(
    tools: &Tools,
    survey: Survey,
    directory: &Path,
    progress: Arc<Progress>,
    stop: CancellationToken,
) -> Result<Finished, Fault> {
    let places = places(tools, &survey).await?;
    let plan = TablePlan::new(&survey)?;
    disk::fresh_directory(directory)?;
    let running = Arc::new(Running {
        directory: directory.to_owned(),
        names: places.iter().map(Place::name).collect(),
        fields: survey.fields.clone(),
        max_rejects: survey.max_rejects,
        expected: survey.expected_files.clone(),
        http: tools.http.clone(),
        index: IndexClient::new(tools.agents.clone(), plan.index.clone(), tools.limits.retry),
        keys: KeySpool::new(directory, plan.index.chunks),
        progress,
        threads: Arc::new(Semaphore::new(tools.limits.threads)),
        ahead: tools.limits.threads + 1,
        files: tools.limits.files.min(places.len()),
        decoders: tools.limits.threads,
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
    let files: Result<Vec<files::FileResult>, Fault> = stream::iter(read)
        .buffer_unordered(tools.limits.files)
        .try_collect()
        .await;
    match files {
        Ok(mut files) => {
            files.sort_by_key(|file| file.file);
            finish::finish(running, survey, files).await
        }
        Err(fault) => {
            // People get to see what was rejected before.
            blocking("list of rejects", move || finish::list(&running, &[])).await?;
            Err(fault)
        }
    }
}

/// Where all sources are, in order. A later survey must find as many as an earlier one did.
async fn places(tools: &Tools, survey: &Survey) -> Result<Vec<Place>, Fault> {
    let (http, mounts) = (tools.http.clone(), tools.mounts.clone());
    let sources = survey.sources.clone();
    let places = blocking("look for the sources", move || {
        let mut places = Vec::new();
        for source in &sources {
            places.extend(Place::of(source, &mounts, &http)?);
        }
        Ok(places)
    })
    .await?;
    let expected = survey
        .expected_files
        .as_ref()
        .map_or(places.len(), Vec::len);
    if expected != places.len() {
        return Err(Fault::SourceChanged {
            file: "the list of sources".into(),
            what: format!("it had {expected} files and has {}", places.len()),
        });
    }
    Ok(places)
}

/// Looks at all sources before any of them is read: a missing one is reported at once, and totals
/// are known.
async fn check_heads(running: &Arc<Running>, places: &[Place]) -> Result<(), Fault> {
    let (shared, places) = (running.clone(), places.to_vec());
    blocking("look at the sources", move || {
        for (file, place) in (0..).zip(&places) {
            if let Some(head) = source::head(place, &shared.http)? {
                progress::add(&shared.progress.stored_total, head.size.unwrap_or(0));
                unchanged::check_version(&shared, file, &head)?;
            }
        }
        Ok(())
    })
    .await
}
