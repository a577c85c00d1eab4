//! What the dispatcher runs for a plan: its chunks, or one statement over whole reference tables.

use std::sync::Arc;

use async_trait::async_trait;
use orrery_archive::names::{ChunkId, WorkerId};
use orrery_plan::{ChunkSelection, Plan, Renderer, TableRole, Template, Work};

use crate::catalogs::{Catalogs, Current};
use crate::dispatch::{DispatchError, Units, Workers};
use crate::placement;

/// The chunks of a plan.
pub struct ChunkUnits {
    plan: Arc<Plan>,
    current: Arc<Current>,
    catalogs: Arc<Catalogs>,
    family: String,
    chunks: Vec<ChunkId>,
}

impl ChunkUnits {
    /// Units of a plan made for the catalog of `current`; `selection` is the plan's, with its keys looked up.
    pub fn new(
        plan: Arc<Plan>,
        selection: &ChunkSelection,
        current: Arc<Current>,
        catalogs: Arc<Catalogs>,
    ) -> Result<Self, DispatchError> {
        let mut units = Self {
            plan,
            current,
            catalogs,
            family: String::new(),
            chunks: Vec::new(),
        };
        let Work::Chunks(work) = &units.plan.work else {
            return Ok(units);
        };
        let chunks = units.renderer(&work.template)?.chunks(selection);
        let chunked = units
            .plan
            .tables
            .iter()
            .find(|table| table.role == TableRole::Chunked);
        let family = chunked.and_then(|table| placement::family_of(units.current.catalog(), &table.key));
        family.unwrap_or_default().clone_into(&mut units.family);
        units.chunks = chunks;
        Ok(units)
    }

    /// Chunk ids, ascending.
    pub fn chunks(&self) -> &[ChunkId] {
        &self.chunks
    }

    /// Rows of a chunk and their bytes if nothing is filtered out: the averages of the largest table.
    pub fn size_of_chunk(&self) -> (u64, u64) {
        let average = |table: &orrery_plan::TableUse| {
            let segments = &self.current.catalog().tables.get(&table.key)?.segments;
            let rows: u64 = segments.iter().map(|segment| segment.rows).sum();
            let bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
            let chunks = segments.iter().map(|segment| segment.home.len()).max()?.max(1) as u64;
            Some((rows / chunks, bytes / chunks))
        };
        let chunked = self.plan.tables.iter().filter(|table| table.role.is_chunked());
        chunked.filter_map(average).max().unwrap_or_default()
    }

    fn renderer<'a>(&'a self, template: &'a Template) -> Result<Renderer<'a>, DispatchError> {
        renderer(&self.plan, template, &self.current)
    }

    fn template(&self) -> Option<&Template> {
        match &self.plan.work {
            Work::Chunks(work) => Some(&work.template),
            _ => None,
        }
    }
}

fn renderer<'a>(
    plan: &'a Plan,
    template: &'a Template,
    current: &'a Current,
) -> Result<Renderer<'a>, DispatchError> {
    Renderer::new(template, &plan.tables, plan.data_epoch, current.catalog())
        .map_err(|error| DispatchError::Render(error.to_string()))
}

#[async_trait]
impl Units for ChunkUnits {
    fn count(&self) -> usize {
        self.chunks.len()
    }

    fn name(&self, unit: usize) -> String {
        let chunk = self.chunks.get(unit).copied().unwrap_or_default();
        let tables: Vec<String> = self
            .plan
            .tables
            .iter()
            .map(|table| table.key.to_string())
            .collect();
        format!("chunk {chunk} of {}", tables.join(", "))
    }

    fn statements(&self, unit: usize) -> Result<Vec<String>, DispatchError> {
        match (self.chunks.get(unit), self.template()) {
            (Some(chunk), Some(template)) => Ok(self.renderer(template)?.statements(*chunk)),
            _ => Ok(Vec::new()),
        }
    }

    fn workers(&self, unit: usize) -> Vec<WorkerId> {
        let (Some(chunk), Some(template)) = (self.chunks.get(unit), self.template()) else {
            return Vec::new();
        };
        let Ok(renderer) = self.renderer(template) else {
            return Vec::new();
        };
        // The data is that of the plan, the placement the newest there is.
        let newest = self.catalogs.current().unwrap_or_else(|| self.current.clone());
        placement::holders(newest.catalog(), &self.family, *chunk, &renderer.segments(*chunk))
    }

    async fn look_for_newer(&self) {
        self.catalogs.ask_agents().await;
    }
}

/// One statement over reference tables, which every worker has.
pub struct WholeUnit {
    plan: Arc<Plan>,
    statement: String,
    workers: Arc<Workers>,
}

impl WholeUnit {
    /// The one statement of the plan.
    pub fn new(
        plan: Arc<Plan>,
        template: &Template,
        current: &Current,
        workers: Arc<Workers>,
    ) -> Result<Self, DispatchError> {
        let statement = renderer(&plan, template, current)?.whole();
        Ok(Self {
            plan,
            statement,
            workers,
        })
    }
}

#[async_trait]
impl Units for WholeUnit {
    fn count(&self) -> usize {
        1
    }

    fn name(&self, _unit: usize) -> String {
        let tables: Vec<String> = self
            .plan
            .tables
            .iter()
            .map(|table| table.key.to_string())
            .collect();
        format!("the table {}", tables.join(", "))
    }

    fn statements(&self, _unit: usize) -> Result<Vec<String>, DispatchError> {
        Ok(vec![self.statement.clone()])
    }

    fn workers(&self, _unit: usize) -> Vec<WorkerId> {
        self.workers.ids()
    }

    async fn look_for_newer(&self) {}
}
