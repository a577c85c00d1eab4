//! What can be decided about an ingest.

use std::collections::BTreeMap;

use orrery_archive::ingest::{IngestProgress, IngestSummary, RejectSample};
use orrery_archive::names::WorkerId;
use orrery_worker_api::agent::{OpenAttempt, SetState};
use orrery_worker_api::loader::{Load, LoaderStatus, Survey};

use super::catalog_edit::CatalogEdit;
use super::state::State;

/// What to do next with an ingest.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Something must be known first; then it is decided again.
    Ask(Question),
    /// The catalog is edited; then it is decided again with what came of it.
    Write(Box<CatalogEdit>),
    /// The step of this run.
    Step(Box<Step>),
}

/// What must be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// What the loader says of itself.
    Loader,
    /// What each worker says to the order to seal these attempts. The order may be given any number
    /// of times.
    Seal(BTreeMap<WorkerId, Vec<u64>>),
}

/// Orders to others, and then what the status says.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Orders, in this order. The status says the rest only when those that must be obeyed were.
    pub orders: Vec<Order>,
    /// Where the ingest stands from now on; where it stood, if absent.
    pub to: Option<State>,
    /// In words; as before, if absent.
    pub message: Option<String>,
    /// What the loader reports.
    pub report: Option<Report>,
    /// Rows that are published.
    pub rows: Option<u64>,
    /// Whether the loader is away; not known when it was not asked.
    pub loader_away: Option<bool>,
    /// Whether an attempt did not succeed.
    pub attempt_failed: bool,
    /// Something that a person should look at: reason and words.
    pub warning: Option<(&'static str, String)>,
    /// What an earlier Ingest of this name has in the catalog.
    pub earlier: Option<Earlier>,
}

/// What becomes of an Ingest whose name another had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// Its rows are there: the status says what the catalog has, and why nothing is loaded.
    Loaded(Loaded, String),
    /// Other rows are visible under its name; it is refused, and why.
    NameTaken(String),
}

/// What the catalog has of an ingest that is not loaded again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Incarnation of the table.
    pub incarnation: u64,
    /// Attempt of the rows.
    pub attempt: u64,
    /// Rows.
    pub rows: u64,
    /// Chunks with rows of it.
    pub chunks: u64,
    /// Bytes of one copy.
    pub bytes: u64,
}

/// An order. Each may be given any number of times.
#[derive(Clone, Debug)]
pub enum Order {
    /// To the cluster: there is a Job with a loader. Must be obeyed.
    EnsureJob,
    /// To the cluster: there is no such Job any more. Must be obeyed.
    EndJob,
    /// To the loader and the cluster: the list of rejected rows is kept for people. A loader that
    /// does not answer any more takes its list with it.
    KeepRejects,
    /// To the loader: read the sources. With an attempt, its agents are asked for the list of files
    /// that an earlier survey recorded, so that a changed source fails. Must be obeyed.
    Survey(Box<Survey>, Option<u64>),
    /// To the loader: send the rows. Must be obeyed.
    Load(Box<Load>),
    /// To each worker: open these attempts. One that does not gets no rows and is behind for the
    /// segment; the loader hears it from its own calls.
    Open(BTreeMap<WorkerId, Vec<OpenAttempt>>),
    /// To every worker: drop what these attempts left. One that is away keeps sealed tables that no
    /// catalog names; they are dropped when it is found.
    Discard(Vec<u64>),
    /// To every worker: the new state of a segment's rows. One that is away hears it when its
    /// manifest is read again.
    SetState(SetState),
}

/// What people see of a loader's work.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Progress.
    pub progress: IngestProgress,
    /// Counts so far.
    pub summary: IngestSummary,
    /// First rejected rows.
    pub reject_samples: Vec<RejectSample>,
}

impl Report {
    /// What a loader's status has for people.
    pub fn of(loader: &LoaderStatus) -> Self {
        Self {
            progress: loader.progress.clone(),
            summary: loader.summary.clone(),
            reject_samples: loader.reject_samples.clone(),
        }
    }
}

impl Step {
    /// The ingest stays where it is, and says what it waits for.
    pub fn wait(message: impl Into<String>) -> Self {
        Self {
            message: Some(message.into()),
            ..Self::default()
        }
    }

    /// The ingest continues.
    pub fn to(state: State, message: impl Into<String>) -> Self {
        Self {
            to: Some(state),
            message: Some(message.into()),
            ..Self::default()
        }
    }

    /// With one more order.
    pub fn order(mut self, order: Order) -> Self {
        self.orders.push(order);
        self
    }
}

impl From<Step> for Decision {
    fn from(step: Step) -> Self {
        Self::Step(Box::new(step))
    }
}

impl From<CatalogEdit> for Decision {
    fn from(edit: CatalogEdit) -> Self {
        Self::Write(Box::new(edit))
    }
}
