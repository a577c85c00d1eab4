//! Count and checksum of a table: two sums that do not depend on the order of rows.
//!
//! `CHECKSUM TABLE` alone confuses ('ab','c') with ('a','bc') (tried). The second sum hashes each
//! row with a mark and a length before every value, computed here from the exact values of the
//! binary protocol: converting them to text in SQL costs five times as much and loses digits of
//! FLOAT.

use futures::StreamExt;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value, params};
use twox_hash::XxHash3_128;

use crate::db::sql;
use crate::error::{AgentError, Result};

/// What a table holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Rows.
    pub rows: u64,
    /// As in [`orrery_worker_api::agent::ManifestRow::checksum`].
    pub checksum: String,
}

/// The columns of a table, in order, invisible ones too.
#[derive(Clone, Debug)]
pub struct Columns(String);

impl Columns {
    /// Asks mysqld.
    pub async fn of(conn: &mut Conn, database: &str, table: &str) -> Result<Self> {
        let names: Vec<String> = conn
            .exec(
                "SELECT column_name FROM information_schema.columns \
                 WHERE table_schema = :database AND table_name = :table ORDER BY ordinal_position",
                params! { database, table },
            )
            .await?;
        if names.is_empty() {
            return Err(AgentError::Mismatch(format!(
                "{database}.{table} cannot be summed: it is missing or damaged"
            )));
        }
        let names: Vec<String> = names.iter().map(|name| sql::ident(name)).collect();
        Ok(Self(names.join(", ")))
    }
}

/// Counts and sums a table. Takes two scans.
pub async fn of(conn: &mut Conn, database: &str, table: &str) -> Result<Contents> {
    let columns = Columns::of(conn, database, table).await?;
    of_columns(conn, database, table, &columns).await
}

/// [`of`] for a table whose columns are known.
pub async fn of_columns(
    conn: &mut Conn,
    database: &str,
    table: &str,
    Columns(columns): &Columns,
) -> Result<Contents> {
    let name = sql::qualified(database, table);
    let row: Option<(String, Option<u64>)> = conn
        .query_first(format!("CHECKSUM TABLE {name} EXTENDED"))
        .await?;
    let Some((_, Some(checksum))) = row else {
        return Err(AgentError::Mismatch(format!(
            "{database}.{table} cannot be summed: it is missing or damaged"
        )));
    };
    // Bytes as stored, whatever the character set.
    conn.query_drop("SET character_set_results = NULL").await?;
    let summed = sum(conn, &format!("SELECT {columns} FROM {name}")).await;
    conn.query_drop("SET character_set_results = utf8mb4")
        .await?;
    let (rows, sum) = summed?;
    Ok(Contents {
        rows,
        checksum: format!("{checksum}:{sum:032x}"),
    })
}

async fn sum(conn: &mut Conn, select: &str) -> Result<(u64, u128)> {
    let mut rows = conn.exec_stream::<Row, _, _>(select, ()).await?;
    let (mut count, mut total, mut buffer) = (0_u64, 0_u128, Vec::new());
    while let Some(row) = rows.next().await {
        buffer.clear();
        for value in row?.unwrap() {
            write_value(&mut buffer, &value);
        }
        count += 1;
        total = total.wrapping_add(XxHash3_128::oneshot(&buffer));
    }
    Ok((count, total))
}

/// A value with its kind and, where it varies, its length.
fn write_value(buffer: &mut Vec<u8>, value: &Value) {
    match value {
        Value::NULL => buffer.push(0),
        Value::Bytes(bytes) => {
            buffer.push(1);
            buffer.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            buffer.extend_from_slice(bytes);
        }
        // A number has the same bits signed and unsigned; the kind a column answers with is the
        // same for equal definitions.
        Value::Int(number) => fixed(buffer, 2, &number.to_le_bytes()),
        Value::UInt(number) => fixed(buffer, 3, &number.to_le_bytes()),
        Value::Float(number) => fixed(buffer, 4, &number.to_bits().to_le_bytes()),
        Value::Double(number) => fixed(buffer, 5, &number.to_bits().to_le_bytes()),
        Value::Date(year, month, day, hour, minute, second, micros) => {
            fixed(buffer, 6, &year.to_le_bytes());
            buffer.extend_from_slice(&[*month, *day, *hour, *minute, *second]);
            buffer.extend_from_slice(&micros.to_le_bytes());
        }
        Value::Time(negative, days, hours, minutes, seconds, micros) => {
            fixed(buffer, 7, &days.to_le_bytes());
            buffer.extend_from_slice(&[u8::from(*negative), *hours, *minutes, *seconds]);
            buffer.extend_from_slice(&micros.to_le_bytes());
        }
    }
}

fn fixed(buffer: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    buffer.push(kind);
    buffer.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(values: &[Value]) -> u128 {
        let mut buffer = Vec::new();
        for value in values {
            write_value(&mut buffer, value);
        }
        XxHash3_128::oneshot(&buffer)
    }

    fn text(text: &str) -> Value {
        Value::Bytes(text.into())
    }

    #[test]
    fn borders_between_values_count() {
        assert_ne!(
            hash(&[text("ab"), text("c")]),
            hash(&[text("a"), text("bc")])
        );
        assert_ne!(
            hash(&[text(""), Value::NULL]),
            hash(&[Value::NULL, text("")])
        );
        assert_ne!(hash(&[Value::Double(0.0)]), hash(&[Value::Double(-0.0)]));
    }
}
