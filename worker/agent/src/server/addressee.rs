//! Whom a call is meant for. Callers know the address at which a worker was seen last; when nodes
//! start again, another worker's pod may have it.

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use orrery_archive::names::WorkerId;
use orrery_worker_api::routes::WORKER_HEADER;

use crate::error::{AgentError, Result};

/// The worker that this agent's certificate names.
#[derive(Clone, Copy, Debug)]
pub struct Own(pub Option<WorkerId>);

/// Lets a request pass that is meant for this worker, or does not say for which.
pub async fn check(request: Request, next: Next) -> Response {
    let own = request.extensions().get::<Own>().and_then(|own| own.0);
    match permit(request.headers().get(WORKER_HEADER), own) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn permit(meant: Option<&HeaderValue>, own: Option<WorkerId>) -> Result<()> {
    let Some(meant) = meant else { return Ok(()) };
    let meant = meant.to_str().ok().and_then(|id| id.parse().ok());
    let meant: WorkerId = meant.ok_or_else(|| {
        AgentError::BadRequest(format!("the header {WORKER_HEADER} is no worker's id"))
    })?;
    match own {
        Some(own) if own == meant => Ok(()),
        Some(own) => Err(AgentError::OtherWorker(format!(
            "the call is meant for worker {meant}, this is worker {own}"
        ))),
        None => Err(AgentError::OtherWorker(format!(
            "the call is meant for worker {meant}, and this agent's certificate names no worker"
        ))),
    }
}
