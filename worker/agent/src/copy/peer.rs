//! Calls to another agent.

use futures::TryStreamExt;
use orrery_worker_api::agent::ApiError;
use reqwest::Url;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use crate::agent::Agent;
use crate::error::{AgentError, Result};

/// Another agent.
#[derive(Clone, Debug)]
pub struct Peer {
    client: reqwest::Client,
    base: Url,
}

impl Peer {
    /// The agent at `source` (`https://host:port`).
    pub fn new(agent: &Agent, source: &str) -> Result<Self> {
        let bad = |why: &dyn std::fmt::Display| {
            AgentError::BadRequest(format!("{source:?} is no agent's address: {why}"))
        };
        let base = Url::parse(source).map_err(|error| bad(&error))?;
        if base.scheme() != "https" {
            return Err(bad(&"agents speak https"));
        }
        let config = agent.tls.client()?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured((*config).clone())
            .connect_timeout(agent.config.stream_idle)
            .no_proxy()
            .build()
            .map_err(|error| AgentError::Internal(error.to_string()))?;
        Ok(Self { client, base })
    }

    /// The stream of a table.
    pub async fn export(
        &self,
        database: &str,
        table: &str,
    ) -> Result<impl AsyncRead + Send + 'static + use<>> {
        let url = self
            .base
            .join(&format!("/v1/tables/{database}/{table}/export"))
            .map_err(|error| AgentError::BadRequest(error.to_string()))?;
        let response = self
            .client
            .get(url)
            .send()
            .await
            .map_err(|error| AgentError::Peer(describe(&error)))?;
        let status = response.status();
        if !status.is_success() {
            let body = response.bytes().await.unwrap_or_default();
            let told = serde_json::from_slice::<ApiError>(&body).map_or_else(
                |_| status.to_string(),
                |error| format!("{}: {}", error.reason, error.message),
            );
            return Err(AgentError::Peer(format!(
                "the source of {database}.{table} says {told}"
            )));
        }
        Ok(StreamReader::new(
            response.bytes_stream().map_err(std::io::Error::other),
        ))
    }
}

/// An error with its causes; reqwest's own text hides them.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
