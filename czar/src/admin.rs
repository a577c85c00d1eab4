//! Plain HTTP for people and probes: `/metrics`, `/healthz` (the process runs), `/readyz` (a complete catalog is in use and the
//! shadow server answers).

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::server::Shared;

/// Serves until the process ends.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(shared);
    axum::serve(listener, routes).await
}

async fn ready(State(shared): State<Arc<Shared>>) -> (StatusCode, String) {
    let engine = &shared.engine;
    let Some(current) = engine.catalogs.current() else {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "no complete catalog yet\n".to_owned(),
        );
    };
    if !engine.shadow.answers().await {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "the shadow server does not answer\n".to_owned(),
        );
    }
    (StatusCode::OK, format!("catalog {}\n", current.catalog().epochs))
}

async fn metrics(State(shared): State<Arc<Shared>>) -> (StatusCode, String) {
    let engine = &shared.engine;
    let epoch = engine
        .catalogs
        .current()
        .map_or(0, |current| current.catalog().epochs.data);
    match shared.metrics.print(&engine.workers, &engine.spool, epoch) {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}
