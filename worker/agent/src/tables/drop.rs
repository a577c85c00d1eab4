//! Dropping tables that no root names any more.
//!
//! Only tables the manifest knows, only with a placementEpoch not older than the one recorded, so
//! that a caller with an old root cannot drop what a newer one gave, and none that the catalog copy
//! held here gives to this worker. A waiting DROP blocks every new reader (tried), so it never
//! waits: a busy table is reported.

use std::time::{Duration, Instant};

use mysql_async::Conn;
use orrery_archive::catalog::{Claim, Claims, HeldTable};
use orrery_worker_api::agent::{Drop, Dropped, ManifestRow, RowState};

use super::{manifest, physical};
use crate::agent::Agent;
use crate::db::sql;
use crate::error::{AgentError, Result};

/// After this time the rest is left to the next call: callers wait five seconds for
/// an answer.
const LONGEST: Duration = Duration::from_secs(2);

/// Drops what can be dropped now. Nothing is dropped when one of the tables may not be.
pub async fn drop(agent: &Agent, request: &Drop) -> Result<Dropped> {
    let mut conn = agent.db.session().await?;
    let conn = &mut conn;
    let mut rows = Vec::new();
    for (database, table) in &request.tables {
        rows.push(known(conn, database, table).await?);
    }
    let mut databases = Vec::new();
    for database in &request.databases {
        sql::check_name(database)?;
        databases.push((database, manifest::of_database(conn, database).await?));
    }
    let all: Vec<&ManifestRow> = rows
        .iter()
        .chain(databases.iter().flat_map(|(_, rows)| rows))
        .collect();
    for row in &all {
        check_epoch(row, request.placement_epoch)?;
    }
    check_own_catalog(agent, &all)?;
    let mut dropped = Dropped::default();
    let begun = Instant::now();
    for row in &rows {
        if begun.elapsed() < LONGEST {
            drop_counted(agent, conn, row, request, &mut dropped).await?;
        } else {
            dropped.busy.push((row.database.clone(), row.table.clone()));
        }
    }
    for (database, rows) in databases {
        let mut finished = true;
        for row in &rows {
            finished &= begun.elapsed() < LONGEST
                && drop_counted(agent, conn, row, request, &mut dropped).await?;
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

/// Whoever asks: what the newest catalog seen here gives to this worker stays.
fn check_own_catalog(agent: &Agent, rows: &[&ManifestRow]) -> Result<()> {
    let Some(catalog) = agent.catalog.decoded()? else {
        return Ok(());
    };
    let worker = agent.require_identity()?.worker;
    let claims = Claims::of(&catalog);
    let given = rows.iter().find(|row| {
        let held = HeldTable {
            database: &row.database,
            attempt: row.attempt,
            chunk: row.chunk,
        };
        row.state != RowState::Deleted && claims.judge(worker, held) == Claim::Given
    });
    match given {
        None => Ok(()),
        Some(row) => Err(AgentError::Conflict(format!(
            "the catalog held here, of epochs {}, gives {}.{} to this worker",
            catalog.epochs, row.database, row.table
        ))),
    }
}

/// Drops one table and counts it; false when it stays in use, by readers or by a copy that just
/// verifies it. Term and epoch are looked at again under the table's lock: who has asked for a copy
/// of it since counts on it.
async fn drop_counted(
    agent: &Agent,
    conn: &mut Conn,
    row: &ManifestRow,
    request: &Drop,
    dropped: &mut Dropped,
) -> Result<bool> {
    let gone = match agent.tables.take(row.table.clone(), &row.table) {
        Err(_) => false,
        Ok(_lock) => {
            agent.terms.admit(request.term)?;
            let now = known(conn, &row.database, &row.table).await?;
            check_epoch(&now, request.placement_epoch)?;
            drop_table(conn, row, request.placement_epoch).await?
        }
    };
    if gone {
        agent.copies.forget(row);
    }
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
