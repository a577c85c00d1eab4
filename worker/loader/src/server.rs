//! The HTTPS API: the operator asks, [`crate::job::Loader`] answers.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Extension, Json, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use orrery_archive::names::Role;
use orrery_worker_api::ApiError;
use orrery_worker_api::loader::{Load, LoaderStatus, Survey};
use orrery_worker_api::routes::{Call, LoaderCall, Verb};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::job::{Loader, Refusal};

/// Largest request, in bytes: one that names the workers of a million chunks.
const MAX_BODY: usize = 256 << 20;
/// Longest time a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Who called.
#[derive(Clone, Copy)]
struct Caller(Option<Role>);

/// All endpoints; a role check stands before each.
fn router(loader: Loader) -> Router {
    LoaderCall::ALL
        .iter()
        .fold(Router::new(), |router, call| {
            router.route(call.route().path, handler(*call))
        })
        .route_layer(middleware::from_fn(check_role))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(loader)
}

fn handler(call: LoaderCall) -> MethodRouter<Loader> {
    let method = match call.route().verb {
        Verb::Get => MethodFilter::GET,
        Verb::Post => MethodFilter::POST,
        Verb::Put => MethodFilter::PUT,
    };
    match call {
        LoaderCall::Survey => on(method, survey),
        LoaderCall::Load => on(method, load),
        LoaderCall::Status => on(method, status),
        LoaderCall::Rejects => on(method, rejects),
    }
}

/// Serves until `stop`, each connection with the TLS that is in force when it comes.
pub async fn serve(
    listener: TcpListener,
    config: impl Fn() -> Arc<ServerConfig>,
    loader: Loader,
    stop: CancellationToken,
) {
    let router = router(loader);
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (acceptor, router) = (TlsAcceptor::from(config()), router.clone());
                tokio::spawn(async move {
                    if let Err(error) = connection(stream, &acceptor, router).await {
                        tracing::debug!(%peer, error, "connection ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    router: Router,
) -> Result<(), String> {
    let stream = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream))
        .await
        .map_err(|_| "handshake took too long".to_owned())?
        .map_err(|error| error.to_string())?;
    let certificates = stream.get_ref().1.peer_certificates();
    let role = certificates.and_then(|chain| orrery_tls::role(chain.first()?));
    let service = TowerToHyperService::new(router.layer(Extension(Caller(role))));
    auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await
        .map_err(|error| error.to_string())
}

async fn check_role(
    Extension(caller): Extension<Caller>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    match LoaderCall::permit(request.method(), path.as_str(), caller.0) {
        Ok(()) => next.run(request).await,
        Err(denied) => error(StatusCode::FORBIDDEN, "Forbidden", denied.to_string()),
    }
}

async fn survey(State(loader): State<Loader>, Json(request): Json<Survey>) -> Response {
    answer(loader.survey(request))
}

async fn load(State(loader): State<Loader>, Json(request): Json<Load>) -> Response {
    answer(loader.load(request))
}

async fn status(State(loader): State<Loader>) -> Json<LoaderStatus> {
    Json(loader.status())
}

async fn rejects(State(loader): State<Loader>) -> Response {
    match loader.rejects() {
        Ok(lines) => lines.into_response(),
        Err(why) => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            error(status, "DiskFailed", why.to_string())
        }
    }
}

fn answer(result: Result<(), Refusal>) -> Response {
    match result {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(refusal) => {
            let status = match refusal {
                Refusal::OtherContent(_) | Refusal::NotSurveyed { .. } => StatusCode::CONFLICT,
                Refusal::Disk(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            error(status, refusal.reason(), refusal.to_string())
        }
    }
}

fn error(status: StatusCode, reason: &str, message: String) -> Response {
    let body = ApiError {
        reason: reason.to_owned(),
        message,
    };
    (status, Json(body)).into_response()
}
