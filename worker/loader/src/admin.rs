//! `/healthz` and `/metrics` over plain HTTP.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use orrery_worker_api::loader::{LoaderStatus, LoaderStep};

use crate::job::Loader;

/// The admin port's routes.
pub fn router(loader: Loader) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics))
        .with_state(loader)
}

async fn metrics(State(loader): State<Loader>) -> Response {
    match render(&loader.status()) {
        Ok(text) => text.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// All figures come from the status, so that both always agree.
fn render(status: &LoaderStatus) -> prometheus::Result<String> {
    let registry = Registry::new_custom(Some("orrery_loader".into()), None)?;
    let figures = [
        (
            "bytes_read",
            "Decompressed bytes read",
            status.progress.bytes_read,
        ),
        ("rows_read", "Records read", status.progress.rows_read),
        (
            "rows_loaded",
            "Row copies committed on workers",
            status.progress.rows_loaded,
        ),
        (
            "rows_to_load",
            "Row copies to commit",
            status.progress.rows_to_load,
        ),
        ("rejects", "Rows rejected", status.summary.rejects),
        (
            "lost_agents",
            "Agents that failed for good",
            status.lost_agents.len() as u64,
        ),
    ];
    for (name, help, value) in figures {
        let gauge = IntGauge::new(name, help)?;
        gauge.set(value as i64);
        registry.register(Box::new(gauge))?;
    }
    let steps = IntGaugeVec::new(Opts::new("step", "1 for the present step"), &["step"])?;
    for step in [
        LoaderStep::Idle,
        LoaderStep::Surveying,
        LoaderStep::Surveyed,
        LoaderStep::Loading,
        LoaderStep::Loaded,
        LoaderStep::Failed,
    ] {
        let name = format!("{step:?}");
        steps
            .with_label_values(&[name])
            .set(i64::from(step == status.step));
    }
    registry.register(Box::new(steps))?;
    TextEncoder::new().encode_to_string(&registry.gather())
}
