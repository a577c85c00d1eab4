//! What a load works with, and the agents it has lost.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use orrery_worker_api::Retry;
use orrery_worker_api::loader::Load;

use crate::fault::Fault;
use crate::peers::Peers;
use crate::progress::Progress;

/// Agents that failed for good, with the reason.
pub type Lost = Mutex<BTreeMap<String, String>>;

/// What a load works with.
#[derive(Clone)]
pub struct LoadTools {
    /// Calls agents.
    pub agents: Peers,
    /// How often.
    pub retry: Retry,
    /// Parts sent to one agent at once.
    pub streams: usize,
    /// The survey's directory.
    pub directory: PathBuf,
    /// Counters.
    pub progress: Arc<Progress>,
    /// Lost agents.
    pub lost: Arc<Lost>,
}

impl LoadTools {
    /// Gives an agent up.
    pub(super) fn lose(&self, agent: &str, reason: &str) {
        tracing::warn!(agent, reason, "agent lost; the load continues without it");
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.entry(agent.to_owned())
            .or_insert_with(|| reason.to_owned());
    }

    /// Whether an agent was given up.
    pub(super) fn is_lost(&self, agent: &str) -> bool {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.contains_key(agent)
    }

    /// Every chunk and hash chunk must have an agent that is not lost.
    pub(super) fn check_replicas(&self, load: &Load) -> Result<(), Fault> {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let chunks = load
            .chunks
            .iter()
            .map(|(chunk, agents)| ("chunk", chunk, agents));
        let hash_chunks = load
            .index_chunks
            .iter()
            .map(|(chunk, agents)| ("hash chunk", chunk, agents));
        for (what, chunk, agents) in chunks.chain(hash_chunks) {
            if agents.iter().all(|agent| lost.contains_key(agent)) {
                let reasons: BTreeSet<String> = agents
                    .iter()
                    .filter_map(|agent| Some(format!("{agent}: {}", lost.get(agent)?)))
                    .collect();
                return Err(Fault::NoReplica(format!(
                    "{what} {chunk} has no agent left ({})",
                    reasons.into_iter().collect::<Vec<_>>().join("; ")
                )));
            }
        }
        Ok(())
    }
}
