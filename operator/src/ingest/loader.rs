//! Calls to a loader's pod.

use orrery_worker_api::loader::{Load, LoaderStatus, Survey};
use reqwest::Method;

use crate::agents::{Agent, AgentError};

/// The loader of one ingest.
#[derive(Clone)]
pub struct Loader(pub Agent);

impl Loader {
    /// What it is doing.
    pub async fn status(&self) -> Result<LoaderStatus, AgentError> {
        self.0.get("/v1/status").await
    }

    /// Asks for a survey; the same request again changes nothing.
    pub async fn survey(&self, survey: &Survey) -> Result<(), AgentError> {
        self.0.tell(Method::POST, "/v1/survey", survey).await
    }

    /// Asks for a load; the same request again changes nothing.
    pub async fn load(&self, load: &Load) -> Result<(), AgentError> {
        self.0.tell(Method::POST, "/v1/load", load).await
    }
}
