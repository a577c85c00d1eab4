//! Taking tables in: an empty twin without a tablespace, the source's files, `IMPORT`,
//! verification, a checkpoint, and the move to the physical database.
//!
//! The checkpoint is not for speed. MariaDB 10.11.19 recovers a table that was imported and renamed
//! since the last checkpoint as an empty one (tried: `kill -9` after both gave 0 rows without any
//! message), because it redoes the twin's creation over the imported pages. So no imported table
//! gets a manifest row before the log's checkpoint has passed its import. One checkpoint serves a
//! batch.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use orrery_worker_api::agent::{CopyTable, ExportOrder, ManifestRow, RowState};
use orrery_worker_api::client::AgentClient;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::COPY_DATABASE;
use super::container::{Reader, Section};
use super::peer;
use crate::agent::Agent;
use crate::config::Config;
use crate::db::sql;
use crate::error::{AgentError, Result};
use crate::state::durable;
use crate::tables::drop::drop_table;
use crate::tables::{checks, checksum, manifest, physical};

/// The agent a table comes from, and the operator's order for it.
type Source<'a> = (&'a AgentClient, &'a ExportOrder);

/// A table on its way in.
#[derive(Debug)]
pub enum Arrival {
    /// It is in the manifest already.
    Known(ManifestRow),
    /// It lies verified in [`COPY_DATABASE`].
    Staged,
    /// An earlier copy got as far as the move; what it moved was verified again, because no
    /// manifest row says that it was.
    Moved,
}

/// Fetches and verifies one table, unless it is here. From then on a drop that was decided before
/// `epoch` leaves it.
pub async fn fetch(
    agent: &Agent,
    peer: &AgentClient,
    CopyTable { row: wanted, order }: &CopyTable,
    epoch: u64,
    create: &str,
) -> Result<Arrival> {
    sql::check_name(&wanted.database)?;
    sql::check_name(&wanted.table)?;
    let mut conn = agent.db.session().await?;
    if let Some(found) = manifest::find(&mut conn, &wanted.database, &wanted.table).await?
        && found.state != RowState::Deleted
        && found.same_rows(wanted)
        && !checks::is_damaged(&mut conn, &wanted.database, &wanted.table).await?
    {
        manifest::set_table_state(&mut conn, &found, found.state, epoch).await?;
        return Ok(Arrival::Known(found));
    }
    if physical::exists(&mut conn, &wanted.database, &wanted.table).await? {
        match verify(&mut conn, &wanted.database, wanted).await {
            Ok(()) => return Ok(Arrival::Moved),
            Err(AgentError::Mismatch(_)) => {}
            Err(error) => return Err(error),
        }
    }
    match stage(agent, &mut conn, (peer, order), wanted, create).await {
        Ok(()) => Ok(Arrival::Staged),
        Err(error) => {
            remove(&mut conn, &agent.config, &wanted.table).await?;
            Err(error)
        }
    }
}

/// Makes everything imported so far survive a crash.
pub async fn checkpoint(agent: &Agent) -> Result<()> {
    let mut conn = agent.db.session().await?;
    let imported = log_position(&mut conn, "Innodb_lsn_current").await?;
    conn.query_drop("SET GLOBAL innodb_log_checkpoint_now = ON")
        .await?;
    let checkpoint = log_position(&mut conn, "Innodb_lsn_last_checkpoint").await?;
    if checkpoint < imported {
        return Err(AgentError::Mismatch(format!(
            "the log's checkpoint stays at {checkpoint}, before {imported}"
        )));
    }
    Ok(())
}

async fn log_position(conn: &mut Conn, name: &str) -> Result<u64> {
    let row: Option<(String, u64)> = conn
        .query_first(format!("SHOW GLOBAL STATUS LIKE '{name}'"))
        .await?;
    row.map(|(_, position)| position)
        .ok_or_else(|| AgentError::NotReady(format!("it does not tell {name}")))
}

/// Makes the databases that tables are to be moved to, each once: a grant waits for the disk.
pub async fn make_databases(agent: &Agent, databases: BTreeSet<&str>) -> Result<()> {
    let mut conn = agent.db.session().await?;
    for database in databases {
        physical::create_database(&mut conn, database).await?;
    }
    Ok(())
}

/// Moves fetched tables to their databases and enters them in the manifest: the rows entered, and
/// why some are not. Only after [`checkpoint`] and [`make_databases`].
///
/// A table that stands there with other rows goes, now that the verified one is here: this worker
/// sealed it without rows that the loader could not bring, and the catalog never counted it as a
/// copy; or its disk changed it.
pub async fn move_in(
    agent: &Agent,
    fetched: &[(&ManifestRow, Arrival)],
    epoch: u64,
) -> Result<(Vec<ManifestRow>, Option<AgentError>)> {
    let mut conn = agent.db.session().await?;
    let (mut entered, mut in_use) = (Vec::new(), None);
    let mut staged: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (wanted, arrival) in fetched {
        if let Arrival::Staged = arrival {
            if !drop_table(&mut conn, wanted, wanted.epoch).await? {
                let name = format!("{}.{}", wanted.database, wanted.table);
                in_use = Some(AgentError::Busy(format!("{name} is in use")));
                continue;
            }
            let of_database = staged.entry(&wanted.database).or_default();
            of_database.push(&wanted.table);
        }
        if !matches!(arrival, Arrival::Known(_)) {
            entered.push(*wanted);
        }
    }
    for (database, tables) in &staged {
        physical::rename(&mut conn, tables, COPY_DATABASE, database).await?;
        physical::analyze(&mut conn, database, tables).await?;
    }
    let mut done = enter(agent, &mut conn, &entered, epoch).await?;
    done.extend(fetched.iter().filter_map(|(_, arrival)| match arrival {
        Arrival::Known(row) => Some(row.clone()),
        Arrival::Staged | Arrival::Moved => None,
    }));
    Ok((done, in_use))
}

async fn enter(
    agent: &Agent,
    conn: &mut Conn,
    tables: &[&ManifestRow],
    epoch: u64,
) -> Result<Vec<ManifestRow>> {
    let mut rows = Vec::new();
    conn.query_drop("START TRANSACTION").await?;
    for wanted in tables {
        let bytes = physical::bytes(&agent.config, &wanted.database, &wanted.table).await?;
        let row = ManifestRow {
            state: RowState::Sealed,
            bytes,
            epoch: wanted.epoch.max(epoch),
            ..(*wanted).clone()
        };
        manifest::put(conn, &row).await?;
        checks::forget(conn, &row).await?;
        rows.push(row);
    }
    conn.query_drop("COMMIT").await?;
    agent.metrics.copied_tables.inc_by(rows.len() as u64);
    Ok(rows)
}

/// Puts the table together in [`COPY_DATABASE`] and verifies it.
async fn stage(
    agent: &Agent,
    conn: &mut Conn,
    source: Source<'_>,
    wanted: &ManifestRow,
    create: &str,
) -> Result<()> {
    conn.query_drop(format!("CREATE DATABASE IF NOT EXISTS {COPY_DATABASE}"))
        .await?;
    remove(conn, &agent.config, &wanted.table).await?;
    physical::create(conn, COPY_DATABASE, &wanted.table, create).await?;
    let name = sql::qualified(COPY_DATABASE, &wanted.table);
    conn.query_drop(format!("ALTER TABLE {name} DISCARD TABLESPACE"))
        .await?;
    let definition = receive(agent, source, wanted).await?;
    conn.query_drop(format!("ALTER TABLE {name} IMPORT TABLESPACE"))
        .await
        .map_err(|error| {
            AgentError::Mismatch(format!(
                "the tablespace of {} cannot be imported: {error}",
                wanted.table
            ))
        })?;
    let here = physical::show_create(conn, COPY_DATABASE, &wanted.table).await?;
    if here != definition {
        return Err(AgentError::Mismatch(format!(
            "{} is defined otherwise at its source: {definition}",
            wanted.table
        )));
    }
    verify(conn, COPY_DATABASE, wanted).await?;
    unlink(&physical::tablespace(&agent.config, COPY_DATABASE, &wanted.table).with_extension("cfg"))
        .await
}

/// Writes the source's files where mysqld looks for them; the source's definition.
async fn receive(agent: &Agent, source: Source<'_>, wanted: &ManifestRow) -> Result<String> {
    let (peer, order) = source;
    let stream = peer::export(peer, &wanted.database, &wanted.table, order).await?;
    let mut reader = Reader::new(stream, agent.config.stream_idle);
    let tablespace = physical::tablespace(&agent.config, COPY_DATABASE, &wanted.table);
    let mut definition = Vec::new();
    reader.begin().await?;
    reader.section(Section::Definition, &mut definition).await?;
    receive_file(
        &mut reader,
        Section::Config,
        &tablespace.with_extension("cfg"),
    )
    .await?;
    receive_file(&mut reader, Section::Tablespace, &tablespace).await?;
    agent.metrics.copied_bytes.inc_by(reader.end().await?);
    durable::sync_directory(&agent.config.data_dir.join(COPY_DATABASE))?;
    String::from_utf8(definition).map_err(|error| {
        AgentError::Mismatch(format!("the definition of {}: {error}", wanted.table))
    })
}

async fn receive_file(reader: &mut Reader, section: Section, path: &Path) -> Result<()> {
    let failed = |source| AgentError::io(format!("write {}", path.display()), source);
    let mut file = File::create_new(path).await.map_err(failed)?;
    reader.section(section, &mut file).await?;
    file.flush().await.map_err(failed)?;
    file.sync_all().await.map_err(failed)
}

async fn verify(conn: &mut Conn, database: &str, wanted: &ManifestRow) -> Result<()> {
    let contents = checksum::of(conn, database, &wanted.table).await?;
    if contents.rows == wanted.rows && contents.checksum == wanted.checksum {
        Ok(())
    } else {
        Err(AgentError::Mismatch(format!(
            "{}.{} must have {} rows with checksum {}, but the copy has {} with {}",
            wanted.database,
            wanted.table,
            wanted.rows,
            wanted.checksum,
            contents.rows,
            contents.checksum
        )))
    }
}

/// Removes what an unfinished copy of `table` left.
async fn remove(conn: &mut Conn, config: &Config, table: &str) -> Result<()> {
    conn.query_drop(format!(
        "DROP TABLE IF EXISTS {}",
        sql::qualified(COPY_DATABASE, table)
    ))
    .await?;
    let tablespace = physical::tablespace(config, COPY_DATABASE, table);
    unlink(&tablespace.with_extension("cfg")).await?;
    unlink(&tablespace).await
}

async fn unlink(path: &Path) -> Result<()> {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(AgentError::io(format!("remove {}", path.display()), error))
        }
        _ => Ok(()),
    }
}

/// Removes every unfinished copy: none survives its agent.
pub async fn clean(conn: &mut Conn, config: &Config) -> Result<()> {
    let tables: Vec<String> = conn
        .exec(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ?",
            (COPY_DATABASE,),
        )
        .await?;
    for table in tables {
        remove(conn, config, sql::check_name(&table)?).await?;
    }
    Ok(())
}
