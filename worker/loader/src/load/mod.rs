//! The load: spooled rows to every replica, each (chunk, set, file, part) in one stream that the agent commits as a whole.
//!
//! ```text
//! ledgers of all agents ─▶ plan (what each agent still lacks) ─▶ streams, a few per agent ─▶ lost agents, or all committed
//! ```
//!
//! Keeps true: a part that a ledger names is not sent again, so a load may be interrupted and repeated at any point; an agent that fails
//! for good is named and the others go on, but never past the moment when some chunk has no agent left.

pub mod plan;
mod stream;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{join_all, try_join_all};
use futures::stream::{self as streams, StreamExt};
use orrery_worker_api::agent::{Ledger, SourceFiles};
use orrery_worker_api::client::Agents;
use orrery_worker_api::loader::Load;
use orrery_worker_api::{CallError, Retry};

use crate::disk;
use crate::fault::Fault;
use crate::progress::{self, Progress};
use crate::survey::{Finished, dropped_path, rejects};
use plan::{Plan, Unit};
use stream::Spool;

/// Agents that failed for good, with the reason.
pub type Lost = Mutex<BTreeMap<String, String>>;

/// What a load works with.
#[derive(Clone)]
pub struct LoadTools {
    /// Calls agents.
    pub agents: Agents,
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

/// Sends everything `load` asks for.
pub async fn run(tools: LoadTools, finished: &Finished, load: &Load) -> Result<(), Fault> {
    let spool = Arc::new(open_spool(&tools.directory)?);
    let units = plan::units(&tools.directory, finished, load)?;
    let ledgers = ledgers(&tools, load).await;
    let plan = Plan::new(units, &ledgers);
    tools.progress.begin_load(plan.rows_to_load(finished, load));
    progress::add(&tools.progress.rows_loaded, plan.already);
    check_replicas(&tools, load)?;
    keep_records(&tools, finished, load).await?;
    let by_agent = plan.by_agent.into_iter().map(|(agent, units)| {
        let (tools, spool) = (&tools, &spool);
        async move { send_all(tools, spool, &agent, units, load).await }
    });
    try_join_all(by_agent).await.map(|_| ())
}

fn open_spool(directory: &Path) -> Result<Spool, Fault> {
    let dropped: Vec<(u32, u64)> =
        disk::read_json(&dropped_path(directory)).ok_or(Fault::Internal("spool"))?;
    Ok(Spool::new(directory, dropped.into_iter().collect()))
}

/// Ledgers by agent and attempt; an agent that gives none is lost.
async fn ledgers(tools: &LoadTools, load: &Load) -> BTreeMap<(String, u64), Ledger> {
    let asks = plan::attempts(load)
        .into_iter()
        .map(|(agent, attempt)| async move {
            let answer = ledger(tools, &agent, attempt).await;
            ((agent, attempt), answer)
        });
    let mut ledgers = BTreeMap::new();
    for ((agent, attempt), answer) in join_all(asks).await {
        match answer {
            Ok(ledger) => {
                ledgers.insert((agent, attempt), ledger);
            }
            Err(error) => lose(tools, &agent, &error.to_string()),
        }
    }
    ledgers
}

async fn ledger(tools: &LoadTools, agent: &str, attempt: u64) -> Result<Ledger, CallError> {
    let client = tools.agents.at(agent)?;
    tools.retry.run(|| client.ledger(attempt)).await
}

/// Files and rejects go to the agents that keep the records of the attempt, before any row does.
async fn keep_records(tools: &LoadTools, finished: &Finished, load: &Load) -> Result<(), Fault> {
    let files = SourceFiles {
        files: finished.surveyed.files.clone(),
    };
    let rejects = rejects::list_path(&tools.directory);
    let mut kept = load.record_keepers.is_empty();
    for agent in &load.record_keepers {
        let put: Result<(), CallError> = async {
            let (client, retry) = (tools.agents.at(agent)?, tools.retry);
            retry.run(|| client.put_files(load.attempt, &files)).await?;
            retry
                .run(|| client.put_rejects(load.attempt, stream::file_body(&rejects)))
                .await
        }
        .await;
        match put {
            Ok(()) => kept = true,
            Err(error) => lose(tools, agent, &format!("files and rejects: {error}")),
        }
    }
    if !kept {
        return Err(Fault::Unreachable {
            who: load.record_keepers.join(", "),
            what: "no agent keeps the list of files and rejects".into(),
        });
    }
    check_replicas(tools, load)
}

/// Sends `units` to `agent`; its end is an error only when rows have nowhere to go any more.
async fn send_all(
    tools: &LoadTools,
    spool: &Arc<Spool>,
    agent: &str,
    units: Vec<Unit>,
    load: &Load,
) -> Result<(), Fault> {
    let mut sends = streams::iter(units)
        .map(|unit| stream::send(tools, spool, agent, unit))
        .buffer_unordered(tools.streams);
    while let Some(sent) = sends.next().await {
        if is_lost(tools, agent) {
            return Ok(());
        }
        match sent {
            Ok(rows) => {
                progress::add(&tools.progress.rows_loaded, rows);
            }
            Err(reason) => {
                lose(tools, agent, &reason);
                return check_replicas(tools, load);
            }
        }
    }
    Ok(())
}

fn lose(tools: &LoadTools, agent: &str, reason: &str) {
    tracing::warn!(agent, reason, "agent lost; the load goes on without it");
    let mut lost = tools.lost.lock().unwrap_or_else(PoisonError::into_inner);
    lost.entry(agent.to_owned()).or_insert_with(|| reason.to_owned());
}

fn is_lost(tools: &LoadTools, agent: &str) -> bool {
    tools
        .lost
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .contains_key(agent)
}

/// Every chunk and hash chunk must have an agent that is not lost.
fn check_replicas(tools: &LoadTools, load: &Load) -> Result<(), Fault> {
    let lost = tools.lost.lock().unwrap_or_else(PoisonError::into_inner);
    let chunks = load.chunks.iter().map(|(chunk, agents)| ("chunk", chunk, agents));
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
