//! The loader's state: one survey at a time, then one load, each started by a request and answered
//! at once.
//!
//! Keeps true: the same request never starts anything twice; a loader that was killed finds its
//! finished survey again and begins an unfinished one again; a newer request ends the older one
//! before it starts.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use orrery_archive::ingest::IngestSummary;
use orrery_worker_api::loader::{
    Load, LoaderError, LoaderStatus, LoaderStep, MOST_REJECTS, Survey,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::disk;
use crate::fault::Fault;
use crate::load::{self, LoadTools, Lost};
use crate::progress::{self, Progress};
use crate::survey::{self, Finished, Tools, finished_path, rejects};

/// Why a request is refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// The same id with another content.
    #[error("survey {0} was requested with another content")]
    OtherContent(String),
    /// There is nothing to load.
    #[error("survey {asked} is not finished here; this loader has {found}")]
    NotSurveyed {
        /// What was asked for.
        asked: String,
        /// What there is.
        found: String,
    },
    /// The request could not be put on disk.
    #[error("{0}")]
    Disk(String),
}

impl Refusal {
    /// Machine-readable reason.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::OtherContent(_) => "OtherContent",
            Self::NotSurveyed { .. } => "NotSurveyed",
            Self::Disk(_) => "DiskFailed",
        }
    }
}

/// The survey on disk: the request, and the directory below the spool that is its own.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Request {
    survey: Survey,
    directory: String,
}

/// The loader.
#[derive(Clone)]
pub struct Loader {
    tools: Arc<Tools>,
    spool: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    request: Option<Request>,
    finished: Option<Arc<Finished>>,
    load: Option<Load>,
    step: LoaderStep,
    error: Option<(LoaderError, Instant)>,
    progress: Arc<Progress>,
    lost: Arc<Lost>,
    /// Counts works started, so that the end of an older one changes nothing.
    work: u64,
    running: Option<(CancellationToken, JoinHandle<()>)>,
}

impl Loader {
    /// A loader with its spool in `spool`; continues with what it finds there.
    pub fn open(tools: Tools, spool: &Path) -> Result<Self, Fault> {
        std::fs::create_dir_all(spool).map_err(|error| Fault::disk(spool, error))?;
        let loader = Self {
            tools: Arc::new(tools),
            spool: spool.to_owned(),
            state: Arc::default(),
        };
        let request: Option<Request> = disk::read_json(&loader.request_path());
        let finished = request.as_ref().and_then(|request| {
            disk::read_json::<Finished>(&finished_path(&spool.join(&request.directory)))
                .filter(|finished| finished.survey == request.survey)
        });
        let kept = request.as_ref().filter(|_| finished.is_some());
        loader.remove_others(kept)?;
        match (request, finished) {
            (Some(request), Some(finished)) => loader.found(request, finished),
            (Some(request), None) => loader.begin_survey(&mut loader.lock(), request.survey)?,
            (None, _) => {}
        }
        Ok(loader)
    }

    /// Starts a survey, unless it is the present one.
    pub fn survey(&self, survey: Survey) -> Result<(), Refusal> {
        let mut state = self.lock();
        if let Some(request) = &state.request
            && request.survey.id == survey.id
        {
            if request.survey != survey {
                return Err(Refusal::OtherContent(survey.id));
            }
            let again = state.finished.is_none()
                && state.error.as_ref().is_some_and(|(error, _)| error.retry);
            if !again {
                return Ok(());
            }
        }
        self.begin_survey(&mut state, survey)
            .map_err(|fault| Refusal::Disk(fault.to_string()))
    }

    /// Starts a load of the finished survey, unless it is the present one.
    pub fn load(&self, load: Load) -> Result<(), Refusal> {
        let mut state = self.lock();
        let (finished, directory) = match (&state.finished, &state.request) {
            (Some(finished), Some(request)) if request.survey.id == load.id => {
                (finished.clone(), self.spool.join(&request.directory))
            }
            (_, request) => {
                return Err(Refusal::NotSurveyed {
                    asked: load.id,
                    found: request.as_ref().map_or("none".into(), |request| {
                        format!("{} in step {:?}", request.survey.id, state.step)
                    }),
                });
            }
        };
        let going_on = matches!(state.step, LoaderStep::Loading | LoaderStep::Loaded);
        if going_on && state.load.as_ref() == Some(&load) {
            return Ok(());
        }
        self.begin_load(&mut state, directory, finished, load);
        Ok(())
    }

    /// What the loader is doing.
    pub fn status(&self) -> LoaderStatus {
        let state = self.lock();
        let finished = state.finished.as_deref();
        let loading = state.load.is_some();
        let progress = match state.step {
            LoaderStep::Surveyed => state.progress.survey(true),
            LoaderStep::Loaded => state.progress.load(true),
            _ if loading => state.progress.load(false),
            _ => state.progress.survey(false),
        };
        LoaderStatus {
            id: state
                .request
                .as_ref()
                .map(|request| request.survey.id.clone()),
            step: state.step,
            progress,
            summary: finished.map_or_else(
                || so_far(&state.progress),
                |finished| finished.summary.clone(),
            ),
            reject_samples: finished.map_or_else(
                || state.progress.samples.list(),
                |finished| finished.samples.clone(),
            ),
            surveyed: finished.map(|finished| finished.surveyed.clone()),
            attempt: state.load.as_ref().map(|load| load.attempt),
            lost_agents: lock(&state.lost).clone(),
            error: state.error.as_ref().map(|(error, since)| LoaderError {
                seconds: since.elapsed().as_secs(),
                ..error.clone()
            }),
        }
    }

    /// The list of rejects of the present survey, as far as it goes into [`MOST_REJECTS`]; empty
    /// when there is none.
    pub fn rejects(&self) -> std::io::Result<String> {
        let state = self.lock();
        let directory = state.request.as_ref().map(|request| &request.directory);
        directory.map_or(Ok(String::new()), |directory| {
            rejects::first_lines(&self.spool.join(directory), MOST_REJECTS)
        })
    }

    /// Ends what is running and waits for it.
    pub async fn stop(&self) {
        let running = self.lock().running.take();
        if let Some((stop, task)) = running {
            stop.cancel();
            task.abort();
            // An aborted task ends with an error by design.
            let _ = task.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn request_path(&self) -> PathBuf {
        self.spool.join("request.json")
    }

    /// Takes a finished survey up again.
    fn found(&self, request: Request, finished: Finished) {
        tracing::info!(id = request.survey.id, "finished survey found");
        let mut state = self.lock();
        progress::add(&state.progress.rows_read, finished.records);
        progress::add(&state.progress.bytes_read, finished.bytes);
        state.request = Some(request);
        state.finished = Some(Arc::new(finished));
        state.step = LoaderStep::Surveyed;
    }

    /// Removes the spools of all surveys but the `kept` one: older ones, and those of killed
    /// loaders.
    fn remove_others(&self, kept: Option<&Request>) -> Result<(), Fault> {
        let fault = |error| Fault::disk(&self.spool, error);
        for entry in std::fs::read_dir(&self.spool).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let own = kept.is_some_and(|request| entry.file_name() == *request.directory);
            let survey = entry.file_name().to_string_lossy().starts_with("survey-");
            if survey && !own {
                std::fs::remove_dir_all(entry.path()).map_err(fault)?;
            }
        }
        Ok(())
    }

    fn begin_survey(&self, state: &mut State, survey: Survey) -> Result<(), Fault> {
        let last = state
            .request
            .as_ref()
            .map(|request| request.directory.clone());
        let request = Request {
            directory: next_directory(&self.spool, last.as_deref()),
            survey,
        };
        disk::write_json(&self.request_path(), &request)?;
        let directory = self.spool.join(&request.directory);
        let (old, survey) = (
            last.map(|last| self.spool.join(last)),
            request.survey.clone(),
        );
        let progress = Arc::new(Progress::default());
        let previous = replace_running(state);
        *state = State {
            request: Some(request),
            step: LoaderStep::Surveying,
            progress: progress.clone(),
            work: state.work + 1,
            ..State::default()
        };
        let stop = CancellationToken::new();
        let (tools, token) = (self.tools.clone(), stop.clone());
        let task = self.spawn(state.work, previous, async move {
            if let Some(old) = old {
                // The next start removes what cannot be removed now.
                let _ = std::fs::remove_dir_all(old);
            }
            let finished = survey::run(&tools, survey, &directory, progress, token).await?;
            Ok(Ended::Surveyed(Arc::new(finished)))
        });
        state.running = Some((stop, task));
        Ok(())
    }

    fn begin_load(
        &self,
        state: &mut State,
        directory: PathBuf,
        finished: Arc<Finished>,
        load: Load,
    ) {
        let previous = replace_running(state);
        state.work += 1;
        state.load = Some(load.clone());
        state.step = LoaderStep::Loading;
        state.error = None;
        state.lost = Arc::default();
        let tools = LoadTools {
            agents: self.tools.agents.clone(),
            retry: self.tools.limits.retry,
            streams: self.tools.limits.streams,
            directory,
            progress: state.progress.clone(),
            lost: state.lost.clone(),
        };
        let task = self.spawn(state.work, previous, async move {
            load::run(tools, &finished, &load).await?;
            Ok(Ended::Loaded)
        });
        state.running = Some((CancellationToken::new(), task));
    }

    /// Runs `work` once `previous` has ended, and takes its end into the state.
    fn spawn(
        &self,
        number: u64,
        previous: Option<JoinHandle<()>>,
        work: impl Future<Output = Result<Ended, Fault>> + Send + 'static,
    ) -> JoinHandle<()> {
        let loader = self.clone();
        tokio::spawn(async move {
            if let Some(previous) = previous {
                // An aborted task ends with an error by design.
                let _ = previous.await;
            }
            let end = work.await;
            loader.ended(number, end);
        })
    }

    fn ended(&self, number: u64, end: Result<Ended, Fault>) {
        let mut state = self.lock();
        if state.work != number {
            return;
        }
        match end {
            Ok(Ended::Surveyed(finished)) => {
                tracing::info!(
                    rows = finished.summary.rows,
                    rejects = finished.summary.rejects,
                    "surveyed"
                );
                state.finished = Some(finished);
                state.step = LoaderStep::Surveyed;
            }
            Ok(Ended::Loaded) => {
                tracing::info!(rows = progress::get(&state.progress.rows_loaded), "loaded");
                state.step = LoaderStep::Loaded;
            }
            Err(fault) => {
                tracing::error!(reason = fault.reason(), %fault, "failed");
                state.step = LoaderStep::Failed;
                state.error = Some((fault.to_error(), Instant::now()));
            }
        }
    }
}

enum Ended {
    Surveyed(Arc<Finished>),
    Loaded,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends what is running; the next work waits for it.
fn replace_running(state: &mut State) -> Option<JoinHandle<()>> {
    let (stop, task) = state.running.take()?;
    stop.cancel();
    task.abort();
    Some(task)
}

/// A name no survey has had while threads of it may still run.
fn next_directory(spool: &Path, last: Option<&str>) -> String {
    let number = |name: &str| name.strip_prefix("survey-")?.parse::<u64>().ok();
    let on_disk = std::fs::read_dir(spool)
        .into_iter()
        .flatten()
        .filter_map(|entry| number(&entry.ok()?.file_name().to_string_lossy()));
    let highest = on_disk.chain(last.and_then(number)).max().unwrap_or(0);
    format!("survey-{}", highest + 1)
}

/// The summary of a survey under way.
fn so_far(progress: &Progress) -> IngestSummary {
    let rejects = progress::get(&progress.rejects);
    IngestSummary {
        rows: progress::get(&progress.rows_read).saturating_sub(rejects),
        rejects,
        ..IngestSummary::default()
    }
}
