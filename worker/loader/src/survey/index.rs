//! Asks the agents what the director index knows of keys.
//!
//! Every hash chunk is asked at one of the agents that hold it; when that one does not answer, at
//! the next. No answer from any of them ends the survey: an unknown key would count as an orphan.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use futures::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use orrery_archive::catalog::hash_chunk;
use orrery_archive::names::ChunkId;
use orrery_sky::Cell;
use orrery_worker_api::agent::{IndexEntries, IndexLookup};
use orrery_worker_api::loader::{IndexLocation, IndexPlace};
use orrery_worker_api::{CallError, Retry, Transient};

use super::place::Known;
use crate::fault::Fault;
use crate::peers::Peers;

/// Keys of one look-up; bounds the request's size.
const KEYS: usize = 5_000;
/// Look-ups under way at once.
const AT_ONCE: usize = 8;
/// Keys remembered; at some 200 bytes each, a bound on memory.
const REMEMBERED: usize = 100_000;

/// The index of one director.
#[derive(Debug)]
pub struct IndexClient {
    agents: Peers,
    location: IndexLocation,
    retry: Retry,
    remembered: Mutex<Known>,
}

impl IndexClient {
    /// Asks `agents` for what lies at `location`; a hash chunk that no agent answers for during the
    /// tries is unreachable.
    pub fn new(agents: Peers, location: IndexLocation, retry: Retry) -> Self {
        Self {
            agents,
            location,
            retry,
            remembered: Mutex::default(),
        }
    }

    /// What is known of `keys`; a key that is not in the answer is not in the index.
    pub async fn find(&self, keys: BTreeSet<&[u8]>) -> Result<Known, Fault> {
        let mut asks: BTreeMap<ChunkId, Vec<String>> = BTreeMap::new();
        for key in keys {
            let chunk = hash_chunk(key, self.location.chunks);
            if self.location.places.contains_key(&chunk) {
                asks.entry(chunk)
                    .or_default()
                    .push(String::from_utf8_lossy(key).into_owned());
            }
        }
        let mut calls = Vec::new();
        for (chunk, keys) in &asks {
            if let Some(place) = self.location.places.get(chunk) {
                calls.extend(
                    keys.chunks(KEYS)
                        .map(|keys| self.ask(*chunk, place, keys).boxed()),
                );
            }
        }
        let answers: Vec<IndexEntries> = stream::iter(calls)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let mut known: Known = HashMap::new();
        for (key, chunk, sub_chunk, orphan) in answers.into_iter().flat_map(|answer| answer.entries)
        {
            let cell = Cell { chunk, sub_chunk };
            known
                .entry(key.into_bytes())
                .or_default()
                .push((cell, orphan));
        }
        Ok(known)
    }

    /// As [`Self::find`], remembering answers: children of one director row mostly stand together.
    pub async fn find_remembering(&self, keys: BTreeSet<&[u8]>) -> Result<Known, Fault> {
        let mut known = Known::new();
        let mut missing = BTreeSet::new();
        {
            let remembered = self
                .remembered
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            for key in keys {
                match remembered.get(key) {
                    Some(entries) => {
                        known.insert(key.to_vec(), entries.clone());
                    }
                    None => {
                        missing.insert(key);
                    }
                }
            }
        }
        if missing.is_empty() {
            return Ok(known);
        }
        let mut found = self.find(missing.clone()).await?;
        for key in missing {
            found.entry(key.to_vec()).or_default();
        }
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if remembered.len() + found.len() > REMEMBERED {
            remembered.clear();
        }
        remembered.extend(
            found
                .iter()
                .map(|(key, entries)| (key.clone(), entries.clone())),
        );
        drop(remembered);
        known.extend(found);
        Ok(known)
    }

    async fn ask(
        &self,
        chunk: ChunkId,
        place: &IndexPlace,
        keys: &[String],
    ) -> Result<IndexEntries, Fault> {
        let lookup = IndexLookup {
            tables: place.tables.clone(),
            keys: keys.to_vec(),
        };
        let asked = self.retry.run(|| self.ask_in_turn(&place.agents, &lookup));
        asked.await.map_err(|nothing| Fault::Unreachable {
            who: format!("hash chunk {chunk} of the director index"),
            what: nothing.to_string(),
        })
    }

    /// The answer of the first agent that gives one.
    async fn ask_in_turn(
        &self,
        agents: &[String],
        lookup: &IndexLookup,
    ) -> Result<IndexEntries, NoAnswer> {
        let mut failures = Vec::new();
        for agent in agents {
            match self.lookup(agent, lookup).await {
                Ok(entries) => return Ok(entries),
                Err(error) => {
                    tracing::warn!(agent, %error, "index look-up failed");
                    failures.push((agent.clone(), error));
                }
            }
        }
        Err(NoAnswer(failures))
    }

    async fn lookup(&self, agent: &str, lookup: &IndexLookup) -> Result<IndexEntries, CallError> {
        self.agents.at(agent)?.lookup(lookup).await
    }
}

/// Why each agent that holds a hash chunk gave no answer.
struct NoAnswer(Vec<(String, CallError)>);

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no worker holds it");
        }
        for (index, (agent, error)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{agent}: {error}")?;
        }
        Ok(())
    }
}

impl Transient for NoAnswer {
    fn may_pass(&self) -> bool {
        self.0.iter().any(|(_, error)| error.may_pass())
    }
}
