//! Probes and metrics, without TLS.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;

/// Serves until `stop`.
pub async fn serve(agent: Arc<Agent>, listener: TcpListener, stop: CancellationToken) {
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(agent);
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the admin port is gone");
    }
}

/// Ready when mysqld answers, its settings are right and the control tables are there. An agent without identity is ready: it waits to
/// be adopted.
async fn readyz(State(agent): State<Arc<Agent>>) -> Response {
    let status = agent.status();
    match (&status.mysqld, &status.identity) {
        (Ok(version), Ok(_)) => format!("mysqld {version}\n").into_response(),
        (Err(reason), _) | (Ok(_), Err(reason)) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response()
        }
    }
}

async fn metrics(State(agent): State<Arc<Agent>>) -> Response {
    let metrics = &agent.metrics;
    metrics.mysqld_ready.set(i64::from(agent.status().mysqld.is_ok()));
    metrics.active_loads.set(agent.sessions.total() as i64);
    metrics.term.set(agent.terms.highest() as i64);
    if let Ok(free) = crate::api::info::free_bytes(&agent.config.data_dir) {
        metrics.free_bytes.set(free as i64);
    }
    match metrics.text() {
        Ok(text) => text.into_response(),
        Err(error) => error.into_response(),
    }
}
