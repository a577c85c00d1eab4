//! The texts of a statement's warnings, for SHOW WARNINGS.

use std::time::Duration;

use orrery_czar_protocol::Question;
use orrery_wire::client::{ClientError, Next, Response};
use orrery_wire::value::TextCells;
use orrery_wire::{Format, WireError};

use super::statement::Forwarded;
use crate::czars::PooledConnection;
use crate::session::{Diagnostic, MAX_DIAGNOSTICS};

/// How long SHOW WARNINGS may take.
const WARNINGS_TIMEOUT: Duration = Duration::from_secs(2);

/// The texts of warnings, asked for on the same connection before anybody else uses it.
pub(super) async fn warnings(
    czar: &mut PooledConnection,
    statement: &Forwarded<'_>,
    count: u16,
) -> Vec<Diagnostic> {
    if count == 0 {
        return Vec::new();
    }
    match tokio::time::timeout(WARNINGS_TIMEOUT, fetch_warnings(czar, statement)).await {
        Ok(Ok(warnings)) => warnings,
        Ok(Err(error)) => {
            tracing::debug!(%error, "warnings not fetched");
            Vec::new()
        }
        Err(_) => {
            czar.distrust();
            Vec::new()
        }
    }
}

async fn fetch_warnings(
    czar: &mut PooledConnection,
    statement: &Forwarded<'_>,
) -> Result<Vec<Diagnostic>, ClientError> {
    let connection = czar.connection()?;
    let question = Question {
        format: Format::Text,
        prepare: false,
        ..statement.question
    };
    let attributes = question.attributes();
    let mut found = Vec::new();
    if let Response::Rows(_) = connection
        .query_with_attributes(b"SHOW WARNINGS", &attributes)
        .await?
    {
        while let Next::Row(row) = connection.next_row().await? {
            let mut cells = TextCells::new(&row).map_while(Result::ok);
            let mut next = || {
                cells
                    .next()
                    .flatten()
                    .map(|cell| String::from_utf8_lossy(cell).into_owned())
            };
            if let (Some(level), Some(code), Some(message), true) =
                (next(), next(), next(), found.len() < MAX_DIAGNOSTICS)
            {
                found.push(Diagnostic {
                    level,
                    code: code
                        .parse()
                        .map_err(|_| WireError::Malformed("number of a warning"))?,
                    message,
                });
            }
        }
    }
    Ok(found)
}
