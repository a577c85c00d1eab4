//! The workers' agents as this loader calls them: look-ups, ledgers, rows, and the list of files and rejects.
//!
//! A call is repeated with growing pauses while its failure may pass (no connection, 5xx, `Busy`) and the agent's patience lasts; what
//! an agent refuses is final.

use std::future::Future;
use std::time::{Duration, Instant};

use orrery_worker_api::agent::{
    ApiError, IndexEntries, IndexLookup, Ledger, LoadTarget, Loaded, SourceFiles, TablePart,
};
use reqwest::{Body, RequestBuilder, Response, StatusCode};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::source::error_chain;

/// First pause between tries; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause between tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Longest time to connect.
const CONNECT: Duration = Duration::from_secs(5);
/// Silence after which the kernel asks whether the peer still lives.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// A commit of a large part may take minutes; a worker silent for longer is as good as gone.
const SILENCE: Duration = Duration::from_mins(10);
/// Longest time a short call may take.
const CALL: Duration = Duration::from_secs(30);

/// Why an agent did not do it.
#[derive(Debug, Error, Clone)]
pub enum AgentError {
    /// It said no.
    #[error("{reason}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Machine-readable reason.
        reason: String,
        /// For people.
        message: String,
    },
    /// It did not answer, or not so that it can be understood.
    #[error("{0}")]
    Unreachable(String),
}

impl AgentError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { status, reason, .. } => {
                *status >= 500 || matches!(*status, 408 | 429) || reason == "Busy"
            }
        }
    }
}

/// How agents are called over TLS.
pub fn client(tls: ClientConfig) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .connect_timeout(CONNECT)
        .tcp_keepalive(KEEPALIVE)
        .read_timeout(SILENCE)
        .build()
}

/// Calls agents.
#[derive(Clone, Debug)]
pub struct Agents {
    client: reqwest::Client,
    patience: Duration,
}

impl Agents {
    /// Calls with `client`; an agent whose calls fail for `patience` is given up.
    pub fn new(client: reqwest::Client, patience: Duration) -> Self {
        Self { client, patience }
    }

    /// Looks keys up once; the caller has other agents to ask.
    pub async fn lookup(&self, agent: &str, lookup: &IndexLookup) -> Result<IndexEntries, AgentError> {
        let request = self.client.post(format!("{agent}/v1/index/lookup"));
        json(request.timeout(CALL).json(lookup)).await
    }

    /// Parts of `attempt` the agent has committed.
    pub async fn ledger(&self, agent: &str, attempt: u64) -> Result<Ledger, AgentError> {
        let url = format!("{agent}/v1/attempts/{attempt}/ledger");
        self.patiently(|| json(self.client.get(&url).timeout(CALL))).await
    }

    /// Loads one part; `body` makes the framed rows anew for every try.
    pub async fn load<F>(
        &self,
        agent: &str,
        attempt: u64,
        target: &LoadTarget,
        body: F,
    ) -> Result<Loaded, AgentError>
    where
        F: Fn() -> Body,
    {
        let url = format!("{agent}/v1/attempts/{attempt}/load?{}", query(target));
        self.patiently(|| json(self.client.post(&url).body(body()))).await
    }

    /// Stores the list of files.
    pub async fn put_files(&self, agent: &str, attempt: u64, files: &SourceFiles) -> Result<(), AgentError> {
        let url = format!("{agent}/v1/attempts/{attempt}/files");
        self.patiently(|| done(self.client.put(&url).timeout(CALL).json(files)))
            .await
    }

    /// Stores the list of rejects.
    pub async fn put_rejects<F>(&self, agent: &str, attempt: u64, body: F) -> Result<(), AgentError>
    where
        F: Fn() -> Body,
    {
        let url = format!("{agent}/v1/attempts/{attempt}/rejects");
        self.patiently(|| done(self.client.put(&url).body(body()))).await
    }

    async fn patiently<T, R: Future<Output = Result<T, AgentError>>>(
        &self,
        call: impl Fn() -> R,
    ) -> Result<T, AgentError> {
        let mut pause = FIRST_PAUSE;
        let begin = Instant::now();
        loop {
            match call().await {
                Err(error) if error.may_pass() && begin.elapsed() + pause < self.patience => {
                    tracing::debug!(%error, "agent call failed; trying again");
                }
                answer => return answer,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

fn query(target: &LoadTarget) -> String {
    let part = match target.part {
        TablePart::Home => "home",
        TablePart::Overlap => "overlap",
        TablePart::Index => "index",
        TablePart::Reference => "reference",
    };
    format!(
        "part={part}&chunk={}&file={}&filePart={}",
        target.chunk, target.file, target.file_part
    )
}

async fn json<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, AgentError> {
    let response = send(request).await?;
    response
        .json()
        .await
        .map_err(|error| AgentError::Unreachable(error_chain(&error)))
}

async fn done(request: RequestBuilder) -> Result<(), AgentError> {
    send(request).await.map(|_| ())
}

async fn send(request: RequestBuilder) -> Result<Response, AgentError> {
    let response = request
        .send()
        .await
        .map_err(|error| AgentError::Unreachable(error_chain(&error)))?;
    if response.status().is_success() {
        return Ok(response);
    }
    Err(refusal(
        response.status(),
        &response.text().await.unwrap_or_default(),
    ))
}

fn refusal(status: StatusCode, body: &str) -> AgentError {
    let (reason, message) = match serde_json::from_str::<ApiError>(body) {
        Ok(error) => (error.reason, error.message),
        Err(_) => (status.to_string(), body.chars().take(200).collect()),
    };
    AgentError::Refused {
        status: status.as_u16(),
        reason,
        message,
    }
}
