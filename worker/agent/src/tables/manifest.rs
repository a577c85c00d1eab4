//! The manifest: what this worker holds, with the counts and checksums that were agreed on when it
//! was sealed.

use mysql_async::prelude::{FromValue, Queryable};
use mysql_async::{Conn, Params, Row, params};
use orrery_worker_api::agent::{Highest, ManifestPage, ManifestRow, RowState, SetState};

use super::{part_from, part_name, state_from, state_name};
use crate::error::{AgentError, Result};

const COLUMNS: &str = "db, name, incarnation, segment, attempt, chunk, part, schema_version, row_count, bytes, checksum, state, epoch";
/// Largest page.
const MAX_PAGE: u32 = 10_000;

fn decode(mut row: Row) -> Result<ManifestRow> {
    Ok(ManifestRow {
        database: field(&mut row, "db")?,
        table: field(&mut row, "name")?,
        incarnation: field(&mut row, "incarnation")?,
        segment: field(&mut row, "segment")?,
        attempt: field(&mut row, "attempt")?,
        chunk: field(&mut row, "chunk")?,
        part: part_from(&field::<String>(&mut row, "part")?)?,
        schema_version: field(&mut row, "schema_version")?,
        rows: field(&mut row, "row_count")?,
        bytes: field(&mut row, "bytes")?,
        checksum: field(&mut row, "checksum")?,
        state: state_from(&field::<String>(&mut row, "state")?)?,
        epoch: field(&mut row, "epoch")?,
    })
}

fn field<T: FromValue>(row: &mut Row, name: &str) -> Result<T> {
    match row.take_opt(name) {
        Some(Ok(value)) => Ok(value),
        _ => Err(AgentError::Internal(format!(
            "the manifest's column {name} cannot be read"
        ))),
    }
}

async fn select(conn: &mut Conn, condition: &str, params: Params) -> Result<Vec<ManifestRow>> {
    let rows: Vec<Row> = conn
        .exec(
            format!("SELECT {COLUMNS} FROM orrery_control.manifest WHERE {condition}"),
            params,
        )
        .await?;
    rows.into_iter().map(decode).collect()
}

/// Row of a table; rows of dropped tables are there too, in state `Deleted`.
pub async fn find(conn: &mut Conn, database: &str, table: &str) -> Result<Option<ManifestRow>> {
    Ok(select(
        conn,
        "db = :database AND name = :table",
        params! { database, table },
    )
    .await?
    .pop())
}

/// Rows of an attempt.
pub async fn of_attempt(conn: &mut Conn, attempt: u64) -> Result<Vec<ManifestRow>> {
    select(
        conn,
        "attempt = :attempt ORDER BY db, name",
        params! { attempt },
    )
    .await
}

/// Rows of the tables that are there in a database.
pub async fn of_database(conn: &mut Conn, database: &str) -> Result<Vec<ManifestRow>> {
    select(
        conn,
        "db = :database AND state <> 'deleted' ORDER BY name",
        params! { database },
    )
    .await
}

/// A page after `after` (a former page's `next`).
pub async fn page(
    conn: &mut Conn,
    after: Option<&str>,
    limit: Option<u32>,
) -> Result<ManifestPage> {
    let limit = limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
    let (database, table) = match after {
        None => ("", ""),
        Some(after) => after.split_once('.').ok_or_else(|| {
            AgentError::BadRequest(format!("{after:?} is no place in the manifest"))
        })?,
    };
    let rows = select(
        conn,
        "(db > :database OR (db = :database AND name > :table)) ORDER BY db, name LIMIT :limit",
        params! { database, table, limit },
    )
    .await?;
    let full = rows.len() == limit as usize;
    let next = rows
        .last()
        .filter(|_| full)
        .map(|row| format!("{}.{}", row.database, row.table));
    Ok(ManifestPage { rows, next })
}

/// Writes a row, replacing one of the same table.
pub async fn put(conn: &mut Conn, row: &ManifestRow) -> Result<()> {
    let params = params! {
        "db" => &row.database,
        "name" => &row.table,
        "incarnation" => row.incarnation,
        "segment" => row.segment,
        "attempt" => row.attempt,
        "chunk" => row.chunk,
        "part" => part_name(row.part),
        "schema_version" => row.schema_version,
        "row_count" => row.rows,
        "bytes" => row.bytes,
        "checksum" => &row.checksum,
        "state" => state_name(row.state),
        "epoch" => row.epoch,
    };
    conn.exec_drop(
        format!(
            "REPLACE INTO orrery_control.manifest ({COLUMNS}) VALUES (:db, :name, :incarnation, :segment, :attempt, \
             :chunk, :part, :schema_version, :row_count, :bytes, :checksum, :state, :epoch)"
        ),
        params,
    )
    .await?;
    Ok(())
}

/// Sets the state of one table's row.
pub async fn set_table_state(
    conn: &mut Conn,
    row: &ManifestRow,
    state: RowState,
    epoch: u64,
) -> Result<()> {
    conn.exec_drop(
        "UPDATE orrery_control.manifest SET state = :state, epoch = GREATEST(epoch, :epoch) WHERE db = :db AND name = :name",
        params! { "state" => state_name(state), "epoch" => epoch, "db" => &row.database, "name" => &row.table },
    )
    .await?;
    Ok(())
}

/// Moves the rows of segments to `Published` or `Revoked`; a revoked segment may be published
/// again. Rows set at a later placementEpoch stay as they are: the caller looks at an older root.
pub async fn set_state(conn: &mut Conn, request: &SetState) -> Result<()> {
    let from = match request.state {
        RowState::Published => "'sealed', 'published', 'revoked'",
        RowState::Revoked => "'published', 'revoked'",
        RowState::Sealed => {
            return Err(AgentError::BadRequest(
                "only sealing makes a table sealed".into(),
            ));
        }
        RowState::Deleted => {
            return Err(AgentError::BadRequest(
                "only a drop makes a table deleted".into(),
            ));
        }
    };
    let statement = format!(
        "UPDATE orrery_control.manifest SET state = :state, epoch = :epoch \
         WHERE segment = :segment AND state IN ({from}) AND epoch <= :epoch"
    );
    let (state, epoch) = (state_name(request.state), request.epochs.placement);
    conn.query_drop("START TRANSACTION").await?;
    for segment in &request.segments {
        conn.exec_drop(&statement, params! { state, epoch, segment })
            .await?;
    }
    conn.query_drop("COMMIT").await?;
    Ok(())
}

/// Tables and their bytes.
pub async fn totals(conn: &mut Conn) -> Result<(u64, u64)> {
    let row: Option<(u64, u64)> = conn
        .query_first(
            "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS UNSIGNED) FROM orrery_control.manifest WHERE state <> 'deleted'",
        )
        .await?;
    row.ok_or_else(no_answer)
}

/// Highest attempt and segment ever heard of; discarded attempts count.
pub async fn highest(conn: &mut Conn) -> Result<Highest> {
    let row: Option<(Option<u64>, Option<u64>, Option<u64>)> = conn
        .query_first(
            "SELECT (SELECT MAX(attempt) FROM orrery_control.attempt), (SELECT MAX(attempt) FROM orrery_control.manifest), \
             (SELECT MAX(segment) FROM orrery_control.manifest)",
        )
        .await?;
    let (opened, copied, segment) = row.ok_or_else(no_answer)?;
    // Where nothing was ever loaded there is no number, and every number is higher than 0.
    Ok(Highest {
        attempt: opened.max(copied).unwrap_or(0),
        segment: segment.unwrap_or(0),
    })
}

pub(super) fn no_answer() -> AgentError {
    AgentError::Internal("a statement that always has one row had none".into())
}

/// Tables in physical databases that the manifest does not know and no seal is about to enter. They
/// are kept and reported (docs/design/catalog.md#unknown-tables).
pub async fn unknown(conn: &mut Conn) -> Result<Vec<(String, String)>> {
    let rows = conn
        .query(
            "SELECT t.table_schema, t.table_name FROM information_schema.tables t \
             LEFT JOIN orrery_control.manifest m ON m.db = t.table_schema AND m.name = t.table_name AND m.state <> 'deleted' \
             WHERE t.table_schema REGEXP '__[0-9]+$' AND t.table_schema NOT LIKE 'orrery\\_staging\\_\\_%' AND m.db IS NULL \
             AND t.table_name NOT IN (SELECT s.name FROM orrery_control.staged_table s JOIN orrery_control.attempt a \
               ON a.attempt = s.attempt WHERE a.state = 'sealing') ORDER BY 1, 2",
        )
        .await?;
    Ok(rows)
}
