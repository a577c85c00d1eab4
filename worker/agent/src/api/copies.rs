//! `/v1/copies…` and `/v1/tables/…/export`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use orrery_worker_api::agent::{CopyStatus, StartCopy};

use super::body::Body;
use crate::agent::Agent;
use crate::copy::{export as exporting, jobs};
use crate::error::Result;
use crate::jobs::to_end;

/// `POST /v1/copies`.
pub async fn start(
    State(agent): State<Arc<Agent>>,
    Body(request): Body<StartCopy>,
) -> Result<(StatusCode, Json<CopyStatus>)> {
    agent.admit(request.term)?;
    jobs::start(&agent, request).map(|status| (StatusCode::ACCEPTED, Json(status)))
}

/// `GET /v1/copies/{id}`.
pub async fn status(State(agent): State<Arc<Agent>>, Path(id): Path<String>) -> Result<Json<CopyStatus>> {
    agent.copies.status(&id).map(Json)
}

/// `GET /v1/tables/{database}/{table}/export`.
pub async fn export(
    State(agent): State<Arc<Agent>>,
    Path((database, table)): Path<(String, String)>,
) -> Result<Response> {
    agent.require_identity()?;
    // On its own task: a caller that goes away while the table is being locked must not leave it locked.
    to_end(exporting::export(agent, database, table))
        .await
        .map(Response::new)
}
