//! The way of a statement: classify → plan → metadata → look up keys → dispatch → merge → answer.

mod answer;
mod error;
mod explain;
mod planning;
mod units;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use orrery_plan::statement::{Show, Statement, classify};
use orrery_plan::{
    ChunkWork, Class, FrontEndMerge, GuardError, Merge, Plan, PlanError, SimpleColumn, SimpleMerge, Work,
};
use orrery_wire::client::{ClientError, Response};
use orrery_wire::{ColumnDef, Value};

use crate::backend::SessionSettings;
use crate::catalogs::{Catalogs, Current};
use crate::dispatch::{Done, Job, Lane, Sizing, Tasks, Units, Workers};
use crate::encode::put_row;
use crate::frontend::{Frontend, FrontendError, MetadataKey, normalise};
use crate::lookup::Lookups;
use crate::merge::{ServerMerge, Summary, gather};
use crate::server::{Format, Request};
use crate::spool::{Budget, PieceBuilder, SpoolSpace};

pub use answer::{Answer, Forwarded, Source};
pub use error::StatementError;
use error::client_error;
pub use planning::PlanCache;
pub use units::{ChunkUnits, IndexUnits, WholeUnit};

/// How long a statement waits for a catalog that its client has seen elsewhere.
const WAIT_FOR_EPOCH: Duration = Duration::from_secs(2);
/// Schemas that MariaDB keeps about itself; the front-end answers for them.
const SYSTEM_SCHEMAS: [&str; 4] = ["information_schema", "mysql", "performance_schema", "sys"];

/// Bounds on what one statement may take.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Tasks of an interactive statement on one worker at once.
    pub interactive_per_worker: usize,
    /// Tasks of a scan on one worker at once.
    pub scan_per_worker: usize,
    /// How long a chunk that no replica answers for is tried again.
    pub patience: Duration,
}

/// Answers statements.
pub struct Engine {
    /// Catalogs.
    pub catalogs: Arc<Catalogs>,
    /// The front-end mysqld.
    pub frontend: Arc<Frontend>,
    /// Workers.
    pub workers: Arc<Workers>,
    /// Director index look-ups.
    pub lookups: Lookups,
    /// Spool space of all statements.
    pub spool: Arc<SpoolSpace>,
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
        let statement =
            classify(sql).map_err(|error| StatementError::refused(1064, b"42000", error.to_string()))?;
        match statement {
            Statement::Select { databases } if is_about_the_server(&databases) => {
                self.forward_guarded(sql, request, &current).await
            }
            Statement::Select { .. } => self.select(sql, request, current).await,
            Statement::Explain { inner, options } => self.explain(&inner, &options, request, current).await,
            Statement::Show(Show::Processlist { .. } | Show::Grants) => Err(StatementError::refused(
                1235,
                b"42000",
                "This czar doesn't know sessions and grants; the proxy answers for them",
            )),
            Statement::SelectWithoutTable { .. } => self.forward_guarded(sql, request, &current).await,
            Statement::Show(_) | Statement::Describe { .. } => self.forward(sql, request, &current).await,
            Statement::Empty => Err(StatementError::refused(1065, b"42000", "Query was empty")),
            _ => Err(StatementError::refused(
                1235,
                b"42000",
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
            StatementError::refused(1297, b"HY000", message)
        })
    }

    async fn select(
        &self,
        sql: &str,
        request: &Request,
        current: Arc<Current>,
    ) -> Result<Answer, StatementError> {
        let plan = match current.plans.plan(sql, request.database.as_deref(), &current) {
            Ok(plan) => plan,
            Err(error) => return Err(self.explain_refusal(sql, request, error).await),
        };
        let guard = self.catalogs.enter(&current);
        let answer = match &plan.work {
            Work::FrontEnd => self.forward(&plan.metadata_sql, request, &current).await?,
            Work::Static(rows) => {
                let columns = self.metadata(&plan, request, &current).await?;
                known_rows(rows, columns, plan.data_epoch, request.format)?
            }
            Work::AnyWorker(template) => {
                let columns = self.metadata(&plan, request, &current).await?;
                let units = units::WholeUnit::new(plan.clone(), template, &current, self.workers.clone())?;
                let tasks = self.tasks(
                    Arc::new(units),
                    &plan,
                    request.format,
                    Sizing::Single,
                    settings_of(&plan, request, false),
                );
                Answer::new(
                    columns,
                    plan.data_epoch,
                    Source::Tasks(Box::new(tasks), None),
                    request.format,
                )
            }
            Work::Chunks(work) => self.chunks(&plan, work, request, &current).await?,
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
    ) -> Result<Answer, StatementError> {
        let columns = self.metadata(plan, request, current).await?;
        let budget = Budget::new(self.spool.clone());
        let plan = self.look_up(plan, current, &budget).await;
        let units = ChunkUnits::new(plan.clone(), current.clone(), self.catalogs.clone())?;
        if units.chunks().is_empty() {
            return self.forward(&plan.metadata_sql, request, current).await;
        }
        match &work.merge {
            Merge::Concatenate(range) => {
                let rows_per_unit = units.rows_per_chunk();
                let sizing = if work.batchable {
                    Sizing::Stream { rows_per_unit }
                } else {
                    Sizing::Single
                };
                let settings = settings_of(&plan, request, false);
                let tasks = self.tasks(Arc::new(units), &plan, request.format, sizing, settings);
                let source = Source::Tasks(Box::new(tasks), None);
                Ok(Answer::new(columns, plan.data_epoch, source, request.format).within(*range))
            }
            Merge::FrontEnd(merge) => {
                self.merge(merge, work.batchable, units, &plan, columns, request)
                    .await
            }
        }
    }

    /// The plan with its keys looked up.
    async fn look_up(&self, plan: &Arc<Plan>, current: &Arc<Current>, budget: &Arc<Budget>) -> Arc<Plan> {
        let Some(lookup) = plan.lookup() else {
            return plan.clone();
        };
        let found = self
            .lookups
            .find(lookup, current, &self.catalogs, &self.workers, budget)
            .await;
        let plan = plan.as_ref().clone();
        Arc::new(match found {
            Some(found) => plan.with_index_result(&found),
            None => plan.without_lookup(),
        })
    }

    /// Gathers partial rows in chunk order and merges them.
    async fn merge(
        &self,
        merge: &FrontEndMerge,
        is_batchable: bool,
        units: ChunkUnits,
        plan: &Arc<Plan>,
        columns: Arc<[ColumnDef]>,
        request: &Request,
    ) -> Result<Answer, StatementError> {
        let per_worker = self.per_worker(plan);
        // Sums of doubles depend on their order, and which chunks are joined depends on who holds them.
        let may_join = is_batchable && merge.simple.as_ref().is_some_and(is_order_free);
        let sizing = if may_join {
            Sizing::Gather {
                tasks: per_worker * 2,
            }
        } else {
            Sizing::Single
        };
        let settings = settings_of(plan, request, true);
        let tasks = self.tasks(Arc::new(units), plan, Format::Text, sizing, settings.clone());
        let mut partial = gather(tasks).await?;
        if let Some(simple) = &merge.simple
            && let Some(rows) = merge_here(simple, &mut partial).await?
        {
            let mut piece = PieceBuilder::default();
            for row in rows {
                piece.push(|out| put_row(row, &columns, request.format, out))?;
            }
            return Ok(Answer::new(
                columns,
                plan.data_epoch,
                Source::Ready(piece.take()),
                request.format,
            ));
        }
        let settings = settings_of(plan, request, false);
        let merged = ServerMerge::run(&self.frontend, merge, partial, &settings, request.format).await?;
        Ok(Answer::new(
            columns,
            plan.data_epoch,
            Source::Merge(Box::new(merged)),
            request.format,
        ))
    }

    fn tasks(
        &self,
        units: Arc<dyn Units>,
        plan: &Plan,
        format: Format,
        sizing: Sizing,
        settings: Arc<SessionSettings>,
    ) -> Tasks {
        let lane = match plan.class {
            Class::Interactive => Lane::Interactive,
            Class::Scan => Lane::Scan,
        };
        let job = Job {
            units,
            settings,
            lane,
            format,
            sizing,
            per_worker: self.per_worker(plan),
            budget: Budget::new(self.spool.clone()),
            patience: self.options.patience,
        };
        Tasks::new(job, self.workers.clone())
    }

    fn per_worker(&self, plan: &Plan) -> usize {
        match plan.class {
            Class::Interactive => self.options.interactive_per_worker,
            Class::Scan => self.options.scan_per_worker,
        }
    }

    /// Columns of the user's statement, from executing it on the shadow tables.
    async fn metadata(
        &self,
        plan: &Plan,
        request: &Request,
        current: &Current,
    ) -> Result<Arc<[ColumnDef]>, StatementError> {
        let key = MetadataKey {
            statement: normalise(&plan.metadata_sql),
            database: request.database.clone(),
            user: request.user.clone(),
            settings: request.settings.clone(),
        };
        if let Some(metadata) = current.metadata.get(&key) {
            return Ok(metadata.columns);
        }
        let database = request.database.as_deref();
        let asked = self
            .frontend
            .metadata(&request.user, &request.settings, database, &plan.metadata_sql)
            .await?;
        let columns = asked.columns.clone();
        current.metadata.put(key, asked);
        Ok(columns)
    }

    /// MariaDB's own words for a statement that has no plan, if it refuses it too; names, rights and syntax are its business.
    async fn explain_refusal(&self, sql: &str, request: &Request, error: PlanError) -> StatementError {
        let is_for_mariadb = !is_refused_outright(&error) && !matches!(error, PlanError::Prune(_));
        if is_for_mariadb && !sql.to_ascii_lowercase().contains("qserv_") {
            let database = request.database.as_deref();
            let asked = self
                .frontend
                .prepare(&request.user, &request.settings, database, sql)
                .await;
            if let Err(FrontendError::Client(ClientError::Server(own))) = asked {
                return StatementError::Refused(own);
            }
        }
        error.into()
    }

    /// As [`Self::forward`], after the planner's guard has seen the text: what it forbids runs nowhere.
    async fn forward_guarded(
        &self,
        sql: &str,
        request: &Request,
        current: &Current,
    ) -> Result<Answer, StatementError> {
        match current.plans.plan(sql, request.database.as_deref(), current) {
            Err(error) if is_refused_outright(&error) => Err(error.into()),
            _ => self.forward(sql, request, current).await,
        }
    }

    /// Executes a statement on the front-end and passes its answer on.
    async fn forward(
        &self,
        sql: &str,
        request: &Request,
        current: &Current,
    ) -> Result<Answer, StatementError> {
        let database = request.database.as_deref();
        let mut lease = self
            .frontend
            .session(&request.user, &request.settings, database)
            .await?;
        let connection = lease.connection().map_err(client_error)?;
        let mut prepared = None;
        let response = match request.format {
            Format::Text => connection.query(sql.as_bytes()).await,
            Format::Binary => {
                let statement = connection.prepare(sql.as_bytes()).await.map_err(client_error)?;
                let statement = prepared.insert(statement);
                connection.execute(statement, &[]).await
            }
        };
        let (columns, is_over) = match response.map_err(client_error)? {
            Response::Rows(columns) => (columns, false),
            Response::Ok(_) => (Vec::new(), true),
        };
        let forwarded = Forwarded {
            lease,
            prepared,
            is_over,
        };
        let source = Source::FrontEnd(Box::new(forwarded));
        Ok(Answer::new(
            columns.into(),
            current.catalog().epochs.data,
            source,
            request.format,
        ))
    }

    /// Columns of a statement with parameters, as COM_STMT_PREPARE gives them.
    async fn prepare(
        &self,
        sql: &str,
        request: &Request,
        current: &Current,
    ) -> Result<Answer, StatementError> {
        let database = request.database.as_deref();
        let prepared = self
            .frontend
            .prepare(&request.user, &request.settings, database, sql)
            .await?;
        let epoch = current.catalog().epochs.data;
        Ok(Answer::new(
            prepared.columns,
            epoch,
            Source::Ready(None),
            request.format,
        ))
    }
}

/// Whether the guard refuses a text whatever it means.
fn is_refused_outright(error: &PlanError) -> bool {
    use GuardError as G;
    matches!(
        error,
        PlanError::Guard(G::TooDeep { .. } | G::TooLong { .. } | G::Forbidden { .. } | G::Several)
    )
}

fn text(request: &Request) -> Result<&str, StatementError> {
    let sql = std::str::from_utf8(&request.sql)
        .ok()
        .filter(|_| request.settings.reads(&request.sql));
    sql.ok_or_else(|| {
        let charset = request.settings.charset();
        let message = format!(
            "Statements in character set '{charset}' must be ASCII; use SET NAMES utf8mb4 for others"
        );
        StatementError::refused(1115, b"42000", message)
    })
}

fn is_about_the_server(databases: &[String]) -> bool {
    let is_system = |name: &String| {
        SYSTEM_SCHEMAS
            .iter()
            .any(|schema| schema.eq_ignore_ascii_case(name))
    };
    !databases.is_empty() && databases.iter().all(is_system)
}

/// Settings of the statements of one query.
fn settings_of(plan: &Plan, request: &Request, raw_results: bool) -> Arc<SessionSettings> {
    if !plan.uses_now && !raw_results {
        return request.settings.clone();
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let timestamp = plan
        .uses_now
        .then(|| format!("{}.{:06}", now.as_secs(), now.subsec_micros()));
    Arc::new(SessionSettings {
        raw_results,
        timestamp,
        ..request.settings.as_ref().clone()
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

/// Whether a merge gives the same bits whatever the order of partial rows.
fn is_order_free(merge: &SimpleMerge) -> bool {
    let adds_doubles = |column: &SimpleColumn| {
        matches!(
            column,
            SimpleColumn::SumDouble(_) | SimpleColumn::AvgDouble { .. }
        )
    };
    !merge.columns.iter().any(adds_doubles)
}

/// Merges in process; `None`, and the rows ready to be read again, when a value or their number is beyond that.
async fn merge_here(
    simple: &SimpleMerge,
    partial: &mut [Done],
) -> Result<Option<Vec<Vec<Value>>>, StatementError> {
    let mut summary = Summary::new(simple);
    for place in 0..partial.len() {
        let Some(done) = partial.get_mut(place) else { break };
        while let Some(piece) = done.rows.next().await? {
            for row in piece {
                if let Err(error) = summary.add(&row) {
                    tracing::debug!(%error, "the front-end merges");
                    for done in partial {
                        done.rows.rewind();
                    }
                    return Ok(None);
                }
            }
        }
    }
    Ok(Some(summary.rows()))
}
