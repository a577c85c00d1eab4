//! One LOAD, from the first frame to the commit.
//!
//! The transaction: ledger row first, then LOAD DATA from the pipe, then the row's counts. It
//! commits only after the end-of-part record and when everything agrees: bytes received and bytes
//! announced, rows announced and rows loaded, no warning. A stream that breaks kills the connection
//! before the pipe closes, so that mysqld can never take a broken end for an end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, params};
use orrery_archive::names::staging_database;
use orrery_wire::load_data;
use orrery_worker_api::agent::{LoadTarget, Loaded};

use tokio_util::sync::CancellationToken;

use super::pipe::Pipe;
use super::source::{Next, RowStream, Sent, Source};
use crate::agent::Agent;
use crate::db::sql;
use crate::error::{AgentError, Result};
use crate::tables::attempts::{self, LoadPlace};
use crate::tables::part_name;

/// Duplicate key.
const ER_DUP_ENTRY: u16 = 1062;
/// How long a killed LOAD may take to end.
const KILL_TIMEOUT: Duration = Duration::from_secs(60);

/// Loads one part, or finds it loaded.
pub async fn run(
    agent: Arc<Agent>,
    attempt: u64,
    target: LoadTarget,
    body: RowStream,
) -> Result<Loaded> {
    let session = agent.sessions.enter(attempt, &target)?;
    let mut source = Source::new(body, agent.config.stream_idle);
    let outcome = load(&agent, attempt, &target, &mut source, session.cancelled()).await;
    if !matches!(
        outcome,
        Err(AgentError::BadStream(_) | AgentError::Sealed { .. })
    ) {
        // A caller that is still sending would otherwise see a broken connection instead of the
        // answer.
        source.drain(session.cancelled()).await;
    }
    agent.metrics.loaded(&outcome);
    outcome
}

fn sealed(attempt: u64) -> AgentError {
    AgentError::Sealed {
        attempt,
        state: "being sealed or discarded".into(),
    }
}

async fn load(
    agent: &Agent,
    attempt: u64,
    target: &LoadTarget,
    source: &mut Source,
    cancelled: &CancellationToken,
) -> Result<Loaded> {
    let _permit = tokio::select! {
        () = cancelled.cancelled() => return Err(sealed(attempt)),
        permit = agent.load_permits.acquire() => permit.map_err(|_| AgentError::Internal("the agent stops".into()))?,
    };
    let mut conn = agent.db.load_session().await?;
    match transaction(agent, &mut conn, attempt, target, source, cancelled).await {
        Ok(loaded) => {
            agent.db.rest(conn);
            Ok(loaded)
        }
        Err(error) => {
            roll_back(agent, conn).await;
            Err(error)
        }
    }
}

async fn transaction(
    agent: &Agent,
    conn: &mut Conn,
    attempt: u64,
    target: &LoadTarget,
    source: &mut Source,
    cancelled: &CancellationToken,
) -> Result<Loaded> {
    let place = attempts::load_place(conn, attempt, target).await?;
    conn.query_drop("START TRANSACTION").await?;
    if let Some(done) = enter_ledger(conn, attempt, target).await? {
        return Ok(done);
    }
    let first = tokio::select! {
        () = cancelled.cancelled() => return Err(sealed(attempt)),
        first = source.next() => first?,
    };
    let sent = match first {
        Next::End(sent) => sent,
        Next::Rows(first) => {
            let pipe = Pipe::create(&agent.config.pipe_dir)?;
            let statement = statement(pipe.path(), attempt, &place)?;
            let pump = async |pipe: &mut Pipe| {
                tokio::select! {
                    () = cancelled.cancelled() => Err(sealed(attempt)),
                    filled = fill(pipe, source, first) => filled,
                }
            };
            let sent = transfer(agent, conn, &place, pipe, statement, pump).await?;
            check(conn, &place, sent)?;
            sent
        }
    };
    commit(conn, attempt, target, &sent).await?;
    Ok(Loaded {
        target: target.clone(),
        rows: sent.rows,
        bytes: sent.bytes,
        already: false,
    })
}

/// Inserts the ledger row as the transaction's first statement. What was committed before is
/// returned instead.
///
/// The row comes from `attempt` under a shared lock: a sealed attempt gives no row, and sealing
/// waits for open transactions.
async fn enter_ledger(
    conn: &mut Conn,
    attempt: u64,
    target: &LoadTarget,
) -> Result<Option<Loaded>> {
    let inserted = conn
        .exec_drop(
            "INSERT INTO orrery_control.ledger (attempt, part, chunk, file, file_part) \
             SELECT attempt, :part, :chunk, :file, :file_part FROM orrery_control.attempt \
             WHERE attempt = :attempt AND state = 'open' LOCK IN SHARE MODE",
            params! {
                "attempt" => attempt,
                "part" => part_name(target.part),
                "chunk" => target.chunk,
                "file" => target.file,
                "file_part" => target.file_part,
            },
        )
        .await
        .map_err(AgentError::from);
    match inserted {
        Ok(()) if conn.affected_rows() == 1 => Ok(None),
        Ok(()) => Err(sealed(attempt)),
        Err(error) if error.sql_code() == Some(ER_DUP_ENTRY) => {
            conn.query_drop("ROLLBACK").await?;
            attempts::ledger_row(conn, attempt, target)
                .await?
                .map(Some)
                .ok_or_else(|| {
                    AgentError::Busy(format!(
                        "{target:?} of attempt {attempt} was just being loaded by another call"
                    ))
                })
        }
        Err(error) => Err(error),
    }
}

/// Runs LOAD DATA together with the pump that fills its pipe.
async fn transfer(
    agent: &Agent,
    conn: &mut Conn,
    place: &LoadPlace,
    mut pipe: Pipe,
    statement: String,
    pump: impl AsyncFnOnce(&mut Pipe) -> Result<Sent>,
) -> Result<Sent> {
    let id = conn.id();
    let mut loading = std::pin::pin!(conn.query_drop(statement));
    let pumped = tokio::select! {
        loaded = &mut loading => return Err(ended_early(loaded, place)),
        pumped = pump(&mut pipe) => pumped,
    };
    if let Err(error) = pumped {
        // The connection dies before the pipe closes: mysqld must not see an end of file it could
        // take for the end of the rows.
        let killed = agent.db.kill(id).await;
        drop(pipe);
        if killed.is_err() || tokio::time::timeout(KILL_TIMEOUT, loading).await.is_err() {
            tracing::error!(?killed, "a broken LOAD did not end");
        }
        return Err(error);
    }
    drop(pipe);
    loading
        .await
        .map_err(|error| refused(&error.into(), place))?;
    pumped
}

fn ended_early(loaded: mysql_async::Result<()>, place: &LoadPlace) -> AgentError {
    match loaded {
        Ok(()) => AgentError::BadRow(format!(
            "{}: mysqld stopped reading before the end",
            place.table
        )),
        Err(error) => refused(&error.into(), place),
    }
}

fn refused(error: &AgentError, place: &LoadPlace) -> AgentError {
    match error.sql_code() {
        Some(_) if !error.is_lock_wait() => AgentError::BadRow(format!("{}: {error}", place.table)),
        Some(_) => AgentError::Busy(format!("{}: {error}", place.table)),
        None => AgentError::NotReady(format!("{}: {error}", place.table)),
    }
}

fn statement(pipe: &Path, attempt: u64, place: &LoadPlace) -> Result<String> {
    let path = pipe.to_str().ok_or_else(|| {
        AgentError::BadRequest(format!("the path {} is not text", pipe.display()))
    })?;
    let fields: Vec<String> = place.fields.iter().map(|field| sql::ident(field)).collect();
    Ok(format!(
        "LOAD DATA INFILE {} INTO TABLE {} {} ({})",
        sql::literal(path),
        sql::qualified(&staging_database(attempt), &place.table),
        load_data::FORMAT,
        fields.join(", ")
    ))
}

/// Writes everything the loader sends and waits until mysqld has read it.
async fn fill(pipe: &mut Pipe, source: &mut Source, first: Bytes) -> Result<Sent> {
    pipe.write(&first).await?;
    loop {
        match source.next().await? {
            Next::Rows(rows) => pipe.write(&rows).await?,
            Next::End(sent) => {
                pipe.drained().await?;
                return Ok(sent);
            }
        }
    }
}

fn check(conn: &Conn, place: &LoadPlace, sent: Sent) -> Result<()> {
    let (loaded, warnings) = (conn.affected_rows(), conn.get_warnings());
    let table = &place.table;
    if warnings > 0 {
        return Err(AgentError::BadRow(format!(
            "{table}: mysqld gave {warnings} warnings: {}",
            conn.info()
        )));
    }
    if loaded != sent.rows {
        return Err(AgentError::BadRow(format!(
            "{table}: {} rows were sent but {loaded} loaded",
            sent.rows
        )));
    }
    Ok(())
}

async fn commit(conn: &mut Conn, attempt: u64, target: &LoadTarget, sent: &Sent) -> Result<()> {
    conn.exec_drop(
        "UPDATE orrery_control.ledger SET row_count = :rows, bytes = :bytes \
         WHERE attempt = :attempt AND part = :part AND chunk = :chunk AND file = :file AND file_part = :file_part",
        params! {
            "rows" => sent.rows,
            "bytes" => sent.bytes,
            "attempt" => attempt,
            "part" => part_name(target.part),
            "chunk" => target.chunk,
            "file" => target.file,
            "file_part" => target.file_part,
        },
    )
    .await?;
    conn.query_drop("COMMIT").await?;
    Ok(())
}

/// Rolls back, so that the answer comes after the locks are gone; a connection that cannot is
/// killed.
async fn roll_back(agent: &Agent, mut conn: Conn) {
    let id = conn.id();
    let rolled_back = tokio::time::timeout(KILL_TIMEOUT, conn.query_drop("ROLLBACK")).await;
    if matches!(rolled_back, Ok(Ok(()))) {
        close(conn).await;
    } else if let Err(error) = agent.db.kill(id).await {
        tracing::debug!(%error, "the connection of a failed LOAD could not be killed; mysqld is away");
    }
}

async fn close(conn: Conn) {
    if let Err(error) = conn.disconnect().await {
        tracing::debug!(%error, "a connection was closed by mysqld first");
    }
}
