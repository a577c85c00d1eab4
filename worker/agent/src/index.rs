//! Look-ups in director index tables, for loaders: where is a key, if anywhere?

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, params};
use orrery_worker_api::agent::{IndexEntries, IndexLookup};

use crate::db::sql;
use crate::error::{AgentError, Result};

/// Keys in one statement.
const BATCH: usize = 2_000;

/// Finds the keys in all tables given.
pub async fn lookup(conn: &mut Conn, request: &IndexLookup) -> Result<IndexEntries> {
    let mut found = IndexEntries::default();
    for (database, table) in &request.tables {
        sql::check_name(database)?;
        sql::check_name(table)?;
        let literals = literals(key_kind(conn, database, table).await?, &request.keys)?;
        for batch in literals.chunks(BATCH) {
            let rows: Vec<(String, u32, u32, bool)> = conn
                .query(format!(
                    "SELECT CONVERT(k USING utf8mb4), chunkId, subChunkId, orphan FROM {} WHERE k IN ({})",
                    sql::qualified(database, table),
                    batch.join(", ")
                ))
                .await?;
            found.entries.extend(rows);
        }
    }
    Ok(found)
}

#[derive(Clone, Copy, Debug)]
enum KeyKind {
    Integer,
    Text,
}

async fn key_kind(conn: &mut Conn, database: &str, table: &str) -> Result<KeyKind> {
    let data_type: Option<String> = conn
        .exec_first(
            "SELECT data_type FROM information_schema.columns \
             WHERE table_schema = :database AND table_name = :table AND column_name = 'k'",
            params! { database, table },
        )
        .await?;
    match data_type.as_deref() {
        None => Err(AgentError::NotFound(format!(
            "there is no index table {database}.{table}"
        ))),
        Some("tinyint" | "smallint" | "mediumint" | "int" | "bigint") => Ok(KeyKind::Integer),
        Some(_) => Ok(KeyKind::Text),
    }
}

/// Keys as SQL. Integers must not be quoted: MariaDB would compare them as DOUBLE and confuse large
/// ones.
fn literals(kind: KeyKind, keys: &[String]) -> Result<Vec<String>> {
    keys.iter()
        .map(|key| match kind {
            KeyKind::Integer => key
                .parse::<i128>()
                .map(|number| number.to_string())
                .map_err(|_| AgentError::BadRequest(format!("the key {key:?} is no integer"))),
            KeyKind::Text => Ok(sql::literal(key)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_stay_integers_and_nothing_else_passes_for_one() {
        let keys = ["18446744073709551615".to_owned(), "-3".to_owned()];
        assert_eq!(
            literals(KeyKind::Integer, &keys).unwrap(),
            ["18446744073709551615", "-3"]
        );
        assert!(literals(KeyKind::Integer, &["1 OR 1".to_owned()]).is_err());
        assert_eq!(
            literals(KeyKind::Text, &["a'b".to_owned()]).unwrap(),
            ["'a''b'"]
        );
    }
}
