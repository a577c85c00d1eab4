//! What loaders leave with an attempt: the list of its source files and its rejects.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, params};
use orrery_worker_api::agent::SourceFiles;

use super::attempts;
use crate::error::{AgentError, Result};

/// Bytes of rejects in one row of the control table.
const PIECE: usize = 1 << 20;

async fn require_attempt(conn: &mut Conn, attempt: u64) -> Result<()> {
    match attempts::find(conn, attempt).await? {
        Some(_) => Ok(()),
        None => Err(AgentError::NotFound(format!(
            "attempt {attempt} is not open on this worker"
        ))),
    }
}

/// Keeps the list of files; a list that differs from the one kept is refused: a source changed
/// between two tries.
pub async fn put_files(conn: &mut Conn, attempt: u64, files: &SourceFiles) -> Result<()> {
    require_attempt(conn, attempt).await?;
    let text =
        serde_json::to_string(files).map_err(|error| AgentError::Internal(error.to_string()))?;
    conn.exec_drop(
        "INSERT INTO orrery_control.source_files (attempt, files) VALUES (:attempt, :text) ON DUPLICATE KEY UPDATE attempt = attempt",
        params! { attempt, text },
    )
    .await?;
    let kept = self::files(conn, attempt).await?;
    if kept == *files {
        return Ok(());
    }
    let changed = kept
        .files
        .iter()
        .zip(&files.files)
        .find(|(kept, given)| kept != given);
    let name = changed.map_or("the number of files", |(kept, _)| kept.name.as_str());
    Err(AgentError::Conflict(format!(
        "the sources of attempt {attempt} changed since its first try: {name}"
    )))
}

/// The list of files kept; empty when there is none.
pub async fn files(conn: &mut Conn, attempt: u64) -> Result<SourceFiles> {
    require_attempt(conn, attempt).await?;
    let text: Option<String> = conn
        .exec_first(
            "SELECT files FROM orrery_control.source_files WHERE attempt = :attempt",
            params! { attempt },
        )
        .await?;
    text.map_or(Ok(SourceFiles::default()), |text| {
        serde_json::from_str(&text).map_err(|error| {
            AgentError::Internal(format!("the files of attempt {attempt}: {error}"))
        })
    })
}

/// Keeps the rejects, replacing those kept before.
pub async fn put_rejects(conn: &mut Conn, attempt: u64, text: &[u8]) -> Result<()> {
    require_attempt(conn, attempt).await?;
    conn.query_drop("START TRANSACTION").await?;
    conn.exec_drop(
        "DELETE FROM orrery_control.reject WHERE attempt = :attempt",
        params! { attempt },
    )
    .await?;
    for (piece, text) in text.chunks(PIECE).enumerate() {
        conn.exec_drop(
            "INSERT INTO orrery_control.reject (attempt, piece, text) VALUES (:attempt, :piece, :text)",
            params! { attempt, piece, text },
        )
        .await?;
    }
    conn.query_drop("COMMIT").await?;
    Ok(())
}

/// The rejects kept.
pub async fn rejects(conn: &mut Conn, attempt: u64) -> Result<Vec<u8>> {
    require_attempt(conn, attempt).await?;
    let pieces: Vec<Vec<u8>> = conn
        .exec(
            "SELECT text FROM orrery_control.reject WHERE attempt = :attempt ORDER BY piece",
            params! { attempt },
        )
        .await?;
    Ok(pieces.concat())
}
