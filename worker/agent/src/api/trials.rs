//! Whether mysqld takes what is declared.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use orrery_worker_api::agent::{Trial, Tried};

use super::body::Body;
use crate::agent::Agent;
use crate::error::Result;
use crate::jobs::to_end;
use crate::trials::run;

/// [`AgentCall::Trial`](orrery_worker_api::routes::AgentCall::Trial).
pub async fn run(State(agent): State<Arc<Agent>>, Body(trial): Body<Trial>) -> Result<Json<Tried>> {
    agent.admit(trial.term)?;
    to_end(async move { run::run(&agent, &trial).await })
        .await
        .map(Json)
}
