//! Discarding an attempt that failed: its tables are dropped, its number is never used again.

use mysql_async::params;
use mysql_async::prelude::Queryable;
use orrery_archive::names::staging_database;
use orrery_worker_api::agent::RowState;

use super::attempts;
use super::drop::drop_table;
use super::manifest;
use crate::agent::Agent;
use crate::db::sql;
use crate::error::{AgentError, Result};

/// Drops everything of an attempt that is not published.
pub async fn discard(agent: &Agent, attempt: u64) -> Result<()> {
    let _lock = agent
        .attempts
        .take(attempt, &format!("attempt {attempt}"))?;
    let mut conn = agent.db.session().await?;
    let rows = manifest::of_attempt(&mut conn, attempt).await?;
    if let Some(row) = rows
        .iter()
        .find(|row| matches!(row.state, RowState::Published | RowState::Revoked))
    {
        return Err(AgentError::Conflict(format!(
            "attempt {attempt} was published: {}.{} is {:?}",
            row.database, row.table, row.state
        )));
    }
    agent.sessions.close(attempt).await;
    conn.exec_drop(
        "INSERT INTO orrery_control.attempt (attempt, state, spec) VALUES (:attempt, 'discarded', 'null') \
         ON DUPLICATE KEY UPDATE state = 'discarded'",
        params! { attempt },
    )
    .await?;
    for row in rows.iter().filter(|row| row.state == RowState::Sealed) {
        if !drop_table(&mut conn, row, row.epoch).await? {
            return Err(AgentError::Busy(format!(
                "{}.{} is in use",
                row.database, row.table
            )));
        }
    }
    if let Some((_, Some(spec))) = attempts::find(&mut conn, attempt).await? {
        drop_uncounted(&mut conn, attempt, &spec.database).await?;
    }
    conn.query_drop(format!(
        "DROP DATABASE IF EXISTS {}",
        sql::ident(&staging_database(attempt))
    ))
    .await?;
    Ok(())
}

/// Drops tables a broken seal had moved but not counted yet: they are the attempt's own and in no
/// manifest.
async fn drop_uncounted(conn: &mut mysql_async::Conn, attempt: u64, database: &str) -> Result<()> {
    for table in attempts::staged(conn, attempt).await? {
        if manifest::find(conn, database, &table.table)
            .await?
            .is_none()
        {
            conn.query_drop(format!(
                "DROP TABLE IF EXISTS {} NOWAIT",
                sql::qualified(database, &table.table)
            ))
            .await?;
        }
    }
    Ok(())
}
