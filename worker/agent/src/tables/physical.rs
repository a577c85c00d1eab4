//! Statements on physical tables.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, params};
use orrery_archive::names::READER_ACCOUNT;

use crate::config::Config;
use crate::db::sql;
use crate::error::{AgentError, Result};

/// Tries of a statement that must not wait for locks.
const TRIES: u32 = 20;
/// Pause between them.
const PAUSE: Duration = Duration::from_millis(50);

/// `CREATE TABLE IF NOT EXISTS` with the column list and options in `create`.
pub async fn create(conn: &mut Conn, database: &str, table: &str, create: &str) -> Result<()> {
    if !create.trim_start().starts_with('(') {
        return Err(AgentError::BadRequest(format!(
            "the DDL of {table} does not start with its column list: {create:?}"
        )));
    }
    let name = sql::qualified(database, table);
    let create = format!("CREATE TABLE IF NOT EXISTS {name} {create}");
    Ok(conn.query_drop(sql::single(&create)).await?)
}

/// Fails unless the table is InnoDB: other engines do not roll back with the ledger (tried).
pub async fn require_innodb(conn: &mut Conn, database: &str, table: &str) -> Result<()> {
    let engine: Option<Option<String>> = conn
        .exec_first(
            "SELECT engine FROM information_schema.tables WHERE table_schema = :database AND table_name = :table",
            params! { database, table },
        )
        .await?;
    if engine.flatten().as_deref() == Some("InnoDB") {
        Ok(())
    } else {
        Err(AgentError::BadRequest(format!(
            "{database}.{table} is not an InnoDB table"
        )))
    }
}

/// Makes a physical database and lets readers see it.
pub async fn create_database(conn: &mut Conn, database: &str) -> Result<()> {
    conn.query_drop(format!(
        "CREATE DATABASE IF NOT EXISTS {}",
        sql::ident(database)
    ))
    .await?;
    conn.query_drop(format!(
        "GRANT SELECT ON {}.* TO '{READER_ACCOUNT}'@'%'",
        sql::grant_pattern(database)
    ))
    .await?;
    Ok(())
}

/// Drops a database, which must be empty, with the grant it was made with.
pub async fn drop_database(conn: &mut Conn, database: &str) -> Result<()> {
    conn.query_drop(format!("DROP DATABASE IF EXISTS {}", sql::ident(database)))
        .await?;
    let pattern = sql::grant_pattern(database);
    let granted: Option<u8> = conn
        .exec_first(
            format!("SELECT 1 FROM mysql.db WHERE Db = :pattern AND User = '{READER_ACCOUNT}'"),
            params! { "pattern" => pattern.trim_matches('`') },
        )
        .await?;
    if granted.is_some() {
        conn.query_drop(format!(
            "REVOKE SELECT ON {pattern}.* FROM '{READER_ACCOUNT}'@'%'"
        ))
        .await?;
    }
    Ok(())
}

/// Whether the table exists.
pub async fn exists(conn: &mut Conn, database: &str, table: &str) -> Result<bool> {
    let found: Option<u8> = conn
        .exec_first(
            "SELECT 1 FROM information_schema.tables WHERE table_schema = :database AND table_name = :table",
            params! { database, table },
        )
        .await?;
    Ok(found.is_some())
}

/// Names of a database's tables; none when there is no such database.
pub async fn tables(conn: &mut Conn, database: &str) -> Result<BTreeSet<String>> {
    let names: Vec<String> = conn
        .exec(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = :database",
            params! { database },
        )
        .await?;
    Ok(names.into_iter().collect())
}

/// Moves tables to another database, all or none. No statement reads them where they are, so none
/// waits behind this one; with NOWAIT it would fail whenever another session has a table made or
/// moved.
pub async fn rename(conn: &mut Conn, tables: &[&str], from: &str, to: &str) -> Result<()> {
    let moves = tables.iter().map(|table| {
        let (from, to) = (sql::qualified(from, table), sql::qualified(to, table));
        format!("{from} TO {to}")
    });
    let moves: Vec<String> = moves.collect();
    Ok(conn
        .query_drop(format!("RENAME TABLE {}", moves.join(", ")))
        .await?)
}

/// Runs a statement that says NOWAIT, again and again for a second; false when a lock stood in its
/// way each time.
pub async fn without_waiting(conn: &mut Conn, statement: &str) -> Result<bool> {
    for _ in 0..TRIES {
        match conn.query_drop(statement).await.map_err(AgentError::from) {
            Ok(()) => return Ok(true),
            Err(error) if error.is_lock_wait() => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// The table's definition, as mysqld writes it.
pub async fn show_create(conn: &mut Conn, database: &str, table: &str) -> Result<String> {
    let row: Option<(String, String)> = conn
        .query_first(format!(
            "SHOW CREATE TABLE {}",
            sql::qualified(database, table)
        ))
        .await?;
    row.map(|(_, definition)| definition)
        .ok_or_else(|| AgentError::NotFound(format!("{database}.{table} has no definition")))
}

/// Fresh optimizer statistics. On one connection for many tables: InnoDB's dictionary is locked
/// meanwhile.
pub async fn analyze(conn: &mut Conn, database: &str, tables: &[&str]) -> Result<()> {
    let names = tables.iter().map(|table| sql::qualified(database, table));
    let names: Vec<String> = names.collect();
    Ok(conn
        .query_drop(format!("ANALYZE TABLE {}", names.join(", ")))
        .await?)
}

/// The tablespace file of a table.
pub fn tablespace(config: &Config, database: &str, table: &str) -> PathBuf {
    config.data_dir.join(database).join(format!("{table}.ibd"))
}

/// Bytes of a table's tablespace.
pub async fn bytes(config: &Config, database: &str, table: &str) -> Result<u64> {
    let path = tablespace(config, database, table);
    let metadata = tokio::fs::metadata(&path).await;
    Ok(metadata
        .map_err(|source| AgentError::io(format!("look at {}", path.display()), source))?
        .len())
}
