//! Handlers of the HTTPS API, one module per group of calls. They check what the call says, and
//! hand over.
//!
//! A call that changes something runs to its end even when its caller goes away
//! ([`crate::jobs::to_end`]).

pub mod attempts;
pub mod body;
pub mod copies;
pub mod info;
pub mod lookups;
pub mod manifest;
pub mod trials;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Router, middleware};
use orrery_worker_api::routes::{AgentCall, Call, Verb};

use crate::agent::Agent;
use crate::error::AgentError;
use crate::server::{addressee, roles};

/// Largest JSON body, and largest list of rejects.
const MAX_BODY: usize = 256 << 20;

/// All endpoints; before each stand the checks of who calls, and for whom the call is meant.
pub fn router(agent: Arc<Agent>) -> Router {
    AgentCall::ALL
        .iter()
        .fold(Router::new(), |router, call| {
            router.route(call.route().path, handler(*call))
        })
        .route_layer(middleware::from_fn(addressee::check))
        .route_layer(middleware::from_fn(roles::check))
        .fallback(async || AgentError::NotFound("no such endpoint".into()))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(agent)
}

fn handler(call: AgentCall) -> MethodRouter<Arc<Agent>> {
    let method = match call.route().verb {
        Verb::Get => MethodFilter::GET,
        Verb::Post => MethodFilter::POST,
        Verb::Put => MethodFilter::PUT,
    };
    match call {
        AgentCall::Info => on(method, info::info),
        AgentCall::Adopt => on(method, info::adopt),
        AgentCall::Manifest => on(method, manifest::page),
        AgentCall::Unknown => on(method, manifest::unknown),
        AgentCall::Damaged => on(method, manifest::damaged),
        AgentCall::SetState => on(method, manifest::set_state),
        AgentCall::Drop => on(method, manifest::drop),
        AgentCall::Trial => on(method, trials::run),
        AgentCall::Open => on(method, attempts::open),
        AgentCall::Load => on(method, attempts::load),
        AgentCall::Ledger => on(method, attempts::ledger),
        AgentCall::PutFiles => on(method, attempts::put_files),
        AgentCall::Files => on(method, attempts::files),
        AgentCall::PutRejects => on(method, attempts::put_rejects),
        AgentCall::Rejects => on(method, attempts::rejects),
        AgentCall::Seal => on(method, attempts::seal),
        AgentCall::Discard => on(method, attempts::discard),
        AgentCall::Copy => on(method, copies::start),
        AgentCall::CopyStatus => on(method, copies::status),
        AgentCall::Export => on(method, copies::export),
        AgentCall::Lookup => on(method, lookups::index),
        AgentCall::PutCatalog => on(method, lookups::put_catalog),
        AgentCall::Catalog => on(method, lookups::catalog),
    }
}
