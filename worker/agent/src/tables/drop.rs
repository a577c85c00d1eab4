//! Dropping tables that no root names any more.
//!
//! Only tables the manifest knows, and only with a placementEpoch not older than the one recorded,
//! so that a caller with an old root cannot drop what a newer one gave. A waiting DROP blocks every
//! new reader (tried), so it never waits: a busy table is reported.

use std::time::{Duration, Instant};

use mysql_async::Conn;
use orrery_worker_api::agent::{Drop, Dropped, ManifestRow, RowState};

use super::{manifest, physical};
use crate::db::sql;
use crate::error::{AgentError, Result};

/// After this time the rest of a database is left to the next call: callers wait five seconds for
/// an answer.
const LONGEST: Duration = Duration::from_secs(2);

/// Drops what can be dropped now. Nothing is dropped when one of the tables may not be.
pub async fn drop(conn: &mut Conn, request: &Drop) -> Result<Dropped> {
    let mut rows = Vec::new();
    for (database, table) in &request.tables {
        rows.push(known(conn, database, table).await?);
    }
    let mut databases = Vec::new();
    for database in &request.databases {
        sql::check_name(database)?;
        databases.push((database, manifest::of_database(conn, database).await?));
    }
    let all = databases.iter().flat_map(|(_, rows)| rows);
    for row in rows.iter().chain(all) {
        check_epoch(row, request.placement_epoch)?;
    }
    let mut dropped = Dropped::default();
    for row in &rows {
        drop_counted(conn, row, request.placement_epoch, &mut dropped).await?;
    }
    let begun = Instant::now();
    for (database, rows) in databases {
        let mut finished = true;
        for row in &rows {
            finished &= begun.elapsed() < LONGEST
                && drop_counted(conn, row, request.placement_epoch, &mut dropped).await?;
        }
        if !finished {
            dropped.unfinished.push(database.clone());
        } else if physical::tables(conn, database).await?.is_empty() {
            physical::drop_database(conn, database).await?;
        }
    }
    Ok(dropped)
}

async fn known(conn: &mut Conn, database: &str, table: &str) -> Result<ManifestRow> {
    sql::check_name(database)?;
    sql::check_name(table)?;
    manifest::find(conn, database, table).await?.ok_or_else(|| {
        AgentError::NotFound(format!(
            "{database}.{table} is not in the manifest; unknown tables are kept"
        ))
    })
}

fn check_epoch(row: &ManifestRow, epoch: u64) -> Result<()> {
    if epoch < row.epoch {
        return Err(AgentError::EpochTooLow(format!(
            "{}.{} was set to {:?} at placementEpoch {}; {epoch} is older",
            row.database, row.table, row.state, row.epoch
        )));
    }
    Ok(())
}

/// Drops one table and counts it; false when it stays in use.
async fn drop_counted(
    conn: &mut Conn,
    row: &ManifestRow,
    epoch: u64,
    dropped: &mut Dropped,
) -> Result<bool> {
    let gone = drop_table(conn, row, epoch).await?;
    let list = if gone {
        &mut dropped.gone
    } else {
        &mut dropped.busy
    };
    list.push((row.database.clone(), row.table.clone()));
    Ok(gone)
}

/// Drops one table; false when it stays in use.
pub async fn drop_table(conn: &mut Conn, row: &ManifestRow, epoch: u64) -> Result<bool> {
    let statement = format!(
        "DROP TABLE IF EXISTS {} NOWAIT",
        sql::qualified(&row.database, &row.table)
    );
    let gone = physical::without_waiting(conn, &statement).await?;
    if gone {
        manifest::set_table_state(conn, row, RowState::Deleted, epoch).await?;
    }
    Ok(gone)
}
