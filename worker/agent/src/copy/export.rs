//! Sending a table: `FLUSH TABLES … FOR EXPORT`, its files, `UNLOCK TABLES`. Readers go on
//! meanwhile.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use orrery_worker_api::agent::{ExportOrder, RowState};
use tokio::fs::File;

use super::container::{BlockSender, Section, Writer};
use crate::agent::Agent;
use crate::db::sql;
use crate::error::{AgentError, Result};
use crate::server::roles::Caller;
use crate::tables::{checks, manifest, physical};

/// Blocks between the reader of the files and the network.
const BLOCKS_AHEAD: usize = 4;

/// Whether the operator ordered that this table be handed out to this caller.
pub fn permit(
    agent: &Agent,
    caller: Caller,
    database: &str,
    table: &str,
    order: &ExportOrder,
) -> Result<()> {
    let identity = agent.require_identity()?;
    let keys = orrery_tls::trusted_keys(&agent.config.public_keys)
        .map_err(|error| AgentError::Internal(error.to_string()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_err(|_| AgentError::Internal("the clock stands before 1970".into()))?;
    let expired = i64::try_from(now.as_secs()).map_or(true, |now| now >= order.until);
    let ours = order.archive_uid == identity.archive_uid && order.source == identity.worker;
    let theirs = caller.worker == Some(order.target);
    if expired || !ours || !theirs || !order.is_for(database, table, &keys) {
        return Err(AgentError::Forbidden(format!(
            "the operator did not order this worker to hand out {database}.{table} to the caller now"
        )));
    }
    Ok(())
}

/// The stream of a table that the manifest lists.
pub async fn export(agent: Arc<Agent>, database: String, table: String) -> Result<Body> {
    sql::check_name(&database)?;
    sql::check_name(&table)?;
    let mut conn = agent.db.session().await?;
    match manifest::find(&mut conn, &database, &table).await? {
        Some(row) if row.state != RowState::Deleted => {}
        _ => {
            return Err(AgentError::NotFound(format!(
                "{database}.{table} is not in the manifest"
            )));
        }
    }
    if checks::is_damaged(&mut conn, &database, &table).await? {
        return Err(AgentError::Conflict(format!(
            "{database}.{table} is damaged: it is no source of copies"
        )));
    }
    let definition = physical::show_create(&mut conn, &database, &table).await?;
    conn.query_drop(format!(
        "FLUSH TABLES {} FOR EXPORT",
        sql::qualified(&database, &table)
    ))
    .await?;
    let (sender, receiver) = futures::channel::mpsc::channel(BLOCKS_AHEAD);
    tokio::spawn(send(agent, conn, database, table, definition, sender));
    Ok(Body::from_stream(receiver))
}

/// Sends everything and unlocks the table whatever happens; a break is passed on, so that the
/// target does not take it for the end.
async fn send(
    agent: Arc<Agent>,
    mut conn: Conn,
    database: String,
    table: String,
    definition: String,
    sender: BlockSender,
) {
    let mut breaker = sender.clone();
    match send_files(&agent, &database, &table, &definition, sender).await {
        Ok(bytes) => agent.metrics.exported_bytes.inc_by(bytes),
        Err(error) => {
            tracing::warn!(database, table, %error, "an export broke off");
            // The reader may be gone: then nobody needs to be told.
            breaker
                .try_send(Err(std::io::Error::other(error.to_string())))
                .ok();
        }
    }
    if let Err(error) = conn.query_drop("UNLOCK TABLES").await {
        tracing::warn!(database, table, %error, "mysqld went away during an export");
    }
    conn.disconnect().await.ok();
}

async fn send_files(
    agent: &Agent,
    database: &str,
    table: &str,
    definition: &str,
    sender: BlockSender,
) -> Result<u64> {
    let tablespace = physical::tablespace(&agent.config, database, table);
    let open = async |path: std::path::PathBuf| {
        File::open(&path)
            .await
            .map_err(|source| AgentError::io(format!("open {}", path.display()), source))
    };
    let mut writer = Writer::new(sender, agent.config.stream_idle);
    writer.begin().await?;
    writer
        .section(Section::Definition, definition.as_bytes())
        .await?;
    writer
        .section(
            Section::Config,
            open(tablespace.with_extension("cfg")).await?,
        )
        .await?;
    writer
        .section(Section::Tablespace, open(tablespace).await?)
        .await?;
    writer.end().await
}
