//! Who may call what: one table, as in [`orrery_worker_api::agent`]. What is not listed is refused.

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use orrery_archive::names::Role;

use crate::error::AgentError;

/// The caller, from its client certificate.
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub Option<Role>);

/// Roles that may call an endpoint.
fn allowed(method: &Method, path: &str) -> &'static [Role] {
    use Role::{Agent, Czar, Loader, Operator, Proxy};
    match (method.as_str(), path) {
        ("GET", "/v1/info" | "/v1/manifest" | "/v1/unknown" | "/v1/copies/{id}")
        | (
            "POST",
            "/v1/adopt"
            | "/v1/attempts"
            | "/v1/attempts/{attempt}/seal"
            | "/v1/attempts/{attempt}/discard"
            | "/v1/manifest/state"
            | "/v1/drop"
            | "/v1/copies",
        )
        | ("PUT", "/v1/catalog") => &[Operator],
        ("POST", "/v1/attempts/{attempt}/load" | "/v1/index/lookup")
        | ("PUT", "/v1/attempts/{attempt}/files") => &[Loader],
        // The operator tells a loader that lost its spool which files the attempt began with.
        ("GET", "/v1/attempts/{attempt}/files" | "/v1/attempts/{attempt}/ledger")
        | ("PUT" | "GET", "/v1/attempts/{attempt}/rejects") => &[Loader, Operator],
        ("GET", "/v1/tables/{database}/{table}/export") => &[Agent],
        ("GET", "/v1/catalog") => &[Operator, Czar, Proxy],
        _ => &[],
    }
}

/// Lets a request pass when its caller's role may make it.
pub async fn check(request: Request, next: Next) -> Response {
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned())
        .unwrap_or_default();
    let caller = request.extensions().get::<Caller>().and_then(|caller| caller.0);
    let roles = allowed(request.method(), &path);
    match caller {
        Some(role) if roles.contains(&role) => next.run(request).await,
        Some(role) => {
            let (name, method) = (role.common_name(), request.method());
            AgentError::Forbidden(format!("{name} may not call {method} {path}")).into_response()
        }
        None => AgentError::Forbidden("the client certificate names no role".into()).into_response(),
    }
}
