//! What most tests need: an attempt with two chunks, rows, and answers taken apart.

use std::fmt::Debug;

use futures::FutureExt;
use futures::future::BoxFuture;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use orrery_archive::names::Role;
use orrery_kit_worker::{Archive, Mysqld, TERM, Worker};
use orrery_worker_api::agent::{
    AttemptSpec, LoadTarget, Loaded, ManifestRow, OpenAttempt, StagedTable, TablePart,
};
use orrery_worker_api::client::{AgentClient, Body};
use orrery_worker_api::{CallError, frame};

pub const HOME: &str = "(`id` BIGINT NOT NULL, `name` VARCHAR(64), `mag` FLOAT, `chunkId` INT UNSIGNED NOT NULL INVISIBLE DEFAULT 0, \
     PRIMARY KEY (`id`)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
pub const OVERLAP: &str = "(`id` BIGINT NOT NULL, `name` VARCHAR(64), `mag` FLOAT, `chunkId` INT UNSIGNED NOT NULL INVISIBLE DEFAULT 0, \
     KEY (`id`)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";

pub struct Setup {
    pub worker: Worker,
    pub operator: AgentClient,
    pub loader: AgentClient,
}

pub async fn setup() -> Setup {
    let archive = Archive::new();
    let worker = Worker::start(&archive, 1).await;
    with_archive(&archive, worker)
}

pub fn with_archive(archive: &Archive, worker: Worker) -> Setup {
    Setup {
        operator: worker.api(archive, Role::Operator),
        loader: worker.api(archive, Role::Loader),
        worker,
    }
}

/// Status, reason and message of a refusal.
pub fn refusal<T: Debug>(answer: Result<T, CallError>) -> (u16, String, String) {
    let refusal = match answer.unwrap_err() {
        CallError::Refused { status, error } => Ok((status.as_u16(), error.reason, error.message)),
        other => Err(other),
    };
    refusal.unwrap()
}

pub fn reason<T: Debug>(answer: Result<T, CallError>) -> String {
    refusal(answer).1
}

pub fn attempt(attempt: u64) -> OpenAttempt {
    let staged = |table: String, chunk, part| StagedTable { table, chunk, part };
    OpenAttempt {
        term: TERM,
        attempt,
        spec: AttemptSpec {
            segment: attempt + 100,
            incarnation: 7,
            schema_version: 1,
            database: "sky__7".into(),
            create_home: HOME.into(),
            create_overlap: OVERLAP.into(),
            fields: ["id", "name", "mag", "chunkId"].map(String::from).to_vec(),
        },
        tables: vec![
            staged(format!("Object_1__{attempt}"), 1, TablePart::Home),
            staged(format!("Object_2__{attempt}"), 2, TablePart::Home),
            staged(
                format!("ObjectFullOverlap_1__{attempt}"),
                1,
                TablePart::Overlap,
            ),
        ],
    }
}

pub fn part(file_part: u32) -> LoadTarget {
    LoadTarget {
        part: TablePart::Home,
        chunk: 1,
        file: 0,
        file_part,
    }
}

/// Rows as frames with their end.
pub fn framed(rows: &str) -> Vec<u8> {
    let end = frame::end(rows.lines().count() as u64, rows.len() as u64);
    let header = frame::header(rows.len() as u32);
    // A frame without rows would be the end.
    let header = if rows.is_empty() { &[][..] } else { &header };
    [header, rows.as_bytes(), &end].concat()
}

impl Setup {
    pub async fn open(&self, attempt: &OpenAttempt) -> Result<(), CallError> {
        self.operator.open(attempt).await
    }

    pub async fn load(
        &self,
        attempt: u64,
        target: &LoadTarget,
        rows: &str,
    ) -> Result<Loaded, CallError> {
        self.load_body(attempt, target, framed(rows)).await
    }

    /// A load whose body may be anything.
    pub fn load_body(
        &self,
        attempt: u64,
        target: &LoadTarget,
        body: impl Into<Body>,
    ) -> BoxFuture<'static, Result<Loaded, CallError>> {
        let (loader, target, body) = (self.loader.clone(), target.clone(), body.into());
        async move { loader.load(attempt, &target, body).await }.boxed()
    }

    pub async fn discard(&self, attempt: u64) -> Result<(), CallError> {
        self.operator.discard(attempt, TERM).await
    }

    pub async fn seal(&self, attempt: u64) -> Result<Vec<ManifestRow>, CallError> {
        loop {
            if let Some(rows) = self.operator.seal(attempt, TERM).await? {
                return Ok(rows);
            }
        }
    }

    pub async fn sql(&self) -> Conn {
        Conn::new(
            OptsBuilder::default()
                .socket(self.worker.mysqld.socket().to_str())
                .user(Some("root")),
        )
        .await
        .unwrap()
    }

    pub async fn number(&self, query: &str) -> u64 {
        number(&self.worker.mysqld, query).await
    }

    pub fn pipes(&self) -> usize {
        std::fs::read_dir(self.worker.mysqld.pipe_dir())
            .unwrap()
            .count()
    }
}

/// A connection as the local administrator.
pub async fn connect(mysqld: &Mysqld) -> Conn {
    Conn::new(as_administrator(mysqld)).await.unwrap()
}

fn as_administrator(mysqld: &Mysqld) -> OptsBuilder {
    OptsBuilder::default()
        .socket(mysqld.socket().to_str())
        .user(Some("root"))
}

pub async fn number(mysqld: &Mysqld, query: &str) -> u64 {
    connect(mysqld)
        .await
        .query_first(query)
        .await
        .unwrap()
        .unwrap()
}

/// Waits until a query gives a number; the test's own time limit ends it. A connection may be lost
/// meanwhile: an agent that starts ends those of its account, which is the administrator's here.
pub async fn until(mysqld: &Mysqld, query: &str, wanted: u64) {
    let asked = async || -> mysql_async::Result<Option<u64>> {
        Conn::new(as_administrator(mysqld))
            .await?
            .query_first(query)
            .await
    };
    while asked().await.ok().flatten() != Some(wanted) {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
