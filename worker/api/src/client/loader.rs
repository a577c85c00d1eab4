//! Calls to a loader.

use super::https::{Server, sent};
use crate::CallError;
use crate::loader::{Load, LoaderStatus, Survey};
use crate::routes::LoaderCall;

/// The loader of one ingest. A method is a [`LoaderCall`].
#[derive(Clone, Debug)]
pub struct LoaderClient(Server);

impl LoaderClient {
    pub(super) fn new(server: Server) -> Self {
        Self(server)
    }

    /// What it is doing.
    pub async fn status(&self) -> Result<LoaderStatus, CallError> {
        self.0.get(LoaderCall::Status, &[]).await
    }

    /// Asks for a survey; the same request again changes nothing.
    pub async fn survey(&self, survey: &Survey) -> Result<(), CallError> {
        self.0.order(LoaderCall::Survey, &[], survey).await
    }

    /// Its list of rejects.
    pub async fn rejects(&self) -> Result<String, CallError> {
        let response = sent(self.0.short(LoaderCall::Rejects, &[])?).await?;
        response.text().await.map_err(CallError::unreachable)
    }

    /// Asks for a load; the same request again changes nothing.
    pub async fn load(&self, load: &Load) -> Result<(), CallError> {
        self.0.order(LoaderCall::Load, &[], load).await
    }
}
