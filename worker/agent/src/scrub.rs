//! Rows that lie still are read again: a disk may change what it holds without a word.
//!
//! Each table of the manifest is counted and summed once in a while and compared with what was agreed
//! on when it was sealed, the one first that was not checked for the longest. What was found is in a
//! control table, so that a restart continues where it stopped. The work takes a small share of the
//! time; a damaged table is no source of copies from then on, and the operator has it replaced.

use std::sync::Arc;
use std::time::{Duration, Instant};

use orrery_worker_api::agent::ManifestRow;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::error::{AgentError, Result};
use crate::tables::{checks, checksum};

/// Of so many seconds one is spent reading.
const SHARE: u32 = 20;
/// Shortest pause between two tables.
const REST: Duration = Duration::from_millis(500);
/// Pause when every table was checked lately, or mysqld is away.
const IDLE: Duration = Duration::from_secs(60);

/// Checks tables until `stop`.
pub async fn run(agent: Arc<Agent>, stop: CancellationToken) {
    loop {
        let began = Instant::now();
        let pause = match step(&agent).await {
            Ok(Some(_)) => (began.elapsed() * (SHARE - 1)).max(REST),
            Ok(None) => IDLE,
            Err(error) => {
                tracing::debug!(%error, "no table was checked");
                IDLE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Checks the table that is due, and says which it was; `None` when none is.
pub async fn step(agent: &Agent) -> Result<Option<ManifestRow>> {
    agent.require_identity()?;
    let mut conn = agent.db.session().await?;
    let Some(row) = checks::due(&mut conn).await? else {
        return Ok(None);
    };
    // It is neither dropped nor replaced meanwhile.
    let Ok(_lock) = agent.tables.take(row.table.clone(), &row.table) else {
        return Ok(None);
    };
    let damage = match checksum::of(&mut conn, &row.database, &row.table).await {
        Ok(found) if found.rows == row.rows && found.checksum == row.checksum => None,
        Ok(found) => Some(format!(
            "it must have {} rows with checksum {} and has {} with {}",
            row.rows, row.checksum, found.rows, found.checksum
        )),
        Err(AgentError::Mismatch(what)) => Some(what),
        Err(error) => return Err(error),
    };
    if let Some(what) = &damage {
        tracing::error!(
            database = row.database,
            table = row.table,
            what,
            "a table is damaged"
        );
        // It may come again with a copy that was made once.
        agent.copies.forget(&row);
    }
    checks::record(&mut conn, &row, damage.as_deref()).await?;
    agent.metrics.checked_tables.inc();
    agent
        .metrics
        .damaged_tables
        .set(checks::count_damaged(&mut conn).await?);
    Ok(Some(row))
}
