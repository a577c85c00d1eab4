//! What the agents lack, one part of the spool after the other, so that memory follows the chunks of
//! a part and not the length of the files. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use orrery_worker_api::agent::{Ledger, LoadTarget, TablePart};
use orrery_worker_api::loader::{Load, SurveyTarget};

use crate::fault::Fault;
use crate::survey::spool::{Block, PartIndex};
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
    Blocks(Blocks),
    /// A piece of index rows.
    Index(IndexPiece),
}

/// Some blocks of a list that the units of a part share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    list: Arc<[Block]>,
    range: Range<usize>,
}

impl Blocks {
    /// The blocks themselves.
    pub fn iter(&self) -> impl Iterator<Item = &Block> {
        self.list.get(self.range.clone()).into_iter().flatten()
    }
}

/// What is sent in one go: the order is that of files and parts, and the index comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portion {
    /// The rows of a part.
    Part {
        /// Index of the file.
        file: u32,
        /// Number of the part in the file.
        part: u32,
    },
    /// Index rows.
    Index(IndexPiece),
}

/// Everything that a survey has to send.
pub fn portions(finished: &Finished) -> impl Iterator<Item = Portion> + '_ {
    let parts = (0..).zip(&finished.parts).flat_map(|(file, parts)| {
        let part = move |part: &u32| Portion::Part { file, part: *part };
        parts.iter().map(part)
    });
    parts.chain(finished.index.iter().copied().map(Portion::Index))
}

/// The blocks of a part by chunk and set, those of one in the order of its rows.
pub fn by_chunk(index: PartIndex) -> Arc<[Block]> {
    let mut blocks = index.blocks;
    blocks.sort_by_key(|block| (block.chunk, block.set));
    blocks.into()
}

/// The units of a part, from its blocks [`by_chunk`].
pub fn part_units(
    finished: &Finished,
    load: &Load,
    (file, part): (u32, u32),
    list: &Arc<[Block]>,
) -> Vec<Unit> {
    let reference = matches!(finished.survey.target, SurveyTarget::Reference { .. });
    let mut units = Vec::new();
    let mut first = 0;
    for blocks in list.chunk_by(|a, b| (a.chunk, a.set) == (b.chunk, b.set)) {
        let range = first..first + blocks.len();
        first = range.end;
        let Some(Block { chunk, set, .. }) = blocks.first() else {
            continue;
        };
        // A chunk whose rows were all dropped needs no place.
        if !finished.surveyed.chunks.contains_key(chunk) {
            continue;
        }
        units.push(Unit {
            attempt: load.attempt,
            target: LoadTarget {
                part: if reference {
                    TablePart::Reference
                } else {
                    (*set).into()
                },
                chunk: *chunk,
                file,
                file_part: part,
            },
            rows: UnitRows::Blocks(Blocks {
                list: Arc::clone(list),
                range,
            }),
        });
    }
    units
}

/// The unit of a piece of index rows.
pub fn index_unit(attempt: u64, piece: IndexPiece) -> Unit {
    Unit {
        attempt,
        target: LoadTarget {
            part: TablePart::Index,
            chunk: piece.chunk,
            file: 0,
            file_part: piece.piece,
        },
        rows: UnitRows::Index(piece),
    }
}

/// Fails when rows of `finished` have nowhere to go.
pub fn check_places(finished: &Finished, load: &Load) -> Result<(), Fault> {
    let surveyed = &finished.surveyed;
    if !surveyed.index_chunks.is_empty() && load.index_attempt.is_none() {
        return Err(Fault::NoReplica(
            "the survey has index entries, the load names no index attempt".into(),
        ));
    }
    let chunks = surveyed.chunks.keys().map(|chunk| (chunk, &load.chunks));
    let chunks = chunks.map(|(chunk, places)| ("chunk", chunk, places));
    let index = surveyed.index_chunks.keys();
    let index = index.map(|chunk| ("hash chunk", chunk, &load.index_chunks));
    for (what, chunk, places) in chunks.chain(index) {
        if places.get(chunk).is_none_or(Vec::is_empty) {
            return Err(Fault::NoReplica(format!(
                "the load names no agent for {what} {chunk}"
            )));
        }
    }
    Ok(())
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

/// What the agents have already.
#[derive(Debug, Default)]
pub struct Done {
    /// By agent, for each attempt that it has opened.
    parts: HashMap<String, HashMap<u64, HashSet<LoadTarget>>>,
    /// Rows that the ledgers name.
    pub rows: u64,
}

impl Done {
    /// What `ledgers` (by agent and attempt) name.
    pub fn of(ledgers: BTreeMap<(String, u64), Ledger>) -> Self {
        let mut done = Self::default();
        for ((agent, attempt), ledger) in ledgers {
            done.rows += ledger.parts.iter().map(|part| part.rows).sum::<u64>();
            let targets = ledger.parts.into_iter().map(|part| part.target).collect();
            let attempts = done.parts.entry(agent).or_default();
            attempts.insert(attempt, targets);
        }
        done
    }

    /// The agents that gave a ledger.
    pub fn agents(&self) -> impl Iterator<Item = &str> {
        self.parts.keys().map(String::as_str)
    }

    /// Whether `agent` is to get `unit`: it holds the chunk, has opened the attempt, and lacks the
    /// rows.
    pub fn lacks(&self, agent: &str, unit: &Unit, load: &Load) -> bool {
        let places = match unit.rows {
            UnitRows::Blocks(_) => &load.chunks,
            UnitRows::Index(_) => &load.index_chunks,
        };
        let holders = places.get(&unit.target.chunk);
        let holds = holders.is_some_and(|holders| holders.iter().any(|holder| holder == agent));
        let attempts = self.parts.get(agent);
        let targets = attempts.and_then(|attempts| attempts.get(&unit.attempt));
        holds && targets.is_some_and(|targets| !targets.contains(&unit.target))
    }
}

/// Row copies the load consists of.
pub fn rows_to_load(finished: &Finished, load: &Load) -> u64 {
    let rows = finished.surveyed.chunks.iter().map(|(chunk, rows)| {
        (rows.rows + rows.overlap_rows) * load.chunks.get(chunk).map_or(0, Vec::len) as u64
    });
    let index = finished
        .surveyed
        .index_chunks
        .iter()
        .map(|(chunk, rows)| rows * load.index_chunks.get(chunk).map_or(0, Vec::len) as u64);
    rows.chain(index).sum()
}

#[cfg(test)]
mod tests {
    use orrery_archive::ingest::IngestSummary;
    use orrery_archive::names::RowSet;
    use orrery_worker_api::agent::Loaded;
    use orrery_worker_api::loader::{ChunkRows, Survey, Surveyed};
    use serde_json::json;

    use super::*;

    /// A survey of two files, the second in two parts, with rows in the chunks 3 and 5.
    fn finished() -> Finished {
        let survey: Survey = serde_json::from_value(json!({
            "id": "uid/1", "sources": [], "dialect": {}, "fields": [], "maxRejects": 0,
            "positions": "reject", "orphans": "keep", "misplacedChildren": "reject",
            "expectedFiles": null,
            "target": {"director": {
                "grid": {"scheme": "hash", "chunks": 9},
                "index": {"chunks": 1, "keyType": "BIGINT", "places": {}},
                "table": {
                    "family": "f", "key": "id", "position": null, "columns": [], "indexes": [],
                    "uniqueKey": "enforced", "charset": "utf8mb4", "collation": "utf8mb4_bin",
                    "scanRating": 1, "qservCompat": false,
                },
            }},
        }))
        .unwrap();
        let piece = IndexPiece {
            chunk: 0,
            piece: 0,
            offset: 0,
            length: 9,
            rows: 3,
        };
        Finished {
            survey,
            surveyed: Surveyed {
                files: Vec::new(),
                chunks: [3, 5].map(|chunk| (chunk, ChunkRows::default())).into(),
                index_chunks: [(0, 3)].into(),
            },
            summary: IngestSummary::default(),
            samples: Vec::new(),
            records: 3,
            bytes: 9,
            parts: vec![vec![0], vec![0, 1]],
            index: vec![piece],
        }
    }

    fn load() -> Load {
        let agents = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Load {
            id: "uid/1".into(),
            attempt: 7,
            index_attempt: Some(8),
            chunks: [(3, agents(&["a", "b"])), (5, agents(&["b"]))].into(),
            index_chunks: [(0, agents(&["a"]))].into(),
            record_keepers: Vec::new(),
        }
    }

    fn block(chunk: u32, set: RowSet, offset: u64) -> Block {
        Block {
            chunk,
            set,
            offset,
            length: 1,
        }
    }

    fn units() -> Vec<Unit> {
        let blocks = vec![
            block(5, RowSet::Home, 0),
            block(3, RowSet::Overlap, 1),
            block(3, RowSet::Home, 2),
            block(4, RowSet::Home, 3),
            block(5, RowSet::Home, 4),
        ];
        part_units(
            &finished(),
            &load(),
            (1, 0),
            &by_chunk(PartIndex { blocks }),
        )
    }

    #[test]
    fn a_part_is_sent_by_chunk_with_its_blocks_in_order_and_without_dropped_chunks() {
        let offsets = |unit: &Unit| match &unit.rows {
            UnitRows::Blocks(blocks) => blocks.iter().map(|block| block.offset).collect(),
            UnitRows::Index(_) => Vec::new(),
        };
        let sent: Vec<_> = units()
            .iter()
            .map(|unit| (unit.target.chunk, unit.target.part, offsets(unit)))
            .collect();
        assert_eq!(
            sent,
            [
                (3, TablePart::Home, vec![2]),
                (3, TablePart::Overlap, vec![1]),
                (5, TablePart::Home, vec![0, 4]),
            ]
        );
    }

    #[test]
    fn portions_come_in_the_order_of_files_and_parts_and_the_index_last() {
        let finished = finished();
        let part = |file, part| Portion::Part { file, part };
        let all: Vec<_> = portions(&finished).collect();
        let index = Portion::Index(finished.index[0]);
        assert_eq!(all, [part(0, 0), part(1, 0), part(1, 1), index]);
    }

    #[test]
    fn an_agent_gets_what_it_holds_has_opened_and_lacks() {
        let units = units();
        let target = units[0].target.clone();
        let loaded = Loaded {
            target,
            rows: 2,
            bytes: 9,
            already: false,
        };
        let ledger = |parts| Ledger { parts };
        let done = Done::of(
            [
                (("a".to_owned(), 7), ledger(vec![loaded])),
                (("b".to_owned(), 7), ledger(Vec::new())),
            ]
            .into(),
        );
        assert_eq!(done.rows, 2);
        let lacked = |agent: &str| -> Vec<bool> {
            units
                .iter()
                .map(|unit| done.lacks(agent, unit, &load()))
                .collect()
        };
        assert_eq!(lacked("a"), [false, true, false]);
        assert_eq!(lacked("b"), [true, true, true]);
        assert_eq!(lacked("lost"), [false, false, false]);
        let index = index_unit(8, finished().index[0]);
        assert!(
            !done.lacks("a", &index, &load()),
            "it has not opened the attempt of the index"
        );
    }

    #[test]
    fn rows_without_an_agent_are_an_error_before_any_is_sent() {
        check_places(&finished(), &load()).unwrap();
        let mut lacking = load();
        lacking.chunks.insert(5, Vec::new());
        assert!(check_places(&finished(), &lacking).is_err());
        let without = Load {
            index_attempt: None,
            ..load()
        };
        assert!(check_places(&finished(), &without).is_err());
    }
}
