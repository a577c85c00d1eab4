//! When each table was last compared with the manifest, and what was wrong with it.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, params};
use orrery_worker_api::agent::{DamagedTable, ManifestRow};

use super::manifest;
use crate::error::Result;

/// A table is checked so often, in days.
const EVERY_DAYS: u32 = 14;
/// Damaged tables that are listed: more are replaced after these.
const MOST_LISTED: u32 = 1_000;
/// Longest description that is kept, in characters.
const LONGEST: usize = 1_000;

/// The table that was not checked for the longest, if it is due.
pub async fn due(conn: &mut Conn) -> Result<Option<ManifestRow>> {
    let statement = format!(
        "SELECT m.db, m.name FROM orrery_control.manifest m \
         LEFT JOIN orrery_control.checked c ON c.db = m.db AND c.name = m.name \
         WHERE m.state IN ('published', 'revoked') AND (c.at IS NULL OR c.at < NOW() - INTERVAL {EVERY_DAYS} DAY) \
         ORDER BY c.at, m.db, m.name LIMIT 1"
    );
    let found: Option<(String, String)> = conn.query_first(statement).await?;
    match found {
        Some((database, table)) => manifest::find(conn, &database, &table).await,
        None => Ok(None),
    }
}

/// Records what was found: what is damaged, or `None`.
pub async fn record(conn: &mut Conn, row: &ManifestRow, damage: Option<&str>) -> Result<()> {
    let damage = damage.map(|what| what.chars().take(LONGEST).collect::<String>());
    conn.exec_drop(
        "REPLACE INTO orrery_control.checked (db, name, at, damage) VALUES (:db, :name, NOW(), :damage)",
        params! { "db" => &row.database, "name" => &row.table, damage },
    )
    .await?;
    Ok(())
}

/// Forgets a table that was replaced: it was verified when it came.
pub async fn forget(conn: &mut Conn, row: &ManifestRow) -> Result<()> {
    conn.exec_drop(
        "DELETE FROM orrery_control.checked WHERE db = :db AND name = :name",
        params! { "db" => &row.database, "name" => &row.table },
    )
    .await?;
    Ok(())
}

/// Whether a table is known to be damaged.
pub async fn is_damaged(conn: &mut Conn, database: &str, table: &str) -> Result<bool> {
    let found: Option<u8> = conn
        .exec_first(
            "SELECT 1 FROM orrery_control.checked WHERE db = :database AND name = :table AND damage IS NOT NULL",
            params! { database, table },
        )
        .await?;
    Ok(found.is_some())
}

/// How many tables are damaged.
pub async fn count_damaged(conn: &mut Conn) -> Result<i64> {
    let count: Option<i64> = conn
        .query_first(
            "SELECT COUNT(*) FROM orrery_control.checked JOIN orrery_control.manifest USING (db, name) \
             WHERE damage IS NOT NULL AND state <> 'deleted'",
        )
        .await?;
    count.ok_or_else(manifest::no_answer)
}

/// The damaged tables.
pub async fn damaged(conn: &mut Conn) -> Result<Vec<DamagedTable>> {
    let names: Vec<(String, String, String)> = conn
        .query(format!(
            "SELECT db, name, damage FROM orrery_control.checked JOIN orrery_control.manifest USING (db, name) \
             WHERE damage IS NOT NULL AND state <> 'deleted' ORDER BY db, name LIMIT {MOST_LISTED}"
        ))
        .await?;
    let mut tables = Vec::new();
    for (database, table, damage) in names {
        if let Some(row) = manifest::find(conn, &database, &table).await? {
            tables.push(DamagedTable { row, damage });
        }
    }
    Ok(tables)
}
