//! What most tests need: an attempt with two chunks, rows, and answers taken apart.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use orrery_agent::testing::{Archive, Mysqld, TERM, Worker};
use orrery_archive::names::Role;
use orrery_worker_api::agent::{
    ApiError, LoadTarget, Loaded, ManifestRow, OpenAttempt, Sealed, StagedTable, TablePart, Term, frame,
};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;

pub const HOME: &str = "(`id` BIGINT NOT NULL, `name` VARCHAR(64), `mag` FLOAT, `chunkId` INT UNSIGNED NOT NULL INVISIBLE DEFAULT 0, \
     PRIMARY KEY (`id`)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
pub const OVERLAP: &str = "(`id` BIGINT NOT NULL, `name` VARCHAR(64), `mag` FLOAT, `chunkId` INT UNSIGNED NOT NULL INVISIBLE DEFAULT 0, \
     KEY (`id`)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";

pub struct Setup {
    pub worker: Worker,
    pub operator: Client,
    pub loader: Client,
}

/// An answer that is an error.
pub type Refusal = (StatusCode, String, String);

pub async fn setup() -> Setup {
    let archive = Archive::new();
    let worker = Worker::start(&archive, 1).await;
    with_archive(&archive, worker)
}

pub fn with_archive(archive: &Archive, worker: Worker) -> Setup {
    Setup {
        operator: archive.client(Role::Operator),
        loader: archive.client(Role::Loader),
        worker,
    }
}

/// The answer's body, or what was refused.
pub async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Refusal> {
    let response = request.send().await.unwrap();
    let status = response.status();
    let body = response.bytes().await.unwrap();
    if status.is_success() {
        let body = if body.is_empty() { "null".into() } else { body };
        return Ok(serde_json::from_slice(&body).unwrap());
    }
    let error: ApiError = serde_json::from_slice(&body).unwrap();
    Err((status, error.reason, error.message))
}

pub fn reason<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> String {
    answer.unwrap_err().1
}

pub fn attempt(attempt: u64) -> OpenAttempt {
    let staged = |table: String, chunk, part| StagedTable { table, chunk, part };
    OpenAttempt {
        term: TERM,
        attempt,
        segment: attempt + 100,
        incarnation: 7,
        schema_version: 1,
        database: "sky__7".into(),
        create_home: HOME.into(),
        create_overlap: OVERLAP.into(),
        fields: ["id", "name", "mag", "chunkId"].map(String::from).to_vec(),
        tables: vec![
            staged(format!("Object_1__{attempt}"), 1, TablePart::Home),
            staged(format!("Object_2__{attempt}"), 2, TablePart::Home),
            staged(format!("ObjectFullOverlap_1__{attempt}"), 1, TablePart::Overlap),
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
    pub fn post(&self, path: &str, body: &impl serde::Serialize) -> RequestBuilder {
        self.operator.post(self.worker.url(path)).json(body)
    }

    pub async fn open(&self, attempt: &OpenAttempt) -> Result<(), Refusal> {
        answer(self.post("/v1/attempts", attempt)).await
    }

    pub fn load_request(
        &self,
        attempt: u64,
        target: &LoadTarget,
        body: impl Into<reqwest::Body>,
    ) -> RequestBuilder {
        let url = self.worker.url(&format!("/v1/attempts/{attempt}/load"));
        let part = serde_json::to_value(target.part).unwrap();
        let query = format!(
            "?part={}&chunk={}&file={}&filePart={}",
            part.as_str().unwrap(),
            target.chunk,
            target.file,
            target.file_part
        );
        self.loader.post(url + &query).body(body)
    }

    pub async fn load(&self, attempt: u64, target: &LoadTarget, rows: &str) -> Result<Loaded, Refusal> {
        answer(self.load_request(attempt, target, framed(rows))).await
    }

    pub async fn seal(&self, attempt: u64) -> Result<Vec<ManifestRow>, Refusal> {
        loop {
            let request = self.post(&format!("/v1/attempts/{attempt}/seal"), &Term { term: TERM });
            if let Some(sealed) = answer::<Option<Sealed>>(request).await? {
                return Ok(sealed.rows);
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
        std::fs::read_dir(self.worker.mysqld.pipe_dir()).unwrap().count()
    }
}

/// A connection as the local administrator.
pub async fn connect(mysqld: &Mysqld) -> Conn {
    Conn::new(
        OptsBuilder::default()
            .socket(mysqld.socket().to_str())
            .user(Some("root")),
    )
    .await
    .unwrap()
}

pub async fn number(mysqld: &Mysqld, query: &str) -> u64 {
    connect(mysqld).await.query_first(query).await.unwrap().unwrap()
}

/// Waits until a query gives a number; the test's own time limit ends it.
pub async fn until(mysqld: &Mysqld, query: &str, wanted: u64) {
    while number(mysqld, query).await != wanted {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
