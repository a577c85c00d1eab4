//! What the worker holds, and what it drops.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use orrery_worker_api::agent::{
    DamagedTables, Drop, Dropped, ManifestPage, PageQuery, SetState, UnknownTables,
};

use super::body::Body;
use crate::agent::Agent;
use crate::error::Result;
use crate::jobs::to_end;
use crate::tables::{checks, drop as dropping, manifest};

/// [`AgentCall::Manifest`](orrery_worker_api::routes::AgentCall::Manifest).
pub async fn page(
    State(agent): State<Arc<Agent>>,
    Query(query): Query<PageQuery>,
) -> Result<Json<ManifestPage>> {
    agent.require_identity()?;
    manifest::page(
        &mut agent.db.conn().await?,
        query.after.as_deref(),
        query.limit,
    )
    .await
    .map(Json)
}

/// [`AgentCall::Unknown`](orrery_worker_api::routes::AgentCall::Unknown).
pub async fn unknown(State(agent): State<Arc<Agent>>) -> Result<Json<UnknownTables>> {
    agent.require_identity()?;
    let tables = manifest::unknown(&mut agent.db.conn().await?).await?;
    Ok(Json(UnknownTables { tables }))
}

/// [`AgentCall::Damaged`](orrery_worker_api::routes::AgentCall::Damaged).
pub async fn damaged(State(agent): State<Arc<Agent>>) -> Result<Json<DamagedTables>> {
    agent.require_identity()?;
    let tables = checks::damaged(&mut agent.db.conn().await?).await?;
    Ok(Json(DamagedTables { tables }))
}

/// [`AgentCall::SetState`](orrery_worker_api::routes::AgentCall::SetState).
pub async fn set_state(
    State(agent): State<Arc<Agent>>,
    Body(request): Body<SetState>,
) -> Result<StatusCode> {
    agent.admit(request.term)?;
    to_end(async move { manifest::set_state(&mut agent.db.session().await?, &request).await })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// [`AgentCall::Drop`](orrery_worker_api::routes::AgentCall::Drop).
pub async fn drop(
    State(agent): State<Arc<Agent>>,
    Body(request): Body<Drop>,
) -> Result<Json<Dropped>> {
    agent.admit(request.term)?;
    to_end(async move { dropping::drop(&agent, &request).await })
        .await
        .map(Json)
}
