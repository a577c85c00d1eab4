//! The director index, and copies of the catalog.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use orrery_worker_api::agent::{IndexEntries, IndexLookup, KnownCatalog};

use super::body::Body;
use crate::agent::Agent;
use crate::error::{AgentError, Result};
use crate::index;
use crate::jobs::to_end;

/// [`AgentCall::Lookup`](orrery_worker_api::routes::AgentCall::Lookup).
pub async fn index(
    State(agent): State<Arc<Agent>>,
    Body(request): Body<IndexLookup>,
) -> Result<Json<IndexEntries>> {
    agent.require_identity()?;
    index::lookup(&mut agent.db.conn().await?, &request)
        .await
        .map(Json)
}

/// [`AgentCall::PutCatalog`](orrery_worker_api::routes::AgentCall::PutCatalog).
pub async fn put_catalog(State(agent): State<Arc<Agent>>, body: Bytes) -> Result<StatusCode> {
    let identity = agent.require_identity()?;
    to_end(async move { agent.catalog.put(body, &identity.archive_uid) }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// [`AgentCall::Catalog`](orrery_worker_api::routes::AgentCall::Catalog); answers also while mysqld
/// is away.
pub async fn catalog(State(agent): State<Arc<Agent>>, uri: Uri) -> Result<Response> {
    if uri.query().is_some() {
        let known = Query::<KnownCatalog>::try_from_uri(&uri);
        let Query(known) = known.map_err(|error| AgentError::BadRequest(error.to_string()))?;
        if agent.catalog.is_known(&known) {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
    let body = agent
        .catalog
        .body()
        .ok_or_else(|| AgentError::NotFound("no catalog copy is held here".into()))?;
    Ok((
        [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )],
        body,
    )
        .into_response())
}
