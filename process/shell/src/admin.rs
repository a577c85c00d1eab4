//! The admin port: plain HTTP for people, probes and Prometheus.
//!
//! `/healthz`: the process runs. `/readyz`: it can do its work, or why not. `/metrics`: numbers in
//! Prometheus' text format.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use prometheus::TextEncoder;
use prometheus::proto::MetricFamily;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What a program says of itself.
pub trait Admin: Send + Sync + 'static {
    /// Whether the program can do its work: a line for people, or the reason why it cannot.
    fn ready(&self) -> impl Future<Output = Result<String, String>> + Send;

    /// All metrics as they are now.
    fn metrics(&self) -> prometheus::Result<Vec<MetricFamily>>;
}

/// Why there is no admin port.
#[derive(Debug, Error)]
#[error("admin port {listen}: {source}")]
pub struct AdminError {
    /// Address that was asked for.
    listen: SocketAddr,
    /// Cause.
    source: std::io::Error,
}

/// An open admin port; closed when dropped.
#[derive(Debug)]
pub struct AdminPort {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl AdminPort {
    /// Opens the port, which answers from now on.
    pub async fn open(listen: SocketAddr, admin: Arc<impl Admin>) -> Result<Self, AdminError> {
        let failed = |source| AdminError { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router(admin)).await {
                tracing::error!(%error, "the admin port is closed");
            }
        });
        Ok(Self { address, serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for AdminPort {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn router<A: Admin>(admin: Arc<A>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready::<A>))
        .route("/metrics", get(metrics::<A>))
        .with_state(admin)
}

async fn ready<A: Admin>(State(admin): State<Arc<A>>) -> (StatusCode, String) {
    match admin.ready().await {
        Ok(text) => (StatusCode::OK, format!("{text}\n")),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

async fn metrics<A: Admin>(State(admin): State<Arc<A>>) -> (StatusCode, String) {
    match admin
        .metrics()
        .and_then(|families| TextEncoder::new().encode_to_string(&families))
    {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use prometheus::{IntGauge, Registry};
    use tower::ServiceExt as _;

    use super::*;

    struct Program {
        ready: Result<String, String>,
        registry: Registry,
    }

    impl Admin for Program {
        async fn ready(&self) -> Result<String, String> {
            self.ready.clone()
        }

        fn metrics(&self) -> prometheus::Result<Vec<MetricFamily>> {
            Ok(self.registry.gather())
        }
    }

    fn program(ready: Result<&str, &str>) -> Arc<Program> {
        let registry = Registry::new();
        let gauge = IntGauge::new("answer", "help").unwrap();
        gauge.set(42);
        registry.register(Box::new(gauge)).unwrap();
        let ready = ready.map(str::to_owned).map_err(str::to_owned);
        Arc::new(Program { ready, registry })
    }

    async fn ask(program: Arc<Program>, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router(program).oneshot(request).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_program_that_is_not_ready_is_healthy_and_says_why() {
        let idle = program(Err("no catalog"));
        assert_eq!(ask(idle.clone(), "/healthz").await.0, StatusCode::OK);
        let answer = ask(idle, "/readyz").await;
        assert_eq!(
            answer,
            (StatusCode::SERVICE_UNAVAILABLE, "no catalog\n".to_owned())
        );
        let answer = ask(program(Ok("catalog 7")), "/readyz").await;
        assert_eq!(answer, (StatusCode::OK, "catalog 7\n".to_owned()));
    }

    #[tokio::test]
    async fn metrics_are_text_for_prometheus() {
        let (status, text) = ask(program(Ok("")), "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.contains("\nanswer 42\n"), "{text}");
    }

    #[tokio::test]
    async fn a_port_is_closed_when_it_is_dropped_and_taken_by_one_program_only() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let port = AdminPort::open(any, program(Ok(""))).await.unwrap();
        let address = port.address();
        let second = AdminPort::open(address, program(Ok(""))).await;
        let refused = second.err().unwrap().to_string();
        assert!(refused.contains(&address.to_string()), "{refused}");
        drop(port);
        while std::net::TcpStream::connect(address).is_ok() {
            tokio::task::yield_now().await;
        }
    }
}
