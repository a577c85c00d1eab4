//! Attempts: staging, loading, sealing, discarding.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body as RawBody, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use orrery_worker_api::agent::{
    Ledger, LoadTarget, Loaded, OpenAttempt, Sealed, SourceFiles, Term,
};

use super::body::Body;
use crate::agent::Agent;
use crate::error::{AgentError, Result};
use crate::jobs::to_end;
use crate::load::job;
use crate::tables::{attempts, discard, records, seal};

/// [`AgentCall::Open`](orrery_worker_api::routes::AgentCall::Open).
pub async fn open(
    State(agent): State<Arc<Agent>>,
    Body(request): Body<OpenAttempt>,
) -> Result<StatusCode> {
    agent.admit(request.term)?;
    to_end(async move { attempts::open(&agent, request).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// [`AgentCall::Load`](orrery_worker_api::routes::AgentCall::Load).
pub async fn load(
    State(agent): State<Arc<Agent>>,
    Path(attempt): Path<u64>,
    target: std::result::Result<Query<LoadTarget>, axum::extract::rejection::QueryRejection>,
    body: RawBody,
) -> Result<Json<Loaded>> {
    agent.require_identity()?;
    let Query(target) = target.map_err(|error| AgentError::BadRequest(error.body_text()))?;
    // On its own task: when the caller's connection breaks the request is dropped, but its LOAD
    // must be ended in order.
    to_end(job::run(
        agent,
        attempt,
        target,
        Box::pin(body.into_data_stream()),
    ))
    .await
    .map(Json)
}

/// [`AgentCall::Ledger`](orrery_worker_api::routes::AgentCall::Ledger).
pub async fn ledger(
    State(agent): State<Arc<Agent>>,
    Path(attempt): Path<u64>,
) -> Result<Json<Ledger>> {
    agent.require_identity()?;
    let parts = attempts::ledger(&mut agent.db.conn().await?, attempt).await?;
    Ok(Json(Ledger { parts }))
}

/// [`AgentCall::PutFiles`](orrery_worker_api::routes::AgentCall::PutFiles).
pub async fn put_files(
    State(agent): State<Arc<Agent>>,
    Path(attempt): Path<u64>,
    Body(files): Body<SourceFiles>,
) -> Result<StatusCode> {
    agent.require_identity()?;
    to_end(
        async move { records::put_files(&mut agent.db.session().await?, attempt, &files).await },
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// [`AgentCall::Files`](orrery_worker_api::routes::AgentCall::Files).
pub async fn files(
    State(agent): State<Arc<Agent>>,
    Path(attempt): Path<u64>,
) -> Result<Json<SourceFiles>> {
    agent.require_identity()?;
    records::files(&mut agent.db.conn().await?, attempt)
        .await
        .map(Json)
}

/// [`AgentCall::PutRejects`](orrery_worker_api::routes::AgentCall::PutRejects).
pub async fn put_rejects(
    State(agent): State<Arc<Agent>>,
    Path(attempt): Path<u64>,
    text: Bytes,
) -> Result<StatusCode> {
    agent.require_identity()?;
    to_end(
        async move { records::put_rejects(&mut agent.db.session().await?, attempt, &text).await },
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// [`AgentCall::Rejects`](orrery_worker_api::routes::AgentCall::Rejects).
pub async fn rejects(State(agent): State<Arc<Agent>>, Path(attempt): Path<u64>) -> Result<Vec<u8>> {
    agent.require_identity()?;
    records::rejects(&mut agent.db.conn().await?, attempt).await
}

/// [`AgentCall::Seal`](orrery_worker_api::routes::AgentCall::Seal).
pub async fn seal(
    State(agent): State<Arc<Agent>>,
    Path(attempt): Path<u64>,
    Body(Term { term }): Body<Term>,
) -> Result<Response> {
    agent.admit(term)?;
    Ok(match seal::drive(&agent, attempt).await? {
        Some(rows) => Json(Sealed { rows }).into_response(),
        None => StatusCode::ACCEPTED.into_response(),
    })
}

/// [`AgentCall::Discard`](orrery_worker_api::routes::AgentCall::Discard).
pub async fn discard(
    State(agent): State<Arc<Agent>>,
    Path(attempt): Path<u64>,
    Body(Term { term }): Body<Term>,
) -> Result<StatusCode> {
    agent.admit(term)?;
    to_end(async move { discard::discard(&agent, attempt).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
