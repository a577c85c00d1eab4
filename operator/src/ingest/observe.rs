//! What is known when an ingest's next step is decided.
//!
//! [`Archive`] is looked at once per run. What the loader, the agents and the catalog's writer
//! answer comes in while an ingest is looked at, because only a decision knows whom to ask (see
//! [`super::decide`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use orrery_archive::catalog::{Catalog, TableKey};
use orrery_archive::names::WorkerId;
use orrery_crds::kinds::{ChunkedTable, Ingest, IngestPhase, ReferenceTable, Worker};
use orrery_snapshot::lease::READER_LABEL;
use orrery_worker_api::agent::ManifestRow;
use orrery_worker_api::loader::LoaderStatus;

use super::catalog_edit::Written;
use super::error::IngestError;
use super::former;
use super::job::INGEST_LABEL;
use super::patience;
use super::queue::Turn;
use super::standing::{between, loader_away_for, phase, reached};
use super::state::State;
use super::survey_id::SurveyId;
use super::target::{self, Target};
use crate::controller::context::Context;
use crate::fleet::Addresses;
use crate::tables::UserTable;

/// What all ingests of a run have in common.
#[derive(Default)]
pub struct Archive {
    /// All workers.
    pub workers: Vec<Worker>,
    /// Where their agents are.
    pub addresses: Addresses,
    /// Pods of loaders.
    pub pods: Vec<Pod>,
    /// Leases of readers.
    pub leases: Vec<Lease>,
    /// Tables that are declared and accepted, with their incarnations. Of a table that was deleted
    /// and made again the catalog has the former for a moment.
    pub declared: BTreeSet<(TableKey, u64)>,
}

impl Archive {
    /// Observes the archive. The catalog that ingests start by was read before: a table that is
    /// declared now and was in it is the same.
    pub async fn observe(
        context: &Context,
        namespace: &str,
        ingests: &[Ingest],
    ) -> Result<Self, kube::Error> {
        let workers = context.list::<Worker>(namespace, None).await?.valid;
        let mut declared = BTreeSet::new();
        if ingests
            .iter()
            .any(|ingest| phase(ingest) == IngestPhase::Pending)
        {
            let chunked = context.list::<ChunkedTable>(namespace, None).await?;
            let references = context.list::<ReferenceTable>(namespace, None).await?;
            declared.extend(accepted(&chunked.valid));
            declared.extend(accepted(&references.valid));
        }
        Ok(Self {
            addresses: Addresses::of(&workers),
            workers,
            pods: context
                .list::<Pod>(namespace, Some(INGEST_LABEL))
                .await?
                .valid,
            leases: context
                .list::<Lease>(namespace, Some(READER_LABEL))
                .await?
                .valid,
            declared,
        })
    }
}

fn accepted<T: UserTable>(tables: &[T]) -> impl Iterator<Item = (TableKey, u64)> {
    let stays = tables
        .iter()
        .filter(|table| table.meta().deletion_timestamp.is_none());
    stays.filter_map(|table| Some((table.key(), table.incarnation()?)))
}

/// What is known of the loader.
#[derive(Clone, Debug, Default)]
pub enum Loader {
    /// It was not asked.
    #[default]
    Unasked,
    /// No pod of it runs, and why, if the cluster says so.
    NoPod(Option<String>),
    /// Its node put it out because a disk was full, and what the node said.
    DiskFull(String),
    /// It does not answer, and why.
    Silent(String),
    /// What it says of itself.
    Says(Box<LoaderStatus>),
}

/// What an agent says to the order to seal.
#[derive(Clone, Debug, PartialEq)]
pub enum Sealed {
    /// The rows of its manifest.
    Rows(Vec<ManifestRow>),
    /// It is still counting.
    Counting,
    /// It does not answer.
    Silent {
        /// Why.
        why: String,
        /// For how long, by a clock that is never set.
        lasted: Duration,
    },
}

/// What is known of one ingest.
pub struct Observed<'a> {
    /// The ingest.
    pub ingest: &'a Ingest,
    /// Its UID.
    pub uid: String,
    /// Short hash of what its spec says of rows ([`former::spec_hash`]).
    pub spec: String,
    /// Where it stands.
    pub state: State,
    /// The archive.
    pub archive: &'a Archive,
    /// The newest catalog; for one that is pending that by which the turns were given.
    pub catalog: Arc<Catalog>,
    /// Whether it may start.
    pub turn: Turn,
    /// Whether every live reader has the dataEpoch of its publish.
    pub readers_have: bool,
    /// What time it is.
    pub now: Timestamp,
    /// The loader.
    pub loader: Loader,
    /// What the agents say to the order to seal, once it was given.
    pub sealed: Option<BTreeMap<WorkerId, Sealed>>,
    /// What came of the last edit of the catalog, if there was one.
    pub written: Option<Written>,
}

impl<'a> Observed<'a> {
    /// An ingest, before anybody was asked about it.
    pub fn new(
        ingest: &'a Ingest,
        archive: &'a Archive,
        catalog: Arc<Catalog>,
    ) -> Result<Self, IngestError> {
        Ok(Self {
            uid: ingest.uid().ok_or(IngestError::NoUid)?,
            spec: former::spec_hash(&ingest.spec)?,
            state: State::read(ingest.status.as_ref())?,
            ingest,
            archive,
            catalog,
            turn: Turn::Unknown,
            readers_have: false,
            now: Timestamp::now(),
            loader: Loader::Unasked,
            sealed: None,
            written: None,
        })
    }

    /// For how long the loader has been away.
    pub fn loader_away_for(&self) -> Duration {
        loader_away_for(self.ingest, self.now)
    }

    /// For how long the ingest has been in its phase.
    pub fn in_phase_for(&self) -> Duration {
        reached(self.ingest).map_or(Duration::ZERO, |since| between(since, self.now))
    }

    /// Attempts that did not succeed.
    pub fn failed_attempts(&self) -> u32 {
        self.ingest
            .status
            .as_ref()
            .map_or(0, |status| status.failed_attempts)
    }

    /// How long the next attempt waits.
    pub fn pause_after_attempts(&self) -> Duration {
        match self.failed_attempts() {
            0 => Duration::ZERO,
            failed => patience::pause(failed),
        }
    }

    /// The table it goes into, as the catalog has it.
    pub fn target(&self) -> Option<Target<'_>> {
        target::find(&self.catalog, &self.ingest.spec.target)
    }

    /// Database and name of that table.
    pub fn key(&self) -> TableKey {
        let target = &self.ingest.spec.target;
        TableKey::new(&target.database, &target.table)
    }

    /// The loader, when its survey is for this life of the Ingest, with that survey.
    pub fn own_survey(&self) -> Option<(&LoaderStatus, SurveyId)> {
        let Loader::Says(now) = &self.loader else {
            return None;
        };
        let id = SurveyId::parse(now.id.as_deref()?)?;
        (id.uid == self.uid).then_some((&**now, id))
    }
}
