//! Ingest attempts on this worker: their staging tables and where a part's rows go.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, params};
use orrery_archive::names::staging_database;
use orrery_worker_api::agent::{
    AttemptSpec, LoadTarget, Loaded, OpenAttempt, StagedTable, TablePart,
};

use super::{part_from, part_name, physical};
use crate::agent::Agent;
use crate::db::{shares, side_by_side, sql};
use crate::error::{AgentError, Result};

/// State of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptState {
    /// Takes rows.
    Open,
    /// Takes no rows; its tables move and are counted.
    Sealing,
    /// Its tables are in the manifest.
    Sealed,
    /// Dropped; its number is never used again.
    Discarded,
}

impl AttemptState {
    /// Name in the control tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Sealing => "sealing",
            Self::Sealed => "sealed",
            Self::Discarded => "discarded",
        }
    }

    fn from_name(name: &str) -> Result<Self> {
        [Self::Open, Self::Sealing, Self::Sealed, Self::Discarded]
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or_else(|| {
                AgentError::Internal(format!("an attempt state {name:?} in the control tables"))
            })
    }
}

/// Where the rows of a part go.
#[derive(Clone, Debug)]
pub struct LoadPlace {
    /// Staging table.
    pub table: String,
    /// Fields of a row.
    pub fields: Vec<String>,
}

/// Makes the attempt's staging tables that are not there yet.
pub async fn open(agent: &Agent, request: OpenAttempt) -> Result<()> {
    check(&request)?;
    let OpenAttempt {
        attempt,
        spec,
        tables,
        ..
    } = request;
    let _lock = agent
        .attempts
        .take(attempt, &format!("attempt {attempt}"))?;
    let mut conn = agent.db.session().await?;
    record(&mut conn, attempt, &spec).await?;
    let known = staged(&mut conn, attempt).await?;
    let missing = missing(&tables, &known)?;
    if missing.is_empty() {
        return Ok(());
    }
    let staging = staging_database(attempt);
    conn.query_drop(format!(
        "CREATE DATABASE IF NOT EXISTS {}",
        sql::ident(&staging)
    ))
    .await?;
    side_by_side(
        shares(&missing)
            .map(|tables| create(agent, &staging, &spec, tables))
            .collect(),
    )
    .await?;
    // One of each kind is enough: tables of a kind have the same DDL.
    for kind in [true, false] {
        if let Some(table) = missing
            .iter()
            .find(|table| (table.part == TablePart::Overlap) == kind)
        {
            physical::require_innodb(&mut conn, &staging, &table.table).await?;
        }
    }
    // One commit, and so one flush to the disk, for all of them.
    conn.query_drop("START TRANSACTION").await?;
    conn.exec_batch(
        "INSERT INTO orrery_control.staged_table (attempt, part, chunk, name) VALUES (:attempt, :part, :chunk, :name)",
        missing.iter().map(|table| {
            params! {
                "attempt" => attempt, "part" => part_name(table.part), "chunk" => table.chunk, "name" => &table.table,
            }
        }),
    )
    .await?;
    Ok(conn.query_drop("COMMIT").await?)
}

async fn create(
    agent: &Agent,
    staging: &str,
    spec: &AttemptSpec,
    tables: &[StagedTable],
) -> Result<()> {
    let mut conn = agent.db.session().await?;
    for table in tables {
        let create = if table.part == TablePart::Overlap {
            &spec.create_overlap
        } else {
            &spec.create_home
        };
        physical::create(&mut conn, staging, &table.table, create).await?;
    }
    Ok(())
}

fn check(request: &OpenAttempt) -> Result<()> {
    sql::check_name(&request.spec.database)?;
    for table in &request.tables {
        sql::check_name(&table.table)?;
    }
    if request.spec.fields.is_empty() {
        return Err(AgentError::BadRequest(format!(
            "attempt {} has no fields",
            request.attempt
        )));
    }
    Ok(())
}

/// Records the attempt, or checks that it is the one recorded.
///
/// An attempt that is there is only read: LOADs hold shared locks on its row, and a writer that
/// waits for them would hold up the next.
async fn record(conn: &mut Conn, attempt: u64, spec: &AttemptSpec) -> Result<()> {
    match find(conn, attempt).await? {
        Some((AttemptState::Open, recorded)) if recorded.as_ref() == Some(spec) => Ok(()),
        Some((AttemptState::Open, _)) => Err(AgentError::Conflict(format!(
            "attempt {attempt} was opened with another schema or target"
        ))),
        Some((state, _)) => Err(AgentError::Sealed {
            attempt,
            state: state.name().into(),
        }),
        None => {
            let text = serde_json::to_string(spec)
                .map_err(|error| AgentError::Internal(error.to_string()))?;
            let insert = "INSERT INTO orrery_control.attempt (attempt, state, spec) VALUES (:attempt, 'open', :text)";
            Ok(conn.exec_drop(insert, params! { attempt, text }).await?)
        }
    }
}

/// The tables of `wanted` that are not in `known`.
fn missing(wanted: &[StagedTable], known: &[StagedTable]) -> Result<Vec<StagedTable>> {
    let mut missing: Vec<StagedTable> = Vec::new();
    for table in wanted {
        let same_place = |other: &&StagedTable| {
            (other.part, other.chunk) == (table.part, table.chunk) || other.table == table.table
        };
        match known.iter().chain(&missing).find(same_place) {
            Some(other) if other == table => {}
            Some(other) => {
                return Err(AgentError::Conflict(format!(
                    "{table:?} contradicts {other:?} of the same attempt"
                )));
            }
            None => missing.push(table.clone()),
        }
    }
    Ok(missing)
}

/// State and spec of an attempt; an attempt that was discarded before it was opened has no spec.
pub async fn find(
    conn: &mut Conn,
    attempt: u64,
) -> Result<Option<(AttemptState, Option<AttemptSpec>)>> {
    let row: Option<(String, String)> = conn
        .exec_first(
            "SELECT state, spec FROM orrery_control.attempt WHERE attempt = :attempt",
            params! { attempt },
        )
        .await?;
    let Some((state, spec)) = row else {
        return Ok(None);
    };
    let spec = serde_json::from_str(&spec).map_err(|error| {
        AgentError::Internal(format!("the record of attempt {attempt}: {error}"))
    })?;
    Ok(Some((AttemptState::from_name(&state)?, spec)))
}

/// Moves an attempt to a state.
pub async fn set_state(conn: &mut Conn, attempt: u64, state: AttemptState) -> Result<()> {
    conn.exec_drop(
        "UPDATE orrery_control.attempt SET state = :state WHERE attempt = :attempt",
        params! { "state" => state.name(), "attempt" => attempt },
    )
    .await?;
    Ok(())
}

/// Staged tables of an attempt.
pub async fn staged(conn: &mut Conn, attempt: u64) -> Result<Vec<StagedTable>> {
    let rows: Vec<(String, u32, String)> = conn
        .exec(
            "SELECT part, chunk, name FROM orrery_control.staged_table WHERE attempt = :attempt ORDER BY part, chunk",
            params! { attempt },
        )
        .await?;
    rows.into_iter()
        .map(|(part, chunk, table)| {
            Ok(StagedTable {
                table,
                chunk,
                part: part_from(&part)?,
            })
        })
        .collect()
}

/// Where the rows of `target` go.
pub async fn load_place(conn: &mut Conn, attempt: u64, target: &LoadTarget) -> Result<LoadPlace> {
    let spec = match find(conn, attempt).await? {
        Some((AttemptState::Open, Some(spec))) => spec,
        Some((state, _)) => {
            return Err(AgentError::Sealed {
                attempt,
                state: state.name().into(),
            });
        }
        None => {
            return Err(AgentError::NotFound(format!(
                "attempt {attempt} is not open on this worker"
            )));
        }
    };
    let table: Option<String> = conn
        .exec_first(
            "SELECT name FROM orrery_control.staged_table WHERE attempt = :attempt AND part = :part AND chunk = :chunk",
            params! { "attempt" => attempt, "part" => part_name(target.part), "chunk" => target.chunk },
        )
        .await?;
    let Some(table) = table else {
        let (part, chunk) = (part_name(target.part), target.chunk);
        return Err(AgentError::NotFound(format!(
            "attempt {attempt} has no {part} table of chunk {chunk} here"
        )));
    };
    Ok(LoadPlace {
        table,
        fields: spec.fields,
    })
}

/// What the ledger says of a part.
pub async fn ledger_row(
    conn: &mut Conn,
    attempt: u64,
    target: &LoadTarget,
) -> Result<Option<Loaded>> {
    let row: Option<(u64, u64)> = conn
        .exec_first(
            "SELECT row_count, bytes FROM orrery_control.ledger WHERE attempt = :attempt AND part = :part \
             AND chunk = :chunk AND file = :file AND file_part = :file_part",
            params! {
                "attempt" => attempt, "part" => part_name(target.part), "chunk" => target.chunk,
                "file" => target.file, "file_part" => target.file_part,
            },
        )
        .await?;
    Ok(row.map(|(rows, bytes)| Loaded {
        target: target.clone(),
        rows,
        bytes,
        already: true,
    }))
}

/// The whole ledger of an attempt.
pub async fn ledger(conn: &mut Conn, attempt: u64) -> Result<Vec<Loaded>> {
    let rows: Vec<(String, u32, u32, u32, u64, u64)> = conn
        .exec(
            "SELECT part, chunk, file, file_part, row_count, bytes FROM orrery_control.ledger WHERE attempt = :attempt",
            params! { attempt },
        )
        .await?;
    rows.into_iter()
        .map(|(part, chunk, file, file_part, rows, bytes)| {
            let target = LoadTarget {
                part: part_from(&part)?,
                chunk,
                file,
                file_part,
            };
            Ok(Loaded {
                target,
                rows,
                bytes,
                already: true,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, chunk: u32) -> StagedTable {
        StagedTable {
            table: name.into(),
            chunk,
            part: TablePart::Home,
        }
    }

    #[test]
    fn only_new_tables_are_made_and_contradictions_refused() {
        let known = [table("a", 1)];
        assert_eq!(
            missing(&[table("a", 1), table("b", 2)], &known).unwrap(),
            vec![table("b", 2)]
        );
        assert!(missing(&[table("a", 2)], &known).is_err());
        assert!(missing(&[table("b", 1)], &known).is_err());
        assert!(missing(&[table("b", 2), table("b", 3)], &[]).is_err());
    }
}
