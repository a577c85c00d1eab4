//! What the dispatcher runs for a plan: its chunks, or one statement over whole reference tables.

use std::sync::Arc;

use async_trait::async_trait;
use orrery_archive::catalog::TableKey;
use orrery_archive::names::{self, ChunkId, WorkerId};
use orrery_plan::{ChunkPart, ChunkSelection, Plan, Renderer, Template, Work};

use crate::catalogs::{Catalogs, Current};
use crate::dispatch::{DispatchError, Units, Workers};
use crate::placement;

/// The chunks of a plan.
pub struct ChunkUnits {
    plan: Arc<Plan>,
    current: Arc<Current>,
    catalogs: Arc<Catalogs>,
    family: String,
    parts: Vec<ChunkPart>,
}

impl ChunkUnits {
    /// Units of a plan made for the catalog of `current`; `selection` is the plan's, with its keys
    /// looked up.
    pub fn new(
        plan: Arc<Plan>,
        selection: &ChunkSelection,
        current: Arc<Current>,
        catalogs: Arc<Catalogs>,
    ) -> Result<Self, DispatchError> {
        let parts = renderer(&plan, template(&plan)?, &current)?
            .parts(selection)
            .map_err(|error| DispatchError::Render(error.to_string()))?;
        let mut chunked = plan.tables.iter().filter(|table| table.role.is_chunked());
        let family = chunked
            .next()
            .and_then(|table| placement::family_of(current.catalog(), &table.key))
            .ok_or_else(|| DispatchError::Render("the plan reads no chunked table".to_owned()))?
            .to_owned();
        Ok(Self {
            plan,
            current,
            catalogs,
            family,
            parts,
        })
    }

    /// The plan.
    pub fn plan(&self) -> Arc<Plan> {
        self.plan.clone()
    }

    /// dataEpoch of the plan.
    pub fn data_epoch(&self) -> u64 {
        self.plan.data_epoch
    }

    /// The chunk of each unit, ascending.
    pub fn chunks(&self) -> impl Iterator<Item = ChunkId> {
        self.parts.iter().map(|part| part.chunk)
    }

    /// Rows of a chunk and their bytes if nothing is filtered out: the averages of the largest
    /// table.
    pub fn size_of_chunk(&self) -> (u64, u64) {
        let average = |table: &orrery_plan::TableUse| {
            let segments = &self.current.catalog().tables.get(&table.key)?.segments;
            let rows: u64 = segments.iter().map(|segment| segment.rows).sum();
            let bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
            let chunks = segments
                .iter()
                .map(|segment| segment.home.len())
                .max()?
                .max(1) as u64;
            Some((rows / chunks, bytes / chunks))
        };
        let chunked = self
            .plan
            .tables
            .iter()
            .filter(|table| table.role.is_chunked());
        chunked.filter_map(average).max().unwrap_or((0, 0))
    }

    fn renderer(&self) -> Result<Renderer<'_>, DispatchError> {
        renderer(&self.plan, template(&self.plan)?, &self.current)
    }

    fn part(&self, unit: usize) -> Result<&ChunkPart, DispatchError> {
        self.parts.get(unit).ok_or_else(|| no_unit(unit))
    }
}

/// What the statements of a plan's chunks are made from.
fn template(plan: &Plan) -> Result<&Template, DispatchError> {
    match &plan.work {
        Work::Chunks(work) => Ok(&work.template),
        _ => Err(DispatchError::Render("the plan reads no chunks".to_owned())),
    }
}

fn no_unit(unit: usize) -> DispatchError {
    DispatchError::Render(format!("the statement has no unit {unit}"))
}

fn renderer<'a>(
    plan: &'a Plan,
    template: &'a Template,
    current: &'a Current,
) -> Result<Renderer<'a>, DispatchError> {
    Renderer::new(template, &plan.tables, plan.data_epoch, current.catalog())
        .map_err(|error| DispatchError::Render(error.to_string()))
}

fn in_users_words(plan: &Plan, text: &str) -> String {
    plan.tables.iter().fold(text.to_owned(), |text, table| {
        let TableKey {
            database,
            table: name,
        } = &table.key;
        names::in_users_words(&text, database, name, table.incarnation)
    })
}

fn table_names(plan: &Plan) -> String {
    let names: Vec<String> = plan
        .tables
        .iter()
        .map(|table| table.key.to_string())
        .collect();
    names.join(", ")
}

#[async_trait]
impl Units for ChunkUnits {
    fn count(&self) -> usize {
        self.parts.len()
    }

    fn name(&self, unit: usize) -> String {
        let chunk = self.part(unit).map_or_else(
            |error| error.to_string(),
            |part| format!("chunk {}", part.chunk),
        );
        format!("{chunk} of {}", table_names(&self.plan))
    }

    fn in_users_words(&self, text: &str) -> String {
        in_users_words(&self.plan, text)
    }

    fn statements(&self, unit: usize) -> Result<Vec<String>, DispatchError> {
        Ok(self.renderer()?.statements(self.part(unit)?))
    }

    fn joined_end(&self) -> Option<&str> {
        match &self.plan.work {
            Work::Chunks(work) => Some(&work.joined_end),
            _ => None,
        }
    }

    fn workers(&self, unit: usize) -> Vec<WorkerId> {
        let (Ok(part), Ok(renderer)) = (self.part(unit), self.renderer()) else {
            return Vec::new();
        };
        // The data is that of the plan, the placement the newest there is.
        let newest = self
            .catalogs
            .current()
            .unwrap_or_else(|| self.current.clone());
        placement::holders(
            newest.catalog(),
            &self.family,
            part.chunk,
            &renderer.segments(part.chunk),
        )
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
        format!("the table {}", table_names(&self.plan))
    }

    fn in_users_words(&self, text: &str) -> String {
        in_users_words(&self.plan, text)
    }

    fn statements(&self, _unit: usize) -> Result<Vec<String>, DispatchError> {
        Ok(vec![self.statement.clone()])
    }

    fn workers(&self, _unit: usize) -> Vec<WorkerId> {
        self.workers.ids()
    }

    async fn look_for_newer(&self) {}
}
