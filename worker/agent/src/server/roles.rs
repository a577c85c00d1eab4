//! Who may call what, by [`AgentCall`]'s table. What is not listed is refused.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use orrery_archive::names::Role;
use orrery_worker_api::routes::{AgentCall, Call};

use crate::error::AgentError;

/// The caller, from its client certificate.
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub Option<Role>);

/// Lets a request pass when its caller's role may make it.
pub async fn check(path: MatchedPath, request: Request, next: Next) -> Response {
    let caller = request
        .extensions()
        .get::<Caller>()
        .and_then(|caller| caller.0);
    match AgentCall::permit(request.method(), path.as_str(), caller) {
        Ok(()) => next.run(request).await,
        Err(denied) => AgentError::Forbidden(denied.to_string()).into_response(),
    }
}
