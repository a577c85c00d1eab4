//! Gather: the tables of a statement go to temporary tables of the shadow server that hide its
//! empty ones, in one session, and the user's text runs there.
//!
//! Keeps true: the session's account may read nothing but these tables, so that a table which was
//! not fetched is an error. The user's own rights were checked when the text ran over the empty
//! tables. The session serves no other statement: it is closed, and its tables go with it, whatever
//! ends the statement.
//!
//! A statement whose parts hold a value that the merge cannot store is gathered as well.

use std::sync::Arc;

use orrery_plan::{Gather, Merge, Plan, Scan, Way, Work};
use orrery_wire::client::ClientConnection;
use orrery_wire::{Format, errors};

use super::{Answer, ChunkUnits, Engine, Source, StatementError, WholeUnit, clock};
use crate::backend::SessionSettings;
use crate::catalogs::Current;
use crate::dispatch::{Figures, Sizing, Tasks, Units};
use crate::gathers::Share;
use crate::server::Request;
use crate::shadow::{LOAD_MODE, Loader, take_over};
use crate::spool::{Budget, Rows};
use crate::warnings::OfParts;

impl Engine {
    /// Fetches the tables of a statement and runs it over them.
    pub(super) async fn gather(
        &self,
        plan: &Plan,
        gather: &Gather,
        request: &Request,
        current: &Arc<Current>,
        figures: &Arc<Figures>,
    ) -> Result<Answer, StatementError> {
        self.metadata(plan, request, current).await?;
        let settings = clock::settings(plan, request)?;
        let mut share = self.gathers.share(&request.user);
        let least = gather
            .scans
            .iter()
            .map(|scan| scan.least_bytes(current.catalog()));
        share.check(least.fold(0, u64::saturating_add))?;
        let mut lease = self
            .shadow
            .gather_session(&settings, request.database.as_deref())
            .await?;
        lease.spoil();
        let connection = lease.connection().map_err(super::error::client_error)?;
        run(connection, LOAD_MODE).await?;
        let mut warnings = OfParts::default();
        for scan in &gather.scans {
            run(connection, &scan.create_sql()).await?;
            let tasks = self.scan_tasks(scan, &settings, current, figures).await?;
            if let Some(tasks) = tasks {
                fetch(scan, tasks, connection, &mut share, &mut warnings).await?;
            }
        }
        run(connection, &settings.set_statement()).await?;
        let rows = Rows::new(Budget::new(self.spool.clone()));
        let held = take_over(connection, &plan.metadata_sql, request.format, rows).await?;
        Ok(Answer::new(
            held.columns.clone(),
            plan.data_epoch,
            Source::Held(Box::new(held)),
            request.format,
        )
        .fetched_with(warnings))
    }

    /// Gathers for a statement whose parts could not be merged. The error is what it was where the
    /// tables cannot be gathered either.
    pub(super) async fn gather_instead(
        &self,
        error: StatementError,
        sql: &str,
        request: &Request,
        current: &Arc<Current>,
        figures: &Arc<Figures>,
    ) -> Result<Answer, StatementError> {
        let database = request.database.as_deref();
        let plans = &current.plans;
        let Ok(plan) = plans.plan(Way::Gathered, sql, database, current.catalog()) else {
            return Err(error);
        };
        let Work::Gather(gather) = &plan.work else {
            return Err(error);
        };
        tracing::debug!("tables are gathered: {error}");
        match self.gather(&plan, gather, request, current, figures).await {
            Err(StatementError::Gather(_)) => Err(error),
            gathered => gathered,
        }
    }

    /// The tasks that read a table; `None` when no chunk can hold a row of it.
    async fn scan_tasks(
        &self,
        scan: &Scan,
        settings: &Arc<SessionSettings>,
        current: &Arc<Current>,
        figures: &Arc<Figures>,
    ) -> Result<Option<Tasks>, StatementError> {
        let stored = Arc::new(SessionSettings {
            raw_results: true,
            ..settings.as_ref().clone()
        });
        let plan = &scan.plan;
        let (units, class, sizing): (Arc<dyn Units>, _, _) = match &plan.work {
            Work::AnyWorker(template) => {
                let unit = WholeUnit::new(plan.clone(), template, current, self.workers.clone())?;
                (Arc::new(unit), plan.class, Sizing::Single)
            }
            Work::Chunks(work) if matches!(work.merge, Merge::Concatenate(_)) => {
                let budget = Budget::new(self.spool.clone());
                let (selection, class) = self.look_up(plan, work, current, &budget, figures).await;
                let units = ChunkUnits::new(
                    plan.clone(),
                    &selection,
                    current.clone(),
                    self.catalogs.clone(),
                )?;
                if units.count() == 0 {
                    return Ok(None);
                }
                let sizing = self.stream_sizing(work, &units);
                (Arc::new(units), class, sizing)
            }
            _ => {
                let message = format!("the plan that fetches {} makes no rows", scan.key);
                return Err(StatementError::refused(errors::UNKNOWN_ERROR, message));
            }
        };
        let figures = figures.clone();
        Ok(Some(self.tasks(
            units,
            class,
            Format::Text,
            sizing,
            stored,
            figures,
        )))
    }
}

async fn run(connection: &mut ClientConnection, statement: &str) -> Result<(), StatementError> {
    let ran = connection.run(statement.as_bytes()).await;
    ran.map_err(super::error::client_error)
}

/// Stores the rows of a table as they come.
async fn fetch(
    scan: &Scan,
    mut tasks: Tasks,
    connection: &mut ClientConnection,
    share: &mut Share,
    warnings: &mut OfParts,
) -> Result<(), StatementError> {
    let mut loader = Loader::new(&scan.name(), &scan.columns_sql(), scan.columns.len());
    while let Some(mut done) = tasks.next().await? {
        warnings.add(done.unit, std::mem::take(&mut done.warnings));
        let mut count = |bytes| share.take(bytes).map_err(StatementError::from);
        loader.load(connection, &mut done, &mut count).await?;
    }
    Ok(loader.flush(connection).await?)
}
