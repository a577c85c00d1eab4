//! Queries as several figures run and compare them.

use std::time::Instant;

use anyhow::ensure;
use bytes::Bytes;
use orrery_wire::client::ClientConnection;

use crate::compare::Run;

/// Runs a query again and again for at least the seconds given.
pub(super) async fn again(
    seconds: f64,
    query: impl AsyncFn() -> anyhow::Result<()>,
) -> anyhow::Result<Run> {
    let begun = Instant::now();
    let mut operations = 0.0;
    loop {
        query().await?;
        operations += 1.0;
        let elapsed = begun.elapsed().as_secs_f64();
        if elapsed >= seconds {
            return Ok(Run {
                operations,
                seconds: elapsed,
            });
        }
    }
}

/// The rows of a query, sorted.
pub(super) async fn rows(
    connection: &mut ClientConnection,
    sql: &str,
) -> anyhow::Result<Vec<Bytes>> {
    let (_, mut rows) = connection.query_all(sql.as_bytes()).await?;
    rows.sort();
    Ok(rows)
}

/// A fast wrong answer is worth nothing.
pub(super) fn check_same(what: &str, direct: &[Bytes], orrery: &[Bytes]) -> anyhow::Result<()> {
    ensure!(
        !direct.is_empty() && direct == orrery,
        "{what}: {} rows without Orrery, {} rows through it, and they differ",
        direct.len(),
        orrery.len()
    );
    Ok(())
}
