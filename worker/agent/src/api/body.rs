//! JSON bodies and queries whose errors are [`orrery_worker_api::ApiError`], as all others.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::error::AgentError;

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = AgentError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AgentError> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|error| AgentError::BadRequest(format!("the body: {error}")))?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| AgentError::BadRequest(format!("the body: {error}")))
    }
}
