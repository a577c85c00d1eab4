//! COUNT, SUM and AVG of the whole table, against what somebody would do by hand: a statement over
//! all chunk tables of each worker, all at once, and the partial results put together.

use anyhow::{Context, ensure};
use futures::future::try_join_all;
use orrery_wire::client::ClientConnection;
use orrery_wire::value::TextCells;
use tokio::sync::Mutex;

use super::queries::again;
use crate::compare::{Effort, Medians, compare};
use crate::site::Site;

/// Totals over all rows, through the proxy and by hand in parallel.
pub async fn measure(site: &Site, effort: Effort) -> anyhow::Result<Medians> {
    let by_hand: Vec<(Mutex<ClientConnection>, String)> = site
        .workers()
        .await?
        .into_iter()
        .map(Mutex::new)
        .zip(site.objects.by_worker.iter().map(|tables| partial(tables)))
        .collect();
    let orrery = Mutex::new(site.orrery().await?);
    let rows = site.objects.rows;
    compare(
        site,
        effort,
        async || again(effort.seconds, async || parallel(&by_hand, rows).await).await,
        async || {
            again(effort.seconds, async || {
                let sql = b"SELECT COUNT(*), SUM(gMag), AVG(rMag) FROM Object";
                let (_, answer) = orrery.lock().await.query_all(sql).await?;
                let mut cells = TextCells::new(answer.first().context("no row")?);
                let count = number(cells.next().context("no count")??)?;
                ensure!((count - rows as f64).abs() < 0.5, "{count} rows");
                Ok(())
            })
            .await
        },
    )
    .await
}

/// Partial results of each table.
fn partial(tables: &[String]) -> String {
    let selects: Vec<String> = tables
        .iter()
        .map(|table| format!("SELECT COUNT(*), SUM(gMag), SUM(rMag), COUNT(rMag) FROM {table}"))
        .collect();
    selects.join(" UNION ALL ")
}

async fn parallel(workers: &[(Mutex<ClientConnection>, String)], rows: u64) -> anyhow::Result<()> {
    let parts = workers.iter().map(async |(connection, sql)| {
        let (_, rows) = connection.lock().await.query_all(sql.as_bytes()).await?;
        let mut sums = [0.0; 4];
        for row in rows {
            for (sum, cell) in sums.iter_mut().zip(TextCells::new(&row)) {
                *sum += number(cell?)?;
            }
        }
        anyhow::Ok(sums)
    });
    let count: f64 = try_join_all(parts).await?.iter().map(|sums| sums[0]).sum();
    ensure!((count - rows as f64).abs() < 0.5, "{count} rows by hand");
    Ok(())
}

fn number(cell: Option<&[u8]>) -> anyhow::Result<f64> {
    cell.map_or(Ok(0.0), |text| Ok(std::str::from_utf8(text)?.parse()?))
}
