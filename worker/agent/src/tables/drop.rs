//! Dropping tables that no root names any more.
//!
//! Only tables the manifest knows, and only with a placementEpoch not older than the one recorded, so that a caller with an old root
//! cannot drop what a newer one gave. A waiting DROP blocks every new reader (tried), so it never waits: a busy table is told.

use mysql_async::Conn;
use orrery_crds::agent::{Drop, Dropped, ManifestRow, RowState};

use super::{manifest, physical};
use crate::db::sql;
use crate::error::{AgentError, Result};

/// Drops what can be dropped now. Nothing is dropped when one of the tables may not be.
pub async fn drop(conn: &mut Conn, request: &Drop) -> Result<Dropped> {
    let mut rows = Vec::new();
    for (database, table) in &request.tables {
        rows.push(droppable(conn, database, table, request.placement_epoch).await?);
    }
    let mut dropped = Dropped::default();
    for row in rows {
        let name = (row.database.clone(), row.table.clone());
        if drop_table(conn, &row, request.placement_epoch).await? {
            dropped.gone.push(name);
        } else {
            dropped.busy.push(name);
        }
    }
    Ok(dropped)
}

async fn droppable(conn: &mut Conn, database: &str, table: &str, epoch: u64) -> Result<ManifestRow> {
    sql::check_name(database)?;
    sql::check_name(table)?;
    let Some(row) = manifest::find(conn, database, table).await? else {
        return Err(AgentError::NotFound(format!(
            "{database}.{table} is not in the manifest; unknown tables are kept"
        )));
    };
    if epoch < row.epoch {
        return Err(AgentError::EpochTooLow(format!(
            "{database}.{table} was set to {:?} at placementEpoch {}; {epoch} is older",
            row.state, row.epoch
        )));
    }
    Ok(row)
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
