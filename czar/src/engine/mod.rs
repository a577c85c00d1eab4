//! The way of a statement: classify → plan → metadata → look up keys → dispatch → merge → answer.

mod analyze;
mod answer;
mod clock;
mod error;
mod explain;
mod forward;
mod gather;
mod merging;
mod units;

use std::sync::Arc;
use std::time::Duration;

use orrery_plan::statement::{Show, Statement, classify};
use orrery_plan::{ChunkSelection, ChunkWork, Class, Merge, Plan, Work};
use orrery_wire::{ColumnDef, Format, Value, errors};

use crate::backend::SessionSettings;
use crate::catalogs::{Catalogs, Current};
use crate::dispatch::{Figures, Job, Lane, Sizing, Tasks, Units, Workers};
use crate::encode::put_row;
use crate::gathers::GatherSpace;
use crate::lookup::Lookups;
use crate::server::Request;
use crate::shadow::ShadowServer;
use crate::spool::{Budget, PieceBuilder, SpoolSpace};
use crate::warnings::OfParts;

use clock::Run;

pub use answer::{Answer, Forwarded, Source};
pub use error::StatementError;
pub use units::{ChunkUnits, WholeUnit};

/// How long a statement waits for a catalog that its client has seen elsewhere.
const WAIT_FOR_EPOCH: Duration = Duration::from_secs(2);

/// Bounds on what one statement may take.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Tasks of an interactive statement on one worker at once.
    pub interactive_per_worker: usize,
    /// Tasks of a scan on one worker at once.
    pub scan_per_worker: usize,
    /// How long a chunk that no replica answers for is tried again.
    pub retry_for: Duration,
}

/// Answers statements.
pub struct Engine {
    /// Catalogs.
    pub catalogs: Arc<Catalogs>,
    /// The shadow server.
    pub shadow: Arc<ShadowServer>,
    /// Workers.
    pub workers: Arc<Workers>,
    /// Director index look-ups.
    pub lookups: Lookups,
    /// Spool space of all statements.
    pub spool: Arc<SpoolSpace>,
    /// Space of all gathers.
    pub gathers: Arc<GatherSpace>,
    /// Bounds.
    pub options: EngineOptions,
}

impl Engine {
    /// Begins to answer a statement. Dropping the future or the answer cancels it everywhere.
    pub async fn answer(&self, request: &Request) -> Result<Answer, StatementError> {
        let sql = text(request)?;
        let current = self.current(request).await?;
        if request.prepare {
            return self.prepare(sql, request, &current).await;
        }
        let statement = classify(sql)
            .map_err(|error| StatementError::refused(errors::SYNTAX, error.to_string()))?;
        match statement {
            Statement::Select | Statement::SelectWithoutTable => {
                self.select(sql, request, current, &Arc::default()).await
            }
            Statement::Explain { inner, options } => {
                self.explain(&inner, &options, request, current).await
            }
            Statement::Show(Show::Processlist { .. } | Show::Grants) => {
                Err(StatementError::refused(
                    errors::NOT_SUPPORTED,
                    "This czar doesn't know sessions and grants; the proxy answers for them",
                ))
            }
            Statement::Show(_) | Statement::Describe { .. } => {
                orrery_plan::check_listing(sql)?;
                self.forward(sql, request, &current).await
            }
            Statement::Empty => Err(StatementError::Refused(errors::empty_query())),
            _ => Err(StatementError::refused(
                errors::NOT_SUPPORTED,
                "A czar answers queries; this statement is none",
            )),
        }
    }

    async fn current(&self, request: &Request) -> Result<Arc<Current>, StatementError> {
        let current = self
            .catalogs
            .at_least(request.min_data_epoch, WAIT_FOR_EPOCH)
            .await;
        current.ok_or_else(|| {
            let message = format!(
                "Got temporary error: this czar has no catalog of dataEpoch {} yet",
                request.min_data_epoch
            );
            StatementError::refused(errors::TEMPORARY, message)
        })
    }

    async fn select(
        &self,
        sql: &str,
        request: &Request,
        current: Arc<Current>,
        figures: &Arc<Figures>,
    ) -> Result<Answer, StatementError> {
        let plan = self.planned(sql, request, &current).await?;
        let guard = self.catalogs.enter(&current);
        let answer = match &plan.work {
            Work::Shadow => self.forward(&plan.metadata_sql, request, &current).await?,
            Work::Static(rows) => {
                let columns = self.metadata(&plan, request, &current).await?;
                known_rows(rows, columns, plan.data_epoch, request.format)?
            }
            Work::AnyWorker(template) => {
                let columns = self.metadata(&plan, request, &current).await?;
                let units =
                    units::WholeUnit::new(plan.clone(), template, &current, self.workers.clone())?;
                let tasks = self.tasks(
                    Arc::new(units),
                    plan.class,
                    request.format,
                    Sizing::Single,
                    clock::settings(&plan, request)?,
                    figures.clone(),
                );
                Answer::new(
                    columns,
                    plan.data_epoch,
                    Source::Tasks(Box::new(tasks), None),
                    request.format,
                )
            }
            Work::Chunks(work) => {
                let computed = self.chunks(&plan, work, request, &current, figures).await;
                match computed {
                    Err(error) if error.is_about_carrying() => {
                        self.gather_instead(error, sql, request, &current, figures)
                            .await?
                    }
                    computed => computed?,
                }
            }
            Work::Gather(gather) => {
                self.gather(&plan, gather, request, &current, figures)
                    .await?
            }
        };
        Ok(answer.keeping(guard))
    }

    /// Statements per chunk.
    async fn chunks(
        &self,
        plan: &Arc<Plan>,
        work: &ChunkWork,
        request: &Request,
        current: &Arc<Current>,
        figures: &Arc<Figures>,
    ) -> Result<Answer, StatementError> {
        let columns = self.metadata(plan, request, current).await?;
        let budget = Budget::new(self.spool.clone());
        let (selection, class) = self.look_up(plan, work, current, &budget, figures).await;
        let units = ChunkUnits::new(
            plan.clone(),
            &selection,
            current.clone(),
            self.catalogs.clone(),
        )?;
        if units.count() == 0 {
            return self.forward(&plan.metadata_sql, request, current).await;
        }
        let settings = clock::settings(plan, request)?;
        match &work.merge {
            Merge::Concatenate(range) => {
                let sizing = self.stream_sizing(work, &units);
                let tasks = self.tasks(
                    Arc::new(units),
                    class,
                    request.format,
                    sizing,
                    settings,
                    figures.clone(),
                );
                let source = Source::Tasks(Box::new(tasks), None);
                let answer = Answer::new(columns, plan.data_epoch, source, request.format);
                let answer = answer.within(*range);
                Ok(answer.in_parts(plan.clone(), OfParts::default()))
            }
            Merge::Shadow(merge) => {
                let run = Run {
                    class,
                    settings,
                    format: request.format,
                    figures: figures.clone(),
                };
                self.merge(merge, work.batchable, units, columns, run).await
            }
        }
    }

    /// The chunks of the plan with its keys looked up, and the lane for them.
    async fn look_up(
        &self,
        plan: &Plan,
        work: &ChunkWork,
        current: &Arc<Current>,
        budget: &Arc<Budget>,
        figures: &Arc<Figures>,
    ) -> (ChunkSelection, Class) {
        let Some(lookup) = &work.selection.lookup else {
            return (work.selection.clone(), plan.class);
        };
        let found = self
            .lookups
            .find(
                lookup,
                current,
                &self.catalogs,
                &self.workers,
                budget,
                figures,
            )
            .await;
        match found {
            Some(found) => (work.selection.narrowed_to(found), plan.class),
            None => (work.selection.without_lookup(), plan.class_without_lookup()),
        }
    }

    /// Tasks whose rows leave as they come.
    fn stream_sizing(&self, work: &ChunkWork, units: &ChunkUnits) -> Sizing {
        // One unit needs no plan for several.
        if !work.batchable || units.count() <= 1 {
            return Sizing::Single;
        }
        let (rows_per_unit, bytes_per_unit) = units.size_of_chunk();
        Sizing::Stream {
            rows_per_unit,
            bytes_per_unit,
            memory: self.spool.memory_per_statement,
        }
    }

    fn tasks(
        &self,
        units: Arc<dyn Units>,
        class: Class,
        format: Format,
        sizing: Sizing,
        settings: Arc<SessionSettings>,
        figures: Arc<Figures>,
    ) -> Tasks {
        let lane = match class {
            Class::Interactive => Lane::Interactive,
            Class::Scan => Lane::Scan,
        };
        let job = Job {
            units,
            settings,
            lane,
            format,
            sizing,
            per_worker: self.per_worker(class),
            budget: Budget::new(self.spool.clone()),
            retry_for: self.options.retry_for,
            figures,
        };
        Tasks::new(job, self.workers.clone())
    }

    fn per_worker(&self, class: Class) -> usize {
        match class {
            Class::Interactive => self.options.interactive_per_worker,
            Class::Scan => self.options.scan_per_worker,
        }
    }
}

fn text(request: &Request) -> Result<&str, StatementError> {
    std::str::from_utf8(&request.sql).map_err(|_| {
        StatementError::refused(
            errors::INVALID_TEXT,
            "Proxies send statements as UTF-8; this one is not",
        )
    })
}

/// Rows that the plan itself knows.
fn known_rows(
    rows: &[Vec<Option<String>>],
    columns: Arc<[ColumnDef]>,
    data_epoch: u64,
    format: Format,
) -> Result<Answer, StatementError> {
    let value = |cell: &Option<String>| {
        cell.as_ref()
            .map_or(Value::NULL, |text| Value::Bytes(text.clone().into_bytes()))
    };
    let mut piece = PieceBuilder::default();
    for row in rows {
        piece.push(|out| put_row(row.iter().map(value).collect(), &columns, format, out))?;
    }
    Ok(Answer::new(
        columns,
        data_epoch,
        Source::Ready(piece.take()),
        format,
    ))
}
