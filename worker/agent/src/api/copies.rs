//! Copies, at both ends.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use orrery_worker_api::agent::{CopyStatus, ExportOrder, StartCopy};

use super::body::Body;
use crate::agent::Agent;
use crate::copy::{export as exporting, jobs};
use crate::error::Result;
use crate::jobs::to_end;
use crate::server::roles::Caller;

/// [`AgentCall::Copy`](orrery_worker_api::routes::AgentCall::Copy).
pub async fn start(
    State(agent): State<Arc<Agent>>,
    Body(request): Body<StartCopy>,
) -> Result<(StatusCode, Json<CopyStatus>)> {
    agent.admit(request.term)?;
    let status = jobs::start(&agent, request).await?;
    Ok((StatusCode::ACCEPTED, Json(status)))
}

/// [`AgentCall::CopyStatus`](orrery_worker_api::routes::AgentCall::CopyStatus).
pub async fn status(
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
) -> Result<Json<CopyStatus>> {
    agent.copies.status(&id).map(Json)
}

/// [`AgentCall::Export`](orrery_worker_api::routes::AgentCall::Export).
pub async fn export(
    State(agent): State<Arc<Agent>>,
    Extension(caller): Extension<Caller>,
    Path((database, table)): Path<(String, String)>,
    Body(order): Body<ExportOrder>,
) -> Result<Response> {
    exporting::permit(&agent, caller, &database, &table, &order)?;
    // On its own task: a caller that goes away while the table is being locked must not leave it
    // locked.
    to_end(exporting::export(agent, database, table))
        .await
        .map(Response::new)
}
