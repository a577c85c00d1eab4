//! `/metrics`, `/healthz` (the process lives) and `/readyz` (it can answer statements).

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::shared::Proxy;

/// The admin pages.
pub fn router(proxy: Arc<Proxy>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(proxy)
}

async fn metrics(State(proxy): State<Arc<Proxy>>) -> Result<String, StatusCode> {
    let (healthy, known) = proxy.czars.counts();
    let epoch = proxy
        .hub
        .current()
        .map_or(0, |snapshot| snapshot.catalog.epochs.data);
    let gauges = [
        ("connections", "Client connections", proxy.registry.len() as u64),
        (
            "running",
            "Statements running now",
            proxy.registry.running() as u64,
        ),
        ("czars_known", "Czars known", known as u64),
        (
            "czars_healthy",
            "Czars that answered their last probe",
            healthy as u64,
        ),
        ("data_epoch", "dataEpoch of the snapshot", epoch),
    ];
    proxy.metrics.render(&gauges).map_err(|error| {
        tracing::warn!(%error, "metrics not encoded");
        StatusCode::INTERNAL_SERVER_ERROR
    })
}

async fn ready(State(proxy): State<Arc<Proxy>>) -> (StatusCode, String) {
    match not_ready(&proxy) {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
    }
}

fn not_ready(proxy: &Proxy) -> Option<&'static str> {
    if proxy.stopping.is_cancelled() {
        Some("stopping")
    } else if proxy.hub.current().is_none() {
        Some("no complete snapshot of the catalog yet")
    } else if !proxy.czars.any_healthy() {
        Some("no czar answers")
    } else {
        None
    }
}
