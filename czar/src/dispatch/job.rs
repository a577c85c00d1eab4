//! What is to be run, how, and what comes of it.

use std::sync::Arc;
use std::time::Duration;

use orrery_archive::names::WorkerId;
use orrery_wire::{ColumnDef, Format, ServerError, errors};
use thiserror::Error;

use super::figures::Figures;
use super::queue::Sizing;
use crate::backend::SessionSettings;
use crate::spool::{Budget, Rows, SpoolError};
use crate::warnings::Warnings;

/// What is to be run, unit by unit.
#[async_trait::async_trait]
pub trait Units: Send + Sync + 'static {
    /// Number of units.
    fn count(&self) -> usize;
    /// What people call the unit, for example `chunk 6630 of sky.Object`.
    fn name(&self, unit: usize) -> String;
    /// A worker's text with the names of tables that users know.
    fn in_users_words(&self, text: &str) -> String;
    /// The unit's statements.
    fn statements(&self, unit: usize) -> Result<Vec<String>, DispatchError>;
    /// What follows statements of several units that are joined by UNION ALL, if anything does.
    fn joined_end(&self) -> Option<&str> {
        None
    }
    /// Workers that have all the unit needs, by the newest placement known.
    fn workers(&self, unit: usize) -> Vec<WorkerId>;
    /// Looks for a placement newer than the one known, for example at the agents; returns at once
    /// when there is no way to.
    async fn look_for_newer(&self);
}

/// Lane of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Few units: uses any free connection.
    Interactive,
    /// Many: leaves connections to others.
    Scan,
}

/// How units are run.
pub struct Job {
    /// The units.
    pub units: Arc<dyn Units>,
    /// Session settings of the statements.
    pub settings: Arc<SessionSettings>,
    /// Lane.
    pub lane: Lane,
    /// Protocol between czar and workers.
    pub format: Format,
    /// Sizes of tasks.
    pub sizing: Sizing,
    /// Tasks of this job on one worker at once.
    pub per_worker: usize,
    /// Memory and disk for rows.
    pub budget: Arc<Budget>,
    /// How long a unit that no replica answers is tried again.
    pub retry_for: Duration,
    /// Where it is noted what workers do.
    pub figures: Arc<Figures>,
}

/// A complete task: all rows of its units.
pub struct Done {
    /// Lowest unit in it.
    pub unit: usize,
    /// Columns as the worker named them.
    pub columns: Arc<[ColumnDef]>,
    /// The rows.
    pub rows: Rows,
    /// Those of each statement that raised any, in words that users know.
    pub warnings: Vec<Warnings>,
}

/// Why a job failed.
#[derive(Debug, Error)]
pub enum DispatchError {
    /// An error that every replica would give.
    #[error("{0}")]
    Statement(ServerError),
    /// No replica answered in time.
    #[error("{unit} cannot be read: {reasons}")]
    NoReplica {
        /// The unit's name.
        unit: String,
        /// What each worker said.
        reasons: String,
    },
    /// Servers were lost while the statement ran on them: no further one is tried.
    #[error(
        "workers {workers:?} were lost while they ran the statement over {unit}; it is not sent to others: ask for less at once"
    )]
    Deadly {
        /// The unit's name.
        unit: String,
        /// The workers.
        workers: Vec<WorkerId>,
    },
    /// Rows could not be held.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The statements could not be made: the catalog lacks what the plan names.
    #[error("{0}")]
    Render(String),
    /// A task ended without an answer.
    #[error("a task of the statement was lost")]
    LostTask,
}

impl DispatchError {
    /// The error as clients see it.
    pub fn mysql(&self) -> ServerError {
        match self {
            Self::Statement(error) => error.clone(),
            Self::NoReplica { .. } => {
                errors::TEMPORARY.error(format!("Got temporary error: {self}"))
            }
            Self::Spool(SpoolError::Full { .. }) => {
                errors::TABLE_FULL.error(format!("The result is too large: {self}"))
            }
            Self::Spool(_) | Self::Render(_) | Self::LostTask | Self::Deadly { .. } => {
                errors::UNKNOWN_ERROR.error(self.to_string())
            }
        }
    }
}
