//! Trials: nothing is accepted that MariaDB refuses (docs/design/catalog.md#validation).
//!
//! A declared table that is sound is made on the mysqld of a live worker, in a scratch database, in
//! every form that it will have; only then is it accepted. What the catalog has was tried. [`plan`]
//! is pure: what is still to be tried, by whom, and what it means for a table; [`ask`] asks agents;
//! [`memory`] keeps what they said, and the questions that wait for an answer, since one round of
//! the controller does not wait long.

mod ask;
mod memory;
mod plan;
mod subject;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use orrery_worker_api::agent::Trial;
use tokio::time::Instant;

use super::observe::Observed;
use super::plan::Plan;
use crate::controller::context::Context;
use memory::Memory;

/// How long a round waits for answers.
const ROUND: Duration = Duration::from_secs(2);
/// Pause while a worker tries tables.
const UNDER_WAY: Duration = Duration::from_millis(500);
/// Pause after workers did not answer.
const SILENT: Duration = Duration::from_secs(2);

/// What is remembered of each archive, by namespace. It may be lost at any time.
#[derive(Default)]
pub struct Trials {
    archives: Mutex<HashMap<String, Shared>>,
}

/// The memory of an archive; held while its workers are asked, which holds up no other archive.
type Shared = Arc<tokio::sync::Mutex<Memory>>;

impl Trials {
    fn of(&self, namespace: &str) -> Shared {
        let archives = self.archives.lock();
        let mut archives = archives.unwrap_or_else(PoisonError::into_inner);
        Arc::clone(archives.entry(namespace.to_owned()).or_default())
    }

    /// Has what is sound be tried, and takes from `plan` what MariaDB refuses and what is not tried
    /// yet. Answers after how long to look again, when no event will say so.
    pub async fn settle(
        &self,
        context: &Context,
        namespace: &str,
        observed: &Observed,
        plan: &mut Plan,
    ) -> Option<Duration> {
        let subjects = plan::subjects(observed, plan);
        let memory = self.of(namespace);
        let mut memory = memory.lock().await;
        memory.keep(&subjects);
        for (place, (uid, subject)) in subjects.iter().enumerate() {
            let Some(tries) = memory.due(uid, Instant::now()) else {
                continue;
            };
            let pool = subject.pool.as_deref();
            let workers = plan::order(&observed.workers, pool, place + tries);
            if workers.is_empty() {
                memory.unasked(uid);
                continue;
            }
            let trial = Trial {
                term: observed.catalog.term,
                database: subject.key.database.clone(),
                table: subject.key.table.clone(),
                tables: subject.tables.clone(),
            };
            let (agents, namespace) = (Arc::clone(&context.agents), namespace.to_owned());
            let asking = async move { ask::ask(&agents, &namespace, &workers, &trial).await };
            memory.asked(uid, tokio::spawn(asking));
        }
        memory.wait(ROUND).await;
        plan::settle(observed, plan, &subjects, &memory.standings());
        if memory.is_under_way() {
            Some(UNDER_WAY)
        } else {
            memory.has_trouble().then_some(SILENT)
        }
    }
}
