//! An archive with a director table, its child and one reference table, and an ingest into one of
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use orrery_archive::catalog::{Catalog, FamilyGrid, TableKey};
use orrery_archive::ingest::{IngestProgress, IngestSummary};
use orrery_archive::names::WorkerId;
use orrery_archive::replicas::FamilyReplicas;
use orrery_archive::table::OnDeletion;
use orrery_archive::testing::{accepted, accepted_reference};
use orrery_crds::kinds::{Ingest, IngestTarget, Worker};
use orrery_worker_api::agent::{ManifestRow, RowState, TablePart};
use orrery_worker_api::loader::{ChunkRows, LoaderError, LoaderStatus, LoaderStep, Surveyed};
use serde_json::json;

use super::observe::{Archive, Loader, Observed, Sealed};
use super::state::{Attempt, State};
use super::survey_id::SurveyId;
use super::target;
use crate::catalog::declared::{FamilyDeclaration, Schema, TableDeclaration};
use crate::catalog::edit;
use crate::fleet::Addresses;
use crate::fleet::testing::worker;

fn declaration(table: &str, incarnation: u64, schema: Schema) -> TableDeclaration {
    TableDeclaration {
        key: TableKey::new("sky", table),
        object: table.to_lowercase(),
        incarnation,
        schema,
        on_deletion: OnDeletion::Retain,
    }
}

/// Tables `Object` (director), `Source` (its child) and `Filter` (reference) of database `sky`,
/// without rows.
pub fn catalog() -> Catalog {
    let family = FamilyDeclaration {
        name: "f".into(),
        pool: "main".into(),
        replicas: FamilyReplicas::default(),
        grid: FamilyGrid::Hash { chunks: 4 },
    };
    let catalog = edit::accept_family(&Catalog::default(), &family)
        .unwrap()
        .unwrap();
    let director = declaration("Object", 10, Schema::Director(accepted()));
    let child = declaration("Source", 11, Schema::Child(accepted(), "Object".into()));
    let reference = declaration("Filter", 12, Schema::Reference(accepted_reference()));
    let tables = [director, child, reference];
    tables.iter().fold(catalog, |catalog, table| {
        edit::accept_table(&catalog, table, 0).unwrap()
    })
}

/// Chunk of the director's rows.
pub const CHUNK: u32 = 1;
/// Hash chunk of its index entries.
pub const INDEX_CHUNK: u32 = 3;
/// Rows of the ingest.
pub const ROWS: u64 = 5;

/// An ingest and what surrounds it: three workers, each of which holds every chunk.
pub struct Scene {
    pub ingest: Ingest,
    pub archive: Archive,
    pub catalog: Catalog,
}

impl Scene {
    /// An ingest into a table of [`catalog`].
    pub fn into(table: &str) -> Self {
        let ingest = json!({
            "apiVersion": "orrery.dev/v1alpha1", "kind": "Ingest", "metadata": {"name": "i", "uid": "u"},
            "spec": {"target": {"database": "sky", "table": table}, "sources": [{"url": "file:///a"}]},
        });
        let mut catalog = catalog();
        let index = edit::index_family("f");
        for (family, chunk) in [("f", CHUNK), (index.as_str(), INDEX_CHUNK)] {
            let family = catalog.families.get_mut(family).unwrap();
            family.placement = BTreeMap::from([(chunk, vec![1, 2, 3])]);
        }
        let mut scene = Self {
            ingest: serde_json::from_value(ingest).unwrap(),
            archive: Archive::default(),
            catalog,
        };
        scene.archive.declared = scene.declared();
        scene.set_workers([1, 2, 3].map(|id| worker(id, "Ready")).to_vec());
        scene
    }

    pub fn set_workers(&mut self, workers: Vec<Worker>) {
        self.archive.addresses = Addresses::of(&workers);
        self.archive.workers = workers;
    }

    fn declared(&self) -> BTreeSet<(TableKey, u64)> {
        let tables = self.catalog.tables.iter();
        tables
            .map(|(key, table)| (key.clone(), table.incarnation))
            .collect()
    }

    pub fn target(&self) -> IngestTarget {
        self.ingest.spec.target.clone()
    }

    pub fn basis(&self) -> String {
        let target = self.target();
        target::find(&self.catalog, &target)
            .unwrap()
            .basis(&self.catalog)
    }

    pub fn incarnation(&self) -> u64 {
        target::find(&self.catalog, &self.target())
            .unwrap()
            .incarnation
    }

    /// Attempt 7 with index attempt 8 (but for a reference table) and segment 5, on the present
    /// basis.
    pub fn attempt(&self) -> Attempt {
        Attempt {
            number: 7,
            index: (self.target().table != "Filter").then_some(8),
            segment: 5,
            basis: self.basis(),
            incarnation: self.incarnation(),
        }
    }

    /// What is known of the ingest in a state.
    pub fn observed(&self, state: State) -> Observed<'_> {
        let catalog = Arc::new(self.catalog.clone());
        Observed {
            state,
            ..Observed::new(&self.ingest, &self.archive, catalog).unwrap()
        }
    }

    /// A loader with the survey of this ingest on the present basis, which is at this step of its
    /// attempt 7.
    pub fn loader(&self, step: LoaderStep) -> LoaderStatus {
        let id = SurveyId {
            uid: "u".into(),
            basis: self.basis(),
            number: 1,
        };
        let has_surveyed = !matches!(
            step,
            LoaderStep::Idle | LoaderStep::Surveying | LoaderStep::Failed
        );
        let loads = matches!(step, LoaderStep::Loading | LoaderStep::Loaded);
        LoaderStatus {
            id: Some(id.to_string()),
            step,
            progress: IngestProgress::default(),
            summary: IngestSummary::default(),
            reject_samples: Vec::new(),
            surveyed: has_surveyed.then(|| self.surveyed()),
            attempt: loads.then_some(7),
            lost_agents: BTreeMap::new(),
            error: None,
        }
    }

    pub fn surveyed(&self) -> Surveyed {
        let rows = ChunkRows {
            rows: ROWS,
            overlap_rows: 0,
            bytes: 50,
        };
        let is_reference = self.target().table == "Filter";
        let chunk = if is_reference { 0 } else { CHUNK };
        let index = (INDEX_CHUNK, ROWS);
        Surveyed {
            files: Vec::new(),
            chunks: BTreeMap::from([(chunk, rows)]),
            index_chunks: [index].into_iter().filter(|_| !is_reference).collect(),
        }
    }
}

/// A loader's answer.
pub fn says(now: LoaderStatus) -> Loader {
    Loader::Says(Box::new(now))
}

/// An error of a loader.
pub fn error(reason: &str, retry: bool) -> LoaderError {
    LoaderError {
        reason: reason.into(),
        message: "why".into(),
        retry,
        seconds: 0,
    }
}

/// What each of these workers says to the order to seal.
pub fn sealed<const N: usize>(answers: [(WorkerId, Sealed); N]) -> BTreeMap<WorkerId, Sealed> {
    BTreeMap::from(answers)
}

/// A worker's manifest rows of the director's attempt: with so many rows, of this checksum, and all
/// index entries.
pub fn rows(count: u64, checksum: &str) -> Sealed {
    let row = |part, chunk, rows, checksum: &str| ManifestRow {
        database: "d".into(),
        table: "t".into(),
        incarnation: 10,
        segment: 5,
        attempt: 7,
        chunk,
        part,
        schema_version: 1,
        rows,
        bytes: 10,
        checksum: checksum.into(),
        state: RowState::Sealed,
        epoch: 0,
    };
    Sealed::Rows(vec![
        row(TablePart::Home, CHUNK, count, checksum),
        row(TablePart::Index, INDEX_CHUNK, ROWS, "index"),
    ])
}
