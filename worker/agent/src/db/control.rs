//! The agent's own tables, in a database readers never see. InnoDB, so that a ledger row and the
//! rows it records are one transaction.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, params};
use orrery_archive::names::CONTROL_DATABASE;
use orrery_worker_api::agent::Identity;

use crate::error::{AgentError, Result};

/// Every table: what lies between CREATE TABLE IF NOT EXISTS and the engine.
const TABLES: [(&str, &str); 8] = [
    (
        "identity",
        "only_row TINYINT PRIMARY KEY CHECK (only_row = 1), archive_uid VARCHAR(255) NOT NULL, worker INT UNSIGNED NOT NULL, \
         directory VARCHAR(64) NOT NULL",
    ),
    (
        "attempt",
        "attempt BIGINT UNSIGNED PRIMARY KEY, state ENUM('open','sealing','sealed','discarded') NOT NULL, \
         spec LONGTEXT NOT NULL, opened TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP",
    ),
    (
        "staged_table",
        "attempt BIGINT UNSIGNED NOT NULL, part ENUM('home','overlap','index','reference') NOT NULL, \
         chunk INT UNSIGNED NOT NULL, name VARCHAR(64) NOT NULL, PRIMARY KEY (attempt, part, chunk), UNIQUE KEY (attempt, name)",
    ),
    (
        "ledger",
        "attempt BIGINT UNSIGNED NOT NULL, part ENUM('home','overlap','index','reference') NOT NULL, \
         chunk INT UNSIGNED NOT NULL, file INT UNSIGNED NOT NULL, file_part INT UNSIGNED NOT NULL, \
         row_count BIGINT UNSIGNED NOT NULL DEFAULT 0, bytes BIGINT UNSIGNED NOT NULL DEFAULT 0, \
         loaded TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (attempt, part, chunk, file, file_part)",
    ),
    (
        "source_files",
        "attempt BIGINT UNSIGNED PRIMARY KEY, files LONGTEXT NOT NULL",
    ),
    (
        "reject",
        "attempt BIGINT UNSIGNED NOT NULL, piece INT UNSIGNED NOT NULL, text MEDIUMBLOB NOT NULL, PRIMARY KEY (attempt, piece)",
    ),
    (
        "manifest",
        "db VARCHAR(64) NOT NULL, name VARCHAR(64) NOT NULL, incarnation BIGINT UNSIGNED NOT NULL, \
         segment BIGINT UNSIGNED NOT NULL, attempt BIGINT UNSIGNED NOT NULL, chunk INT UNSIGNED NOT NULL, \
         part ENUM('home','overlap','index','reference') NOT NULL, schema_version INT UNSIGNED NOT NULL, \
         row_count BIGINT UNSIGNED NOT NULL, bytes BIGINT UNSIGNED NOT NULL, checksum VARCHAR(255) NOT NULL, \
         state ENUM('sealed','published','revoked','deleted') NOT NULL, epoch BIGINT UNSIGNED NOT NULL, \
         PRIMARY KEY (db, name), KEY (attempt), KEY (segment)",
    ),
    (
        "checked",
        "db VARCHAR(64) NOT NULL, name VARCHAR(64) NOT NULL, at TIMESTAMP NOT NULL, damage VARCHAR(1000), PRIMARY KEY (db, name)",
    ),
];

/// Makes what is missing. Statistics are counted again with each start of mysqld, which does not do
/// so by itself: a search of few rows must not become one of all, and lock them.
pub async fn create(conn: &mut Conn) -> Result<()> {
    conn.query_drop(format!("CREATE DATABASE IF NOT EXISTS {CONTROL_DATABASE}"))
        .await?;
    for (name, columns) in TABLES {
        conn.query_drop(format!(
            "CREATE TABLE IF NOT EXISTS {CONTROL_DATABASE}.{name} ({columns}) \
             ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
        ))
        .await?;
    }
    let tables = TABLES.map(|(name, _)| format!("{CONTROL_DATABASE}.{name}"));
    Ok(conn
        .query_drop(format!("ANALYZE TABLE {}", tables.join(", ")))
        .await?)
}

/// The identity kept in the database.
pub async fn identity(conn: &mut Conn) -> Result<Option<Identity>> {
    let row: Option<(String, u32, String)> = conn
        .query_first("SELECT archive_uid, worker, directory FROM orrery_control.identity")
        .await?;
    Ok(row.map(|(archive_uid, worker, directory)| Identity {
        archive_uid,
        worker,
        directory,
    }))
}

/// Writes the identity; only a data directory without one takes it.
pub async fn set_identity(conn: &mut Conn, identity: &Identity) -> Result<()> {
    conn.exec_drop(
        "INSERT INTO orrery_control.identity (only_row, archive_uid, worker, directory) \
         VALUES (1, :archive_uid, :worker, :directory) ON DUPLICATE KEY UPDATE only_row = only_row",
        params! {
            "archive_uid" => &identity.archive_uid,
            "worker" => identity.worker,
            "directory" => &identity.directory,
        },
    )
    .await?;
    match self::identity(conn).await? {
        Some(stored) if stored == *identity => Ok(()),
        _ => Err(AgentError::WrongIdentity(
            "the data directory got another identity at the same moment".into(),
        )),
    }
}
