//! What is tried, by whom, and what came of it.

use orrery_archive::catalog::TableKey;
use orrery_archive::names::WorkerId;
use orrery_worker_api::agent::{Refusal, TrialTable};

/// A sound table that the catalog does not have in this form.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// Database and name.
    pub key: TableKey,
    /// Pool whose workers will hold its rows; `None` when all workers will.
    pub pool: Option<String>,
    /// Every table that it will consist of, once each.
    pub tables: Vec<TrialTable>,
}

/// A worker that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Name of its object.
    pub name: String,
    /// Its id.
    pub id: WorkerId,
    /// Address of its pod.
    pub address: String,
}

/// What MariaDB says of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// It makes it as declared.
    Taken,
    /// It does not.
    Refused(Refusal),
}

/// What is known of a table that is to be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was tried.
    Said(Word),
    /// A worker is trying it.
    UnderWay,
    /// There is no worker that could.
    NoWorker,
    /// The workers that were asked did not tell, for these reasons.
    Silent(String),
}
