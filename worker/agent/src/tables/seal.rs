//! Sealing an attempt: no row can come any more, the tables move to their physical database, and
//! only then are they counted.
//!
//! Every step can be repeated after a crash: the attempt's state, where each table is, and which
//! manifest rows exist say how far it came.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use orrery_archive::names::staging_database;
use orrery_worker_api::agent::{AttemptSpec, ManifestRow, RowState, StagedTable, TablePart};

use super::attempts::{self, AttemptState};
use super::checksum::Columns;
use super::{checksum, manifest, physical};
use crate::agent::Agent;
use crate::db::{shares, side_by_side, sql};
use crate::error::{AgentError, Result};

/// Tables that one statement moves.
const TABLES_PER_MOVE: usize = 16;
/// Tables that one statement analyzes.
const TABLES_PER_ANALYSIS: usize = 64;
/// Rows of the manifest that are written at once: after a crash so many tables are counted again.
const ROWS_PER_COMMIT: usize = 16;
/// How long a call waits before it says that the work is under way.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Seals an attempt, or continues to: its manifest rows, or `None` while the work is under way.
pub async fn drive(agent: &Arc<Agent>, attempt: u64) -> Result<Option<Vec<ManifestRow>>> {
    let mut conn = agent.db.conn().await?;
    match attempts::find(&mut conn, attempt).await? {
        None => {
            return Err(AgentError::NotFound(format!(
                "attempt {attempt} is not open on this worker"
            )));
        }
        Some((AttemptState::Discarded, _)) => {
            return Err(AgentError::Conflict(format!(
                "attempt {attempt} was discarded"
            )));
        }
        Some((AttemptState::Sealed, _)) => {
            return Ok(Some(manifest::of_attempt(&mut conn, attempt).await?));
        }
        Some(_) => {}
    }
    let job = agent
        .seals
        .drive(attempt, TIMEOUT, || seal(agent.clone(), attempt))
        .await;
    match job {
        None => Ok(None),
        Some(Err(error)) => Err(error),
        Some(Ok(())) => Ok(Some(manifest::of_attempt(&mut conn, attempt).await?)),
    }
}

async fn seal(agent: Arc<Agent>, attempt: u64) -> Result<()> {
    let _lock = agent
        .attempts
        .take(attempt, &format!("attempt {attempt}"))?;
    agent.sessions.close(attempt).await;
    let mut conn = agent.db.session().await?;
    let Some((state, Some(spec))) = attempts::find(&mut conn, attempt).await? else {
        return Err(AgentError::NotFound(format!(
            "attempt {attempt} is not open on this worker"
        )));
    };
    match state {
        AttemptState::Open => {
            attempts::set_state(&mut conn, attempt, AttemptState::Sealing).await?;
        }
        AttemptState::Sealing => {}
        AttemptState::Sealed => return Ok(()),
        AttemptState::Discarded => {
            return Err(AgentError::Conflict(format!(
                "attempt {attempt} was discarded"
            )));
        }
    }
    let tables = attempts::staged(&mut conn, attempt).await?;
    physical::create_database(&mut conn, &spec.database).await?;
    move_in(&agent, attempt, &spec, &tables).await?;
    let entered = shares(&tables).map(|tables| enter_manifest(&agent, attempt, &spec, tables));
    let entered = side_by_side(entered.collect());
    let (analyzed, entered) = tokio::join!(analyze(&agent, &spec, &tables), entered);
    analyzed.and(entered)?;
    let staging = sql::ident(&staging_database(attempt));
    conn.query_drop(format!("DROP DATABASE IF EXISTS {staging}"))
        .await?;
    attempts::set_state(&mut conn, attempt, AttemptState::Sealed).await?;
    tracing::info!(attempt, tables = tables.len(), "sealed");
    Ok(())
}

async fn move_in(
    agent: &Agent,
    attempt: u64,
    spec: &AttemptSpec,
    tables: &[StagedTable],
) -> Result<()> {
    let mut conn = agent.db.session().await?;
    let staging = staging_database(attempt);
    let staged = physical::tables(&mut conn, &staging).await?;
    let moved = physical::tables(&mut conn, &spec.database).await?;
    let tables = tables.iter().map(|staged| staged.table.as_str());
    let (staying, gone): (Vec<&str>, Vec<&str>) = tables
        .filter(|table| staged.contains(*table) || !moved.contains(*table))
        .partition(|table| staged.contains(*table));
    if let Some(table) = gone.first() {
        return Err(AgentError::Mismatch(format!(
            "{table} of attempt {attempt} is gone"
        )));
    }
    let (staging, database) = (staging.as_str(), spec.database.as_str());
    let rename = async |tables: &[&str]| {
        let mut conn = agent.db.session().await?;
        for tables in tables.chunks(TABLES_PER_MOVE) {
            physical::rename(&mut conn, tables, staging, database).await?;
        }
        Ok(())
    };
    side_by_side(shares(&staying).map(rename).collect()).await
}

async fn analyze(agent: &Agent, spec: &AttemptSpec, tables: &[StagedTable]) -> Result<()> {
    let mut conn = agent.db.session().await?;
    let tables: Vec<&str> = tables.iter().map(|staged| staged.table.as_str()).collect();
    for tables in tables.chunks(TABLES_PER_ANALYSIS) {
        physical::analyze(&mut conn, &spec.database, tables).await?;
    }
    Ok(())
}

async fn enter_manifest(
    agent: &Agent,
    attempt: u64,
    spec: &AttemptSpec,
    tables: &[StagedTable],
) -> Result<()> {
    let mut conn = agent.db.session().await?;
    let entered = manifest::of_attempt(&mut conn, attempt).await?;
    let entered: BTreeSet<&str> = entered.iter().map(|row| row.table.as_str()).collect();
    let left = tables
        .iter()
        .filter(|table| !entered.contains(table.table.as_str()));
    let left: Vec<&StagedTable> = left.collect();
    // Tables of a part have the same definition.
    let mut columns: BTreeMap<TablePart, Columns> = BTreeMap::new();
    for tables in left.chunks(ROWS_PER_COMMIT) {
        let mut rows = Vec::new();
        for table in tables {
            let columns = match columns.entry(table.part) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let found = Columns::of(&mut conn, &spec.database, &table.table).await?;
                    new.insert(found)
                }
            };
            rows.push(count(agent, &mut conn, attempt, spec, (table, columns)).await?);
        }
        conn.query_drop("START TRANSACTION").await?;
        for row in &rows {
            manifest::put(&mut conn, row).await?;
        }
        conn.query_drop("COMMIT").await?;
    }
    Ok(())
}

async fn count(
    agent: &Agent,
    conn: &mut Conn,
    attempt: u64,
    spec: &AttemptSpec,
    (table, columns): (&StagedTable, &Columns),
) -> Result<ManifestRow> {
    let contents = checksum::of_columns(conn, &spec.database, &table.table, columns).await?;
    Ok(ManifestRow {
        database: spec.database.clone(),
        table: table.table.clone(),
        incarnation: spec.incarnation,
        segment: spec.segment,
        attempt,
        chunk: table.chunk,
        part: table.part,
        schema_version: spec.schema_version,
        rows: contents.rows,
        bytes: physical::bytes(&agent.config, &spec.database, &table.table).await?,
        checksum: contents.checksum,
        state: RowState::Sealed,
        epoch: 0,
    })
}
