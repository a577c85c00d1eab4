//! What each agent still lacks. Pure but for reading the lists of blocks.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use orrery_archive::names::{ChunkId, RowSet};
use orrery_worker_api::agent::{Ledger, LoadTarget, TablePart};
use orrery_worker_api::loader::{Load, SurveyTarget};

use crate::disk;
use crate::fault::Fault;
use crate::survey::spool::{Block, PartIndex, index_path as part_index_path};
use crate::survey::{Finished, IndexPiece};

/// One stream to one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Attempt it belongs to.
    pub attempt: u64,
    /// Where the rows go.
    pub target: LoadTarget,
    /// Where they are.
    pub rows: UnitRows,
}

/// Where a unit's rows are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitRows {
    /// Blocks of a spooled part, in order.
    Blocks(Vec<Block>),
    /// A piece of index rows.
    Index(IndexPiece),
}

/// Units by agent, without those the agents have.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What to send.
    pub by_agent: BTreeMap<String, Vec<Unit>>,
    /// Rows the ledgers name.
    pub already: u64,
}

/// Every unit with the agents it goes to, in the order of files, parts and chunks.
pub fn units(
    directory: &Path,
    finished: &Finished,
    load: &Load,
) -> Result<Vec<(Unit, Vec<String>)>, Fault> {
    let reference = matches!(finished.survey.target, SurveyTarget::Reference { .. });
    let mut units = Vec::new();
    for (file, parts) in (0..).zip(&finished.parts) {
        for part in parts {
            let index: PartIndex = disk::read_json(&part_index_path(directory, file, *part))
                .ok_or(Fault::Internal("spool"))?;
            for ((chunk, set), blocks) in by_chunk(&index) {
                let target = LoadTarget {
                    part: if reference {
                        TablePart::Reference
                    } else {
                        set.into()
                    },
                    chunk,
                    file,
                    file_part: *part,
                };
                let unit = Unit {
                    attempt: load.attempt,
                    target,
                    rows: UnitRows::Blocks(blocks),
                };
                // A chunk whose rows were all dropped needs no place.
                let placed = finished.surveyed.chunks.contains_key(&chunk);
                if placed {
                    units.push((unit, agents(&load.chunks, chunk, "chunk")?));
                }
            }
        }
    }
    for piece in &finished.index {
        let Some(attempt) = load.index_attempt else {
            return Err(Fault::NoReplica(
                "the survey has index entries, the load names no index attempt".into(),
            ));
        };
        let unit = Unit {
            attempt,
            target: LoadTarget {
                part: TablePart::Index,
                chunk: piece.chunk,
                file: 0,
                file_part: piece.piece,
            },
            rows: UnitRows::Index(*piece),
        };
        units.push((unit, agents(&load.index_chunks, piece.chunk, "hash chunk")?));
    }
    Ok(units)
}

fn by_chunk(index: &PartIndex) -> BTreeMap<(ChunkId, RowSet), Vec<Block>> {
    let mut chunks: BTreeMap<_, Vec<Block>> = BTreeMap::new();
    for block in &index.blocks {
        chunks
            .entry((block.chunk, block.set))
            .or_default()
            .push(*block);
    }
    chunks
}

fn agents(
    chunks: &BTreeMap<ChunkId, Vec<String>>,
    chunk: ChunkId,
    what: &str,
) -> Result<Vec<String>, Fault> {
    chunks
        .get(&chunk)
        .filter(|agents| !agents.is_empty())
        .cloned()
        .ok_or_else(|| Fault::NoReplica(format!("the load names no agent for {what} {chunk}")))
}

/// Every agent with the attempts it takes part in.
pub fn attempts(load: &Load) -> BTreeSet<(String, u64)> {
    let rows = load
        .chunks
        .values()
        .flatten()
        .map(|agent| (agent.clone(), load.attempt));
    let index = load.index_chunks.values().flatten();
    let index = load
        .index_attempt
        .into_iter()
        .flat_map(|attempt| index.clone().map(move |agent| (agent.clone(), attempt)));
    rows.chain(index).collect()
}

impl Plan {
    /// Leaves out what `ledgers` (by agent and attempt) name, and agents without a ledger.
    pub fn new(units: Vec<(Unit, Vec<String>)>, ledgers: &BTreeMap<(String, u64), Ledger>) -> Self {
        let done: HashSet<(&str, u64, &LoadTarget)> = ledgers
            .iter()
            .flat_map(|((agent, attempt), ledger)| {
                let parts = ledger.parts.iter();
                parts.map(move |part| (agent.as_str(), *attempt, &part.target))
            })
            .collect();
        let mut plan = Self {
            already: ledgers
                .values()
                .flat_map(|ledger| &ledger.parts)
                .map(|part| part.rows)
                .sum(),
            ..Self::default()
        };
        for (unit, agents) in units {
            for agent in agents {
                let open = ledgers.contains_key(&(agent.clone(), unit.attempt));
                if open && !done.contains(&(agent.as_str(), unit.attempt, &unit.target)) {
                    plan.by_agent.entry(agent).or_default().push(unit.clone());
                }
            }
        }
        plan
    }

    /// Row copies the load consists of.
    pub fn rows_to_load(&self, finished: &Finished, load: &Load) -> u64 {
        let rows = finished.surveyed.chunks.iter().map(|(chunk, rows)| {
            (rows.rows + rows.overlap_rows) * load.chunks.get(chunk).map_or(0, Vec::len) as u64
        });
        let index =
            finished.surveyed.index_chunks.iter().map(|(chunk, rows)| {
                rows * load.index_chunks.get(chunk).map_or(0, Vec::len) as u64
            });
        rows.chain(index).sum()
    }
}
