//! The texts of a statement's warnings, for SHOW WARNINGS.

use std::time::Duration;

use orrery_czar_protocol::answer;
use orrery_wire::WireError;
use orrery_wire::client::{ClientError, Next, Response};
use orrery_wire::value::TextCells;

use crate::czars::PooledConnection;
use crate::session::{Diagnostic, Diagnostics};

/// How long SHOW WARNINGS may take.
const WARNINGS_TIMEOUT: Duration = Duration::from_secs(2);

/// The texts of warnings, asked for on the same connection before anybody else uses it.
pub(super) async fn warnings(czar: &mut PooledConnection, count: u16) -> Diagnostics {
    if count == 0 {
        return Diagnostics::default();
    }
    let fetched = tokio::time::timeout(WARNINGS_TIMEOUT, fetch_warnings(czar)).await;
    let listed = match fetched {
        Ok(Ok(warnings)) => warnings,
        Ok(Err(error)) => {
            tracing::debug!(%error, "warnings not fetched");
            Vec::new()
        }
        Err(_) => {
            czar.distrust();
            Vec::new()
        }
    };
    Diagnostics::new(listed, count)
}

async fn fetch_warnings(czar: &mut PooledConnection) -> Result<Vec<Diagnostic>, ClientError> {
    let connection = czar.connection()?;
    let mut found = Vec::new();
    if let Response::Rows(_) = connection.query(answer::WARNINGS).await? {
        while let Next::Row(row) = connection.next_row().await? {
            let mut cells = TextCells::new(&row).map_while(Result::ok);
            let mut next = || {
                cells
                    .next()
                    .flatten()
                    .map(|cell| String::from_utf8_lossy(cell).into_owned())
            };
            if let (Some(level), Some(code), Some(message), true) =
                (next(), next(), next(), found.len() < Diagnostics::MOST)
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
