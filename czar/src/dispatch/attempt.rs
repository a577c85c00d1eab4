//! One try of a task on one worker.

use std::sync::Arc;

use orrery_wire::client::{ClientConnection, ClientError, Endpoint, Next, Pause, Response};
use orrery_wire::{ColumnDef, ColumnType, Format, ServerError};
use thiserror::Error;

use super::job::{Job, Lane};
use super::policy::{self, Action};
use super::workers::Worker;
use crate::spool::{Rows, SpoolError};
use crate::warnings::Warnings;

/// Decimals of a floating-point column that shows as many as its value has.
const NOT_FIXED: u8 = 31;

/// Why a try failed.
#[derive(Debug, Error)]
pub(super) enum AttemptError {
    /// The server or the connection.
    #[error("{0}")]
    Client(#[from] ClientError),
    /// The worker stopped answering.
    #[error("the worker stopped answering")]
    Lost,
    /// The catalog has no address of the worker.
    #[error("the worker's address is not known")]
    Unknown,
    /// Statements sent as one share the types of their columns, and a value may have been changed
    /// to them.
    #[error("statements of several chunks sent as one may have changed values")]
    Changed,
    /// The connection broke while a statement ran: the server may have died of it.
    #[error("the server was lost during this statement ({error})")]
    Died {
        /// How it was noticed.
        error: ClientError,
        /// Where the server was.
        endpoint: Endpoint,
    },
    /// Rows could not be held.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

impl AttemptError {
    /// What to do about it.
    pub(super) fn action(&self) -> Action {
        match self {
            Self::Client(ClientError::Server(error)) => policy::action(error.code),
            // The connection is lost, or the log-in is set up wrongly there: another worker may be
            // right.
            Self::Client(_) | Self::Lost | Self::Unknown | Self::Died { .. } => Action::BackOff,
            Self::Changed => Action::Apart,
            Self::Spool(_) => Action::Fail,
        }
    }

    /// The server's own error, if that is what happened.
    pub(super) fn server_error(&self) -> Option<&ServerError> {
        match self {
            Self::Client(error) => error.server_error(),
            _ => None,
        }
    }
}

/// What statements gave.
pub(super) struct Given {
    /// Columns of the first.
    pub(super) columns: Arc<[ColumnDef]>,
    /// Rows of all.
    pub(super) rows: Rows,
    /// Those of each that raised any, in the worker's words.
    pub(super) warnings: Vec<Warnings>,
}

/// Runs statements one after the other on a worker and gathers their rows. `is_joined`: they are of
/// several chunks sent as one, which gives every column one type; then a warning is an error.
pub(super) async fn attempt(
    job: &Job,
    worker: &Arc<Worker>,
    statements: &[String],
    is_joined: bool,
) -> Result<Given, AttemptError> {
    let _in_flight = worker.begin();
    tokio::select! {
        outcome = run(job, worker, statements, is_joined) => outcome,
        () = worker.is_lost() => Err(AttemptError::Lost),
    }
}

async fn run(
    job: &Job,
    worker: &Arc<Worker>,
    statements: &[String],
    is_joined: bool,
) -> Result<Given, AttemptError> {
    let _scan = match job.lane {
        Lane::Scan => worker.scans.acquire().await.ok(),
        Lane::Interactive => None,
    };
    let mut lease = worker.pool.acquire(&job.settings, None).await?;
    let mut rows = Rows::new(job.budget.clone());
    let mut columns: Option<Arc<[ColumnDef]>> = None;
    let mut warnings = Vec::new();
    for statement in statements {
        let outcome = match job.format {
            Format::Text => run_text(lease.connection()?, statement, &mut rows).await,
            Format::Binary => run_prepared(lease.connection()?, statement, &mut rows).await,
        };
        match outcome {
            Ok((given, warned)) if is_joined && (!warned.are_none() || may_change(&given)) => {
                return Err(AttemptError::Changed);
            }
            Ok((given, warned)) => {
                columns.get_or_insert_with(|| given.into());
                warnings.extend(Some(warned).filter(|warned| !warned.are_none()));
            }
            Err(error) => {
                return Err(match error {
                    AttemptError::Client(broken @ ClientError::Wire(_)) => {
                        let endpoint = lease.endpoint().clone();
                        lease.discard();
                        AttemptError::Died {
                            error: broken,
                            endpoint,
                        }
                    }
                    other => other,
                });
            }
        }
    }
    rows.settle().await?;
    Ok(Given {
        columns: columns.unwrap_or_else(|| Arc::from([])),
        rows,
        warnings,
    })
}

/// Whether UNION ALL may change values of these columns: floating-point numbers with fixed
/// decimals, as of FLOOR or ROUND, get a width there and are clipped to it without a warning.
pub(super) fn may_change(columns: &[ColumnDef]) -> bool {
    columns.iter().any(|column| {
        let is_floating = matches!(
            column.column_type,
            ColumnType::MYSQL_TYPE_DOUBLE | ColumnType::MYSQL_TYPE_FLOAT
        );
        is_floating && column.decimals < NOT_FIXED
    })
}

async fn run_text(
    connection: &mut ClientConnection,
    statement: &str,
    rows: &mut Rows,
) -> Result<(Vec<ColumnDef>, Warnings), AttemptError> {
    let response = connection.query(statement.as_bytes()).await?;
    gather(connection, response, rows).await
}

/// Rows in the binary protocol come from prepared statements only.
async fn run_prepared(
    connection: &mut ClientConnection,
    statement: &str,
    rows: &mut Rows,
) -> Result<(Vec<ColumnDef>, Warnings), AttemptError> {
    let prepared = connection.prepare(statement.as_bytes()).await?;
    let outcome = match connection.execute(&prepared, &[]).await {
        Ok(response) => gather(connection, response, rows).await,
        Err(error) => Err(error.into()),
    };
    if connection.is_idle() {
        connection.close_statement(prepared).await?;
    }
    outcome
}

async fn gather(
    connection: &mut ClientConnection,
    response: Response,
    rows: &mut Rows,
) -> Result<(Vec<ColumnDef>, Warnings), AttemptError> {
    let columns = match response {
        Response::Rows(columns) => columns,
        Response::Ok(end) => {
            let warnings = Warnings::fetch(connection, end.warnings).await?;
            return Ok((Vec::new(), warnings));
        }
    };
    let end = loop {
        let pause = connection.visit_rows(|row| {
            let fits = rows.has_room(row);
            if fits {
                rows.push(row);
            }
            fits
        })?;
        match pause {
            Pause::NeedBytes => connection.more_rows().await?,
            Pause::Left => match connection.next_row().await? {
                Next::Row(row) => {
                    rows.settle().await?;
                    rows.push(&row);
                }
                Next::End(end) => break end,
            },
        }
    };
    let warnings = Warnings::fetch(connection, end.warnings).await?;
    Ok((columns, warnings))
}
