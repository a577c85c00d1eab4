//! Every row of the table to one client.

use std::time::Instant;

use anyhow::ensure;
use orrery_wire::client::{ClientConnection, Next};
use tokio::sync::Mutex;

use crate::compare::{Effort, Medians, Run, compare};
use crate::site::Site;

/// `SELECT *`, through the proxy and by hand.
pub async fn measure(site: &Site, effort: Effort) -> anyhow::Result<Medians> {
    let direct = Mutex::new(site.direct().await?);
    let orrery = Mutex::new(site.orrery().await?);
    let bytes = (
        all(&mut *direct.lock().await).await?,
        all(&mut *orrery.lock().await).await?,
    );
    ensure!(
        bytes.0 == bytes.1 && bytes.0.0 == site.objects.rows,
        "rows and bytes differ: {:?} without Orrery, {:?} through it",
        bytes.0,
        bytes.1
    );
    compare(
        site,
        effort,
        async || timed(&direct).await,
        async || timed(&orrery).await,
    )
    .await
}

async fn timed(connection: &Mutex<ClientConnection>) -> anyhow::Result<Run> {
    let begun = Instant::now();
    let (rows, _) = all(&mut *connection.lock().await).await?;
    Ok(Run {
        operations: rows as f64,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// Rows and their bytes.
async fn all(connection: &mut ClientConnection) -> anyhow::Result<(u64, u64)> {
    connection.query(b"SELECT * FROM Object").await?;
    let (mut rows, mut bytes) = (0, 0);
    loop {
        let next = match connection.buffered_row()? {
            Some(next) => next,
            None => connection.next_row().await?,
        };
        match next {
            Next::Row(row) => {
                rows += 1;
                bytes += row.len() as u64;
            }
            Next::End(_) => return Ok((rows, bytes)),
        }
    }
}
