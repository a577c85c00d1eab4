//! Handlers of the HTTPS API, one module per group of calls. They check what the call says, and hand over.
//!
//! A call that changes something runs to its end even when its caller goes away ([`crate::jobs::to_end`]).

pub mod attempts;
pub mod body;
pub mod copies;
pub mod info;
pub mod lookups;
pub mod manifest;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post, put};
use axum::{Router, middleware};

use crate::agent::Agent;
use crate::error::AgentError;
use crate::server::roles;

/// Largest JSON body, and largest list of rejects.
const MAX_BODY: usize = 256 << 20;

/// All endpoints; a role check stands before each.
pub fn router(agent: Arc<Agent>) -> Router {
    Router::new()
        .route("/v1/info", get(info::info))
        .route("/v1/adopt", post(info::adopt))
        .route("/v1/manifest", get(manifest::page))
        .route("/v1/unknown", get(manifest::unknown))
        .route("/v1/manifest/state", post(manifest::set_state))
        .route("/v1/drop", post(manifest::drop))
        .route("/v1/attempts", post(attempts::open))
        .route("/v1/attempts/{attempt}/load", post(attempts::load))
        .route("/v1/attempts/{attempt}/ledger", get(attempts::ledger))
        .route(
            "/v1/attempts/{attempt}/files",
            put(attempts::put_files).get(attempts::files),
        )
        .route(
            "/v1/attempts/{attempt}/rejects",
            put(attempts::put_rejects).get(attempts::rejects),
        )
        .route("/v1/attempts/{attempt}/seal", post(attempts::seal))
        .route("/v1/attempts/{attempt}/discard", post(attempts::discard))
        .route("/v1/copies", post(copies::start))
        .route("/v1/copies/{id}", get(copies::status))
        .route("/v1/tables/{database}/{table}/export", get(copies::export))
        .route("/v1/index/lookup", post(lookups::index))
        .route("/v1/catalog", put(lookups::put_catalog).get(lookups::catalog))
        .route_layer(middleware::from_fn(roles::check))
        .fallback(async || AgentError::NotFound("no such endpoint".into()))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(agent)
}
