//! One trial, from its turn to its end.

use std::time::Duration;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use orrery_archive::table::ddl;
use orrery_archive::table::refusals::speaks_of_table;
use orrery_worker_api::agent::{Refusal, Trial, TrialPart, TrialTable, Tried};

use super::scratch::clean;
use crate::agent::Agent;
use crate::db::{Db, sql};
use crate::error::{AgentError, Result};

/// How long a trial waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long mysqld may take for all tables of a trial.
const LIMIT: Duration = Duration::from_secs(10);
/// Most tables of a trial: home, overlap, index and shadow, and as many again.
const MOST_TABLES: usize = 8;

/// A key was declared twice. Both are made as declared.
const ER_DUP_INDEX: u16 = 1831;

/// Tries tables.
pub async fn run(agent: &Agent, trial: &Trial) -> Result<Tried> {
    check(trial)?;
    let turn = tokio::time::timeout(PATIENCE, agent.trials.turns.acquire()).await;
    let _turn = match turn {
        Ok(Ok(turn)) => turn,
        Ok(Err(closed)) => return Err(AgentError::Internal(closed.to_string())),
        Err(_) => {
            return Err(AgentError::Busy(
                "the tables of others are being tried here".into(),
            ));
        }
    };
    let mut conn = agent.db.session().await?;
    clean(&mut conn, &agent.trials).await?;
    let scratch = agent.trials.scratch();
    let id = conn.id();
    let tried = tokio::time::timeout(LIMIT, try_all(&mut conn, &scratch.name, trial)).await;
    drop(conn);
    let tried = if let Ok(tried) = tried {
        tried
    } else {
        agent.db.kill(id).await?;
        Err(AgentError::NotReady(format!(
            "it did not make {} tables within {} s",
            trial.tables.len(),
            LIMIT.as_secs()
        )))
    };
    if let Err(error) = remove(&agent.db, &scratch.name).await {
        tracing::warn!(database = scratch.name, %error, "a scratch database stays for the moment");
    }
    tried
}

async fn remove(db: &Db, database: &str) -> Result<()> {
    let drop = format!("DROP DATABASE IF EXISTS {}", sql::ident(database));
    Ok(db.session().await?.query_drop(drop).await?)
}

fn check(trial: &Trial) -> Result<()> {
    sql::check_name(&trial.database)?;
    sql::check_name(&trial.table)?;
    if trial.tables.is_empty() || trial.tables.len() > MOST_TABLES {
        return Err(AgentError::BadRequest(format!(
            "a trial is of 1 to {MOST_TABLES} tables, not of {}",
            trial.tables.len()
        )));
    }
    Ok(())
}

async fn try_all(conn: &mut Conn, scratch: &str, trial: &Trial) -> Result<Tried> {
    conn.query_drop(format!("CREATE DATABASE {}", sql::ident(scratch)))
        .await?;
    // What MariaDB makes otherwise than asked it mostly says in notes.
    conn.query_drop("SET SESSION sql_notes = 1").await?;
    let mode: Option<String> = conn.query_first("SELECT @@sql_mode").await?;
    let own_mode = mode.ok_or_else(|| AgentError::NotReady("it does not tell sql_mode".into()))?;
    for table in &trial.tables {
        let mode = match table.part {
            TrialPart::Shadow => ddl::SHADOW_MODE,
            TrialPart::Home | TrialPart::Overlap | TrialPart::Index | TrialPart::Reference => {
                &own_mode
            }
        };
        conn.query_drop(format!("SET SESSION sql_mode = {}", sql::literal(mode)))
            .await?;
        let name = sql::qualified(scratch, &trial.table);
        if let Some(refusal) = try_one(conn, &name, table).await? {
            let message = refusal.message.replace(scratch, &trial.database);
            let refusal = Some(Refusal { message, ..refusal });
            return Ok(Tried { refusal });
        }
        conn.query_drop(format!("DROP TABLE {name}")).await?;
    }
    Ok(Tried { refusal: None })
}

/// Makes a table. What MariaDB says when it does not, or makes another one.
async fn try_one(
    conn: &mut Conn,
    name: &str,
    &TrialTable { part, ref create }: &TrialTable,
) -> Result<Option<Refusal>> {
    let refusal = |is_made, code, message| Refusal {
        part,
        is_made,
        code,
        message,
    };
    let create = sql::single(&format!("CREATE TABLE {name} {create}"));
    match conn.query_drop(create).await {
        Ok(()) => {}
        Err(mysql_async::Error::Server(error)) if speaks_of_table(error.code, &error.message) => {
            return Ok(Some(refusal(false, error.code, error.message)));
        }
        Err(error) => return Err(error.into()),
    }
    let warnings: Vec<(String, u16, String)> = conn.query("SHOW WARNINGS").await?;
    let mut differs = warnings
        .into_iter()
        .filter(|(_, code, _)| *code != ER_DUP_INDEX);
    Ok(differs
        .next()
        .map(|(_, code, message)| refusal(true, code, message)))
}
