//! A gather of all rows, against `CREATE TABLE … SELECT` of the same rows on one server.

use tokio::sync::Mutex;

use super::queries::{again, check_same, rows};
use crate::compare::{Effort, Medians, compare};
use crate::site::Site;

const STATEMENT: &str =
    "SELECT COUNT(*), MIN(objectId), MAX(objectId), MAX(ra), MAX(gMag), MAX(rMag) FROM Object";

/// The statement over gathered rows, and over a copy of the table.
pub(super) async fn measure(site: &Site, effort: Effort) -> anyhow::Result<Medians> {
    let direct = Mutex::new(site.plain.root().await?);
    let orrery = Mutex::new(site.orrery().await?);
    orrery.lock().await.run(b"SET orrery_plan = gather").await?;
    let copied = STATEMENT.replace("Object", "sky.Copied");
    let by_copy = async || {
        let mut direct = direct.lock().await;
        direct
            .run(
                b"CREATE OR REPLACE TEMPORARY TABLE sky.Copied (PRIMARY KEY (objectId)) ENGINE=InnoDB \
                  SELECT objectId, ra, gMag, rMag FROM sky.Object",
            )
            .await?;
        rows(&mut direct, &copied).await
    };
    let gathered = async || rows(&mut *orrery.lock().await, STATEMENT).await;
    check_same("gather", &by_copy().await?, &gathered().await?)?;
    compare(
        site,
        effort,
        async || again(effort.seconds, async || by_copy().await.map(drop)).await,
        async || again(effort.seconds, async || gathered().await.map(drop)).await,
    )
    .await
}
