//! Who may call what, by [`AgentCall`]'s table. What is not listed is refused.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use orrery_archive::names::{Role, WorkerId};
use orrery_worker_api::routes::{AgentCall, Call};

use rustls::pki_types::CertificateDer;

use crate::error::AgentError;

/// The caller, from its client certificate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller {
    /// What it is.
    pub role: Option<Role>,
    /// Which worker's agent it is.
    pub worker: Option<WorkerId>,
}

impl Caller {
    /// The holder of this certificate, which was verified.
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        Self {
            role: orrery_tls::role(certificate),
            worker: orrery_tls::worker(certificate),
        }
    }
}

/// Lets a request pass when its caller's role may make it.
pub async fn check(path: MatchedPath, request: Request, next: Next) -> Response {
    let caller = request
        .extensions()
        .get::<Caller>()
        .and_then(|caller| caller.role);
    match AgentCall::permit(request.method(), path.as_str(), caller) {
        Ok(()) => next.run(request).await,
        Err(denied) => AgentError::Forbidden(denied.to_string()).into_response(),
    }
}
