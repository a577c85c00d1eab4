//! The lists of blocks while they are needed: agents that are at the same part share its list.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use orrery_worker_api::loader::Load;

use super::plan::{Portion, Unit, by_chunk, index_unit, part_units};
use super::tools::LoadTools;
use crate::disk;
use crate::fault::Fault;
use crate::survey::Finished;
use crate::survey::spool::{Block, PartIndex, index_path};

/// Lists of blocks by file and part.
type Lists = HashMap<(u32, u32), Weak<[Block]>>;

/// What is to be sent, portion by portion.
pub struct Portions<'a> {
    tools: &'a LoadTools,
    finished: &'a Finished,
    load: &'a Load,
    /// Each is here while units of it are.
    lists: Mutex<Lists>,
}

impl<'a> Portions<'a> {
    /// The rows of `finished` for the agents that `load` names.
    pub fn new(tools: &'a LoadTools, finished: &'a Finished, load: &'a Load) -> Self {
        Self {
            tools,
            finished,
            load,
            lists: Mutex::default(),
        }
    }

    /// The units of `portion`.
    pub async fn units(&self, portion: Portion) -> Result<Vec<Unit>, Fault> {
        match portion {
            Portion::Part { file, part } => {
                let blocks = self.blocks(file, part).await?;
                Ok(part_units(self.finished, self.load, (file, part), &blocks))
            }
            Portion::Index(piece) => {
                let attempt = self.load.index_attempt;
                let attempt = attempt.ok_or(Fault::Internal("attempt of the index"))?;
                Ok(vec![index_unit(attempt, piece)])
            }
        }
    }

    async fn blocks(&self, file: u32, part: u32) -> Result<Arc<[Block]>, Fault> {
        if let Some(blocks) = self.kept(file, part) {
            return Ok(blocks);
        }
        let path = index_path(&self.tools.directory, file, part);
        let read = tokio::task::spawn_blocking(move || disk::read_json::<PartIndex>(&path));
        let index = read.await.ok().flatten().ok_or(Fault::Internal("spool"))?;
        let blocks = by_chunk(index);
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.retain(|_, blocks| blocks.strong_count() > 0);
        lists.insert((file, part), Arc::downgrade(&blocks));
        Ok(blocks)
    }

    fn kept(&self, file: u32, part: u32) -> Option<Arc<[Block]>> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.get(&(file, part))?.upgrade()
    }
}
