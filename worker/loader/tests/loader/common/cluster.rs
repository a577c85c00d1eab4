//! Real workers (mysqld and agent) and a loader served over TLS, driven as the operator drives
//! them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, OptsBuilder};
use orrery_archive::catalog::AcceptedTable;
use orrery_archive::names::{self, Role, RowSet};
use orrery_archive::sql_type::SqlType;
use orrery_archive::table::ddl;
use orrery_kit_worker::{Archive, TERM, Worker};
use orrery_loader::config::Limits;
use orrery_loader::job::Loader;
use orrery_loader::server;
use orrery_worker_api::agent::{AttemptSpec, ManifestRow, OpenAttempt, StagedTable, TablePart};
use orrery_worker_api::client::{AgentClient, LoaderClient};
use orrery_worker_api::loader::{
    IndexLocation, IndexPlace, Load, LoaderStatus, LoaderStep, Survey, SurveyTarget, Surveyed,
};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Place, limits, operator};

/// Workers, and a place for loaders.
pub struct Cluster {
    pub archive: Archive,
    pub workers: Vec<Worker>,
    pub place: Place,
    /// Workers that get a chunk.
    copies: usize,
}

/// A loader in this process.
pub struct Serving {
    pub api: LoaderClient,
    pub base: String,
    _stop: DropGuard,
}

/// Numbers an ingest gets from the operator.
#[derive(Clone, Copy)]
pub struct Numbers {
    pub incarnation: u64,
    pub attempt: u64,
    pub index_incarnation: u64,
    pub index_attempt: u64,
}

impl Numbers {
    /// Those of the ingest `number` of a test.
    pub fn of(number: u64) -> Self {
        Self {
            incarnation: 10 + number,
            attempt: 100 + number,
            index_incarnation: 50 + number,
            index_attempt: 200 + number,
        }
    }
}

impl Cluster {
    /// Everything is everywhere.
    pub async fn start(workers: u32) -> Self {
        Self::with_copies(workers, workers as usize).await
    }

    /// Each chunk goes to so many of the workers.
    pub async fn with_copies(workers: u32, copies: usize) -> Self {
        let archive = Archive::new();
        let mut started = Vec::new();
        for id in 1..=workers {
            started.push(Worker::start(&archive, id).await);
        }
        Self {
            archive,
            workers: started,
            place: Place::new(),
            copies,
        }
    }

    pub async fn loader(&self) -> Serving {
        self.loader_with(limits()).await
    }

    /// A loader that finds what an earlier one left in the spool.
    pub async fn loader_with(&self, limits: Limits) -> Serving {
        let own = self.archive.identity(Role::Loader);
        let agents = self.archive.agents(Role::Loader);
        let loader = Loader::open(self.place.tools(agents, limits), &self.place.spool()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("https://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let own = Arc::new(own.server().unwrap());
        tokio::spawn(server::serve(
            listener,
            move || own.clone(),
            loader.clone(),
            stop.clone(),
        ));
        Serving {
            api: operator::loader(&self.archive, &base),
            base,
            _stop: stop.drop_guard(),
        }
    }

    pub async fn conn(&self, worker: usize) -> Conn {
        let socket = self.workers[worker].mysqld.socket().display().to_string();
        let options = OptsBuilder::default()
            .socket(Some(socket))
            .user(Some("root"));
        Conn::new(options).await.unwrap()
    }

    pub async fn query<T: FromRow + Send + 'static>(&self, worker: usize, sql: &str) -> Vec<T> {
        self.conn(worker).await.query(sql).await.unwrap()
    }

    fn agents(&self) -> impl Iterator<Item = AgentClient> {
        let api = |worker: &Worker| worker.api(&self.archive, Role::Operator);
        self.workers.iter().map(api)
    }

    /// Whether a worker gets a chunk.
    fn holds(&self, worker: usize, chunk: u32) -> bool {
        let workers = self.workers.len();
        (worker + workers - chunk as usize % workers) % workers < self.copies
    }

    /// Opens the attempts of an ingest on the workers that get their chunks, all at once.
    pub async fn open(
        &self,
        table: &AcceptedTable,
        name: &str,
        director: bool,
        surveyed: &Surveyed,
        numbers: Numbers,
    ) {
        let sets = [RowSet::Home, RowSet::Overlap];
        let tables = surveyed.chunks.keys().flat_map(|chunk| {
            sets.map(|set| StagedTable {
                table: names::chunk_table(name, set, *chunk, numbers.attempt),
                chunk: *chunk,
                part: set.into(),
            })
        });
        let mut open = OpenAttempt {
            term: TERM,
            attempt: numbers.attempt,
            spec: AttemptSpec {
                segment: numbers.attempt,
                incarnation: numbers.incarnation,
                schema_version: 1,
                database: names::physical_database("sky", numbers.incarnation),
                create_home: ddl::home(table, director),
                create_overlap: ddl::overlap(table),
                fields: ddl::chunked_fields(table),
            },
            tables: tables.collect(),
        };
        self.open_everywhere(&open).await;
        let index = surveyed.index_chunks.keys().map(|chunk| StagedTable {
            table: names::chunk_table("Object", RowSet::Home, *chunk, numbers.index_attempt),
            chunk: *chunk,
            part: TablePart::Index,
        });
        open.tables = index.collect();
        open.attempt = numbers.index_attempt;
        open.spec.segment = numbers.index_attempt;
        open.spec.incarnation = numbers.index_incarnation;
        open.spec.database = names::index_database(numbers.index_incarnation);
        open.spec.create_home = ddl::index(&SqlType::parse("BIGINT").unwrap());
        open.spec.fields = ddl::INDEX_FIELDS.map(str::to_owned).to_vec();
        if !open.tables.is_empty() {
            self.open_everywhere(&open).await;
        }
    }

    async fn open_everywhere(&self, open: &OpenAttempt) {
        let opened = self.agents().enumerate().map(|(worker, agent)| {
            let mut open = open.clone();
            open.tables.retain(|table| self.holds(worker, table.chunk));
            async move { agent.open(&open).await.unwrap() }
        });
        join_all(opened).await;
    }

    pub fn load_request(&self, survey: &Survey, surveyed: &Surveyed, numbers: Numbers) -> Load {
        let agents: Vec<String> = self.workers.iter().map(Worker::base).collect();
        let holders = |chunk| {
            let agents = agents.iter().enumerate();
            let held = agents.filter(|(worker, _)| self.holds(*worker, chunk));
            held.map(|(_, agent)| agent.clone()).collect()
        };
        let everywhere = |chunks: Vec<u32>| {
            chunks
                .into_iter()
                .map(|chunk| (chunk, holders(chunk)))
                .collect::<BTreeMap<_, _>>()
        };
        Load {
            id: survey.id.clone(),
            attempt: numbers.attempt,
            index_attempt: (!surveyed.index_chunks.is_empty()).then_some(numbers.index_attempt),
            chunks: everywhere(surveyed.chunks.keys().copied().collect()),
            index_chunks: everywhere(surveyed.index_chunks.keys().copied().collect()),
            record_keepers: agents.first().cloned().into_iter().collect(),
        }
    }

    /// Seals an attempt everywhere; what each worker says it has.
    pub async fn seal(&self, attempt: u64) -> Vec<Vec<ManifestRow>> {
        let sealed = self.agents().map(|agent| async move {
            loop {
                if let Some(rows) = agent.seal(attempt, TERM).await.unwrap() {
                    break rows;
                }
            }
        });
        join_all(sealed).await
    }

    /// Survey, attempts, load, seal.
    pub async fn ingest(&self, survey: &Survey, name: &str, numbers: Numbers) -> LoaderStatus {
        let serving = self.loader().await;
        serving.api.survey(survey).await.unwrap();
        let status = serving.until(LoaderStep::Surveyed).await;
        let surveyed = status.surveyed.clone().unwrap();
        let (table, director) = match &survey.target {
            SurveyTarget::Director { table, .. } => (table, true),
            SurveyTarget::Child { table, .. } => (table, false),
            SurveyTarget::Reference { .. } => panic!("chunked tables only"),
        };
        self.open(table, name, director, &surveyed, numbers).await;
        let load = self.load_request(survey, &surveyed, numbers);
        serving.api.load(&load).await.unwrap();
        let status = serving.until(LoaderStep::Loaded).await;
        self.seal(numbers.attempt).await;
        if !surveyed.index_chunks.is_empty() {
            self.seal(numbers.index_attempt).await;
        }
        status
    }

    /// The index after ingests with these numbers.
    pub fn index(&self, ingests: &[(Numbers, &Surveyed)]) -> IndexLocation {
        let agents: Vec<String> = self.workers.iter().map(Worker::base).collect();
        let mut places: BTreeMap<u32, IndexPlace> = BTreeMap::new();
        for (numbers, surveyed) in ingests {
            for chunk in surveyed.index_chunks.keys() {
                let place = places.entry(*chunk).or_default();
                place.agents.clone_from(&agents);
                place.tables.push((
                    names::index_database(numbers.index_incarnation),
                    names::chunk_table("Object", RowSet::Home, *chunk, numbers.index_attempt),
                ));
            }
        }
        IndexLocation {
            chunks: 4,
            key_type: "BIGINT".into(),
            places,
        }
    }

    /// A SELECT over all home tables of an ingest, columns as users see them.
    pub fn all_rows(name: &str, numbers: Numbers, surveyed: &Surveyed) -> String {
        let database = names::physical_database("sky", numbers.incarnation);
        surveyed
            .chunks
            .keys()
            .map(|chunk| {
                let table = names::chunk_table(name, RowSet::Home, *chunk, numbers.attempt);
                format!("SELECT * FROM `{database}`.`{table}`")
            })
            .collect::<Vec<_>>()
            .join(" UNION ALL ")
    }
}

impl Serving {
    pub async fn status(&self) -> LoaderStatus {
        self.api.status().await.unwrap()
    }

    pub async fn until(&self, step: LoaderStep) -> LoaderStatus {
        operator::until(&self.api, step).await
    }
}

/// Loads a file into a plain table of the same columns with MariaDB's own dialect, for comparison;
/// how long that took.
pub async fn plain_table(
    cluster: &Cluster,
    table: &AcceptedTable,
    file: &Path,
    delimiter: &str,
) -> Duration {
    let mut conn = cluster.conn(0).await;
    conn.query_drop("CREATE DATABASE IF NOT EXISTS plain")
        .await
        .unwrap();
    conn.query_drop("DROP TABLE IF EXISTS plain.t")
        .await
        .unwrap();
    conn.query_drop(format!("CREATE TABLE plain.t {}", ddl::home(table, false)))
        .await
        .unwrap();
    let inside = cluster.workers[0].mysqld.pipe_dir().join("plain");
    std::fs::copy(file, &inside).unwrap();
    let began = Instant::now();
    conn.query_drop(format!(
        "LOAD DATA INFILE '{}' INTO TABLE plain.t CHARACTER SET binary FIELDS TERMINATED BY '{delimiter}' ESCAPED BY '\\\\' \
         LINES TERMINATED BY '\\n'",
        inside.display()
    ))
    .await
    .unwrap();
    began.elapsed()
}
