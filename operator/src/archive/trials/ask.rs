//! Asking workers, one after the other until one answers.

use orrery_worker_api::CallError;
use orrery_worker_api::agent::Trial;

use super::subject::{Asked, Word};
use crate::agents::{AgentError, Agents};

/// Status of a call that an agent does not have.
const NOT_FOUND: u16 = 404;
/// Most workers that are asked before the round ends.
const MOST: usize = 3;

/// What MariaDB says of the tables, or why no worker told.
pub async fn ask(
    agents: &Agents,
    namespace: &str,
    workers: &[Asked],
    trial: &Trial,
) -> Result<Word, String> {
    let mut troubles = Vec::new();
    for worker in workers.iter().take(MOST) {
        let asked = match agents.of(namespace, worker.id, &worker.address) {
            Ok(agent) => agent.try_tables(trial).await.map_err(AgentError::from),
            Err(error) => Err(error),
        };
        match asked {
            Ok(tried) => return Ok(tried.refusal.map_or(Word::Taken, Word::Refused)),
            Err(error) => {
                tracing::debug!(namespace, worker = worker.name, %error, "a worker did not try a table");
                troubles.push(format!("{}: {}", worker.name, in_words(&error)));
            }
        }
    }
    Err(troubles.join("; "))
}

fn in_words(error: &AgentError) -> String {
    match error {
        AgentError::Call(CallError::Refused { status, .. }) if status.as_u16() == NOT_FOUND => {
            "its agent is of an older version, which cannot try tables".into()
        }
        error => error.to_string(),
    }
}
