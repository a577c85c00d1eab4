//! Plain HTTP for people and probes: `/metrics`, `/healthz`, `/readyz`.
//!
//! Ready means that the cluster API answered lately: a standby is ready too, so that a rollout can wait for it.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::metrics::Metrics;

/// How long the cluster API may be silent before the operator is not ready.
const SILENCE: Duration = Duration::from_secs(30);

/// Remembers when the cluster API last answered.
#[derive(Clone, Default)]
pub struct Pulse {
    last: Arc<Mutex<Option<Instant>>>,
}

impl Pulse {
    /// It answered just now.
    pub fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn is_recent(&self) -> bool {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last.elapsed() < SILENCE)
    }
}

/// Serves until the process ends.
pub async fn serve(listen: SocketAddr, metrics: Metrics, pulse: Pulse) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    axum::serve(listener, router(metrics, pulse)).await
}

fn router(metrics: Metrics, pulse: Pulse) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready).with_state(pulse))
        .route("/metrics", get(text).with_state(metrics))
}

async fn ready(State(pulse): State<Pulse>) -> (StatusCode, &'static str) {
    if pulse.is_recent() {
        (StatusCode::OK, "ok\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the cluster API does not answer\n",
        )
    }
}

async fn text(State(metrics): State<Metrics>) -> Result<String, (StatusCode, String)> {
    metrics
        .text()
        .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use tower::ServiceExt as _;

    use super::{Pulse, router};
    use crate::metrics::Metrics;

    async fn status(pulse: &Pulse, path: &str) -> StatusCode {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let router = router(Metrics::new().unwrap(), pulse.clone());
        router.oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn ready_only_once_the_cluster_api_has_answered() {
        let pulse = Pulse::default();
        assert_eq!(status(&pulse, "/healthz").await, StatusCode::OK);
        assert_eq!(status(&pulse, "/readyz").await, StatusCode::SERVICE_UNAVAILABLE);
        pulse.beat();
        assert_eq!(status(&pulse, "/readyz").await, StatusCode::OK);
        assert_eq!(status(&pulse, "/metrics").await, StatusCode::OK);
    }
}
