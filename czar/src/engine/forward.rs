//! What the shadow server is asked: metadata, whole statements without chunks, prepared statements,
//! and its own words for a refusal.

use std::sync::Arc;

use orrery_plan::{GuardError, Plan, PlanError};
use orrery_wire::client::{ClientError, Response};
use orrery_wire::{ColumnDef, Format};

use super::error::client_error;
use super::{Answer, Engine, Forwarded, Source, StatementError};
use crate::catalogs::Current;
use crate::server::Request;
use crate::shadow::{MetadataKey, ShadowError, normalise};
use crate::warnings::Warnings;

impl Engine {
    /// Columns of the user's statement, from executing it on the shadow tables.
    pub(super) async fn metadata(
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
            .shadow
            .metadata(
                &request.user,
                &request.settings,
                database,
                &plan.metadata_sql,
            )
            .await?;
        let columns = asked.columns.clone();
        current.metadata.put(key, asked);
        Ok(columns)
    }

    /// The plan of a statement.
    pub(super) async fn planned(
        &self,
        sql: &str,
        request: &Request,
        current: &Current,
    ) -> Result<Arc<Plan>, StatementError> {
        let database = request.database.as_deref();
        let planned = current
            .plans
            .plan(request.way, sql, database, current.catalog());
        match planned {
            Ok(plan) => Ok(plan),
            Err(error) => Err(self.explain_refusal(sql, request, error).await),
        }
    }

    /// MariaDB's own words for a statement that has no plan, if it refuses it too; names, rights
    /// and syntax are its business. Without them the planner's would tell those who may not read a
    /// table what its columns are.
    async fn explain_refusal(
        &self,
        sql: &str,
        request: &Request,
        error: PlanError,
    ) -> StatementError {
        if !is_refused_outright(&error) {
            let database = request.database.as_deref();
            let text = orrery_plan::preparable(sql);
            let asked = self
                .shadow
                .prepare(&request.user, &request.settings, database, &text)
                .await;
            if let Err(ShadowError::Client(ClientError::Server(own))) = asked {
                return StatementError::Refused(own);
            }
        }
        error.into()
    }

    /// Executes a statement on the shadow server and passes its answer on.
    pub(super) async fn forward(
        &self,
        sql: &str,
        request: &Request,
        current: &Current,
    ) -> Result<Answer, StatementError> {
        let database = request.database.as_deref();
        let listing = self.shadow.listing().await;
        let mut lease = self
            .shadow
            .session(&request.user, &request.settings, database)
            .await?;
        let connection = lease.connection().map_err(client_error)?;
        let mut prepared = None;
        let response = match request.format {
            Format::Text => connection.query(sql.as_bytes()).await,
            Format::Binary => {
                let statement = connection
                    .prepare(sql.as_bytes())
                    .await
                    .map_err(client_error)?;
                let statement = prepared.insert(statement);
                connection.execute(statement, &[]).await
            }
        };
        let response = match response {
            Ok(response) => response,
            Err(error) => {
                if let Some(prepared) = prepared.filter(|_| connection.is_idle()) {
                    connection
                        .close_statement(prepared)
                        .await
                        .map_err(client_error)?;
                }
                return Err(client_error(error));
            }
        };
        let (columns, warnings, is_over) = match response {
            Response::Rows(columns) => (columns, Warnings::default(), false),
            Response::Ok(end) => {
                let warnings = Warnings::fetch(connection, end.warnings).await;
                (Vec::new(), warnings.map_err(client_error)?, true)
            }
        };
        let forwarded = Forwarded {
            lease,
            prepared,
            is_over,
            listing,
            warnings,
        };
        let source = Source::Shadow(Box::new(forwarded));
        Ok(Answer::new(
            columns.into(),
            current.catalog().epochs.data,
            source,
            request.format,
        ))
    }

    /// Columns of a statement with parameters, as COM_STMT_PREPARE gives them.
    pub(super) async fn prepare(
        &self,
        sql: &str,
        request: &Request,
        current: &Current,
    ) -> Result<Answer, StatementError> {
        let database = request.database.as_deref();
        let sql = orrery_plan::preparable(sql);
        let prepared = self
            .shadow
            .prepare(&request.user, &request.settings, database, &sql)
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
