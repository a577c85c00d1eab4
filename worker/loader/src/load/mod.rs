//! The load: spooled rows to every replica, each (chunk, set, file, part) in one stream that the
//! agent commits as a whole.
//!
//! ```text
//! ledgers of all agents ─▶ per agent, part after part: plan (what it lacks) ─▶ a few streams ─▶ lost agents, or all committed
//! ```
//!
//! Keeps true: a part that a ledger names is not sent again, so a load may be interrupted and
//! repeated at any point; an agent that fails for good is named and the others go on, but never
//! past the moment when some chunk has no agent left.

pub mod plan;
mod portions;
mod stream;
mod tools;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures::future::{join_all, try_join_all};
use futures::stream::{FuturesUnordered, StreamExt};
use orrery_worker_api::CallError;
use orrery_worker_api::agent::{Ledger, SourceFiles};
use orrery_worker_api::loader::Load;

use crate::disk;
use crate::fault::Fault;
use crate::progress;
use crate::survey::{Finished, dropped_path, rejects};
use plan::{Done, Portion, Unit};
use portions::Portions;
use stream::Spool;

pub use tools::{LoadTools, Lost};

/// Sends everything `load` asks for.
pub async fn run(tools: LoadTools, finished: &Finished, load: &Load) -> Result<(), Fault> {
    let spool = Arc::new(open_spool(&tools.directory)?);
    plan::check_places(finished, load)?;
    let done = Done::of(ledgers(&tools, load).await);
    let to_load = plan::rows_to_load(finished, load);
    tools.progress.begin_load(to_load);
    progress::add(&tools.progress.rows_loaded, done.rows);
    tools.check_replicas(load)?;
    keep_records(&tools, finished, load).await?;
    let portions = Portions::new(&tools, finished, load);
    let sending = Sending {
        tools: &tools,
        spool: &spool,
        portions: &portions,
        done: &done,
        finished,
        load,
    };
    try_join_all(done.agents().map(|agent| sending.send_all(agent)))
        .await
        .map(drop)
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
            Err(error) => tools.lose(&agent, &error.to_string()),
        }
    }
    ledgers
}

async fn ledger(tools: &LoadTools, agent: &str, attempt: u64) -> Result<Ledger, CallError> {
    let ask = || async { tools.agents.at(agent)?.ledger(attempt).await };
    tools.retry.run(ask).await
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
            Err(error) => tools.lose(agent, &format!("files and rejects: {error}")),
        }
    }
    if !kept {
        return Err(Fault::Unreachable {
            who: load.record_keepers.join(", "),
            what: "no agent keeps the list of files and rejects".into(),
        });
    }
    tools.check_replicas(load)
}

/// A load under way, for each of its agents.
struct Sending<'a> {
    tools: &'a LoadTools,
    spool: &'a Arc<Spool>,
    portions: &'a Portions<'a>,
    done: &'a Done,
    finished: &'a Finished,
    load: &'a Load,
}

impl Sending<'_> {
    /// Sends `agent` what it lacks; its end is an error only when rows have nowhere to go any more.
    async fn send_all(&self, agent: &str) -> Result<(), Fault> {
        let tools = self.tools;
        let mut portions = plan::portions(self.finished);
        let mut units = Vec::new().into_iter();
        let mut sends = FuturesUnordered::new();
        loop {
            while sends.len() < tools.streams {
                if let Some(unit) = units.next() {
                    sends.push(stream::send(tools, self.spool, agent, unit));
                } else if let Some(portion) = portions.next() {
                    units = self.lacking(agent, portion).await?.into_iter();
                } else {
                    break;
                }
            }
            let Some(sent) = sends.next().await else {
                return Ok(());
            };
            if tools.is_lost(agent) {
                return Ok(());
            }
            match sent {
                Ok(rows) => {
                    progress::add(&tools.progress.rows_loaded, rows);
                }
                Err(reason) => {
                    tools.lose(agent, &reason);
                    return tools.check_replicas(self.load);
                }
            }
        }
    }

    /// The units of `portion` that `agent` lacks.
    async fn lacking(&self, agent: &str, portion: Portion) -> Result<Vec<Unit>, Fault> {
        let mut units = self.portions.units(portion).await?;
        units.retain(|unit| self.done.lacks(agent, unit, self.load));
        Ok(units)
    }
}
