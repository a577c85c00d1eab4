//! Rows within a circle that lies in one chunk. The plain table has no spatial index, as users'
//! tables have none.

use tokio::sync::Mutex;

use super::queries::{again, check_same, rows};
use crate::compare::{Effort, Medians, compare};
use crate::site::Site;

/// Radius, degrees: inside a chunk of the sample sky's grid when the centre is its middle.
const RADIUS: f64 = 0.3;

/// Cones of one chunk, through the proxy and by hand.
pub async fn measure(site: &Site, effort: Effort) -> anyhow::Result<Medians> {
    let (lon, lat) = site.objects.middle;
    let sql = format!(
        "SELECT objectId, ra, decl, rMag FROM Object WHERE scisql_s2PtInCircle(ra, decl, {lon}, {lat}, {RADIUS}) = 1"
    );
    let direct = Mutex::new(site.direct().await?);
    let orrery = Mutex::new(site.orrery().await?);
    let answers = (
        rows(&mut *direct.lock().await, &sql).await?,
        rows(&mut *orrery.lock().await, &sql).await?,
    );
    check_same("cone search", &answers.0, &answers.1)?;
    let ask = async |connection: &Mutex<_>| {
        again(effort.seconds, async || {
            rows(&mut *connection.lock().await, &sql).await.map(drop)
        })
        .await
    };
    compare(
        site,
        effort,
        async || ask(&direct).await,
        async || ask(&orrery).await,
    )
    .await
}
