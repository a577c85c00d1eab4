//! Sources, tables and requests of the tests.

pub mod bucket;
pub mod cluster;
pub mod operator;
pub mod program;
pub mod sample;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use orrery_archive::catalog::{AcceptedReference, AcceptedTable, FamilyGrid};
use orrery_archive::ingest::IngestSource;
use orrery_archive::names::{Role, RowSet};
use orrery_kit_worker::Archive;
use orrery_loader::config::Limits;
use orrery_loader::fault::Fault;
use orrery_loader::progress::Progress;
use orrery_loader::source::{HttpSources, Mounts};
use orrery_loader::survey::spool::{self, PartIndex};
use orrery_loader::survey::{self, Finished, Tools};
use orrery_worker_api::Retry;
use orrery_worker_api::client::Agents;
use orrery_worker_api::loader::{IndexLocation, Survey, SurveyTarget};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// How many rows a test has: what the environment says in `ROWS`, else so many.
pub fn rows(usual: usize) -> usize {
    std::env::var("ROWS").map_or(usual, |rows| rows.parse().unwrap())
}

/// Claim that holds the tests' files.
pub const CLAIM: &str = "claim";

/// A loader's surroundings: sources and spool.
pub struct Place {
    pub directory: TempDir,
}

impl Place {
    pub fn new() -> Self {
        orrery_shell::install_crypto();
        let directory = TempDir::new().unwrap();
        std::fs::create_dir_all(directory.path().join("sources").join(CLAIM)).unwrap();
        std::fs::create_dir_all(directory.path().join("spool")).unwrap();
        Self { directory }
    }

    pub fn spool(&self) -> PathBuf {
        self.directory.path().join("spool")
    }

    pub fn sources(&self) -> PathBuf {
        self.directory.path().join("sources")
    }

    pub fn source_path(&self, name: &str) -> PathBuf {
        self.sources().join(CLAIM).join(name)
    }

    /// Writes a source file.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> IngestSource {
        std::fs::write(self.source_path(name), content).unwrap();
        source(name)
    }

    pub fn tools(&self, agents: Agents, limits: Limits) -> Tools {
        Tools {
            http: HttpSources::new(tokio::runtime::Handle::current()).unwrap(),
            agents: agents.into(),
            mounts: Mounts {
                claims: self.sources(),
                secrets: self.directory.path().join("secrets"),
            },
            limits,
        }
    }

    /// Surveys without agents to look keys up at.
    pub async fn survey(&self, survey: Survey) -> Result<(Finished, PathBuf), Fault> {
        self.survey_with(survey, limits()).await
    }

    pub async fn survey_with(
        &self,
        survey: Survey,
        limits: Limits,
    ) -> Result<(Finished, PathBuf), Fault> {
        let tools = self.tools(strangers(), limits);
        let directory = TempDir::new_in(self.spool()).unwrap().keep();
        let progress = Arc::new(Progress::default());
        let finished = survey::run(
            &tools,
            survey,
            &directory,
            progress,
            CancellationToken::new(),
        )
        .await?;
        Ok((finished, directory))
    }
}

/// Calls to agents of an archive without workers.
pub fn strangers() -> Agents {
    Archive::new().agents(Role::Loader)
}

pub fn limits() -> Limits {
    Limits {
        threads: 2,
        files: 3,
        streams: 2,
        retry: Retry::new(Duration::from_secs(2)),
        part_bytes: 256 << 20,
    }
}

pub fn source(name: &str) -> IngestSource {
    IngestSource {
        url: None,
        claim: Some(CLAIM.into()),
        path: Some(name.into()),
        s3: None,
    }
}

/// A file of the tests' data.
pub fn sample(name: &str) -> Vec<u8> {
    std::fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data")
            .join(name),
    )
    .unwrap()
}

/// The grid of the real samples.
pub fn sphere() -> FamilyGrid {
    FamilyGrid::Sphere {
        stripes: 85,
        sub_stripes: 12,
        overlap: 0.01667,
        index_chunks: 4,
    }
}

pub fn no_index() -> IndexLocation {
    IndexLocation {
        chunks: 4,
        key_type: "BIGINT".into(),
        ..IndexLocation::default()
    }
}

/// `Object(objectId, ra, decl, name)` and whatever `patch` changes.
pub fn object(patch: &Value) -> AcceptedTable {
    table(
        patch,
        &json!([
            {"name": "objectId", "type": "BIGINT", "nullable": false},
            {"name": "ra", "type": "DOUBLE", "nullable": true},
            {"name": "decl", "type": "DOUBLE", "nullable": true},
            {"name": "name", "type": "VARCHAR(20)", "charset": "utf8mb4", "collation": "utf8mb4_bin"},
        ]),
        "objectId",
    )
}

/// `Source(sourceId, objectId, ra, decl)` and whatever `patch` changes.
pub fn child(patch: &Value) -> AcceptedTable {
    table(
        patch,
        &json!([
            {"name": "sourceId", "type": "BIGINT", "nullable": false},
            {"name": "objectId", "type": "BIGINT", "nullable": true},
            {"name": "ra", "type": "DOUBLE", "nullable": true},
            {"name": "decl", "type": "DOUBLE", "nullable": true},
        ]),
        "objectId",
    )
}

fn table(patch: &Value, columns: &Value, key: &str) -> AcceptedTable {
    let mut value = json!({
        "family": "f", "key": key, "position": {"longitude": "ra", "latitude": "decl"}, "columns": columns, "indexes": [],
        "uniqueKey": "enforced", "charset": "utf8mb4", "collation": "utf8mb4_bin", "scanRating": 1, "qservCompat": false,
    });
    for (name, field) in patch.as_object().into_iter().flatten() {
        value[name] = field.clone();
    }
    serde_json::from_value(value).unwrap()
}

pub fn reference(columns: &Value) -> AcceptedReference {
    serde_json::from_value(json!({
        "columns": columns, "primaryKey": [], "indexes": [], "charset": "utf8mb4", "collation": "utf8mb4_bin",
    }))
    .unwrap()
}

pub fn director(table: AcceptedTable, sources: Vec<IngestSource>) -> Survey {
    survey_of(
        SurveyTarget::Director {
            table,
            grid: sphere(),
            index: no_index(),
        },
        sources,
    )
}

pub fn survey_of(target: SurveyTarget, sources: Vec<IngestSource>) -> Survey {
    Survey {
        id: "uid/1".into(),
        sources,
        dialect: orrery_archive::ingest::Dialect::default(),
        fields: Vec::new(),
        target,
        max_rejects: 0,
        positions: orrery_archive::ingest::PositionPolicy::default(),
        orphans: orrery_archive::ingest::OrphanPolicy::default(),
        misplaced_children: orrery_archive::ingest::MisplacedChildPolicy::default(),
        expected_files: None,
    }
}

/// Every row of a spool, as loaded: set, chunk, record and text; in the order it would be sent.
pub fn spooled(finished: &Finished, directory: &Path) -> Vec<(RowSet, u32, u64, String)> {
    let mut rows = Vec::new();
    for (file, parts) in (0..).zip(&finished.parts) {
        for part in parts {
            let index: PartIndex =
                orrery_loader::disk::read_json(&spool::index_path(directory, file, *part)).unwrap();
            let data = std::fs::File::open(spool::data_path(directory, file, *part)).unwrap();
            for block in &index.blocks {
                spool::read_block(&data, block, |record, text| {
                    rows.push((
                        block.set,
                        block.chunk,
                        record,
                        String::from_utf8_lossy(text).into_owned(),
                    ));
                })
                .unwrap();
            }
        }
    }
    rows
}

/// The list of rejects.
pub fn rejects(directory: &Path) -> String {
    std::fs::read_to_string(survey::rejects::list_path(directory)).unwrap()
}
