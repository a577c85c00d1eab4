//! Pairs of near rows, counted: against one server with an index on the position, whose text says
//! in which box to look.

use tokio::sync::Mutex;

use super::queries::{again, check_same, rows};
use crate::compare::{Effort, Medians, compare};
use crate::site::Site;

/// Limit of the distance, degrees: nine seconds of arc.
const LIMIT: f64 = 0.0025;
/// The rows whose neighbours are counted lie within so many degrees of a latitude.
const BAND: f64 = 0.25;

/// Pairs near a latitude, through the proxy and on the plain server.
pub(super) async fn measure(site: &Site, effort: Effort) -> anyhow::Result<Medians> {
    let (_, lat) = site.objects.middle;
    let (south, north) = (lat - BAND, lat + BAND);
    site.plain
        .run_all([
            "CREATE OR REPLACE TABLE sky.Indexed (PRIMARY KEY (objectId), KEY position (decl, ra)) \
             SELECT objectId, ra, decl FROM sky.Object",
            "ANALYZE TABLE sky.Indexed",
        ])
        .await?;
    let near = format!(
        "scisql_angSep(a.ra, a.decl, b.ra, b.decl) < {LIMIT} AND a.decl BETWEEN {south} AND {north}"
    );
    // A degree of longitude is shorter than one of latitude by the cosine: all within 60 degrees.
    let wide = 2.0 * LIMIT;
    let by_index = format!(
        "SELECT COUNT(*) FROM Indexed a, Indexed b WHERE {near} \
         AND b.decl BETWEEN a.decl - {LIMIT} AND a.decl + {LIMIT} \
         AND (b.ra BETWEEN a.ra - {wide} AND a.ra + {wide} \
         OR b.ra BETWEEN a.ra + 360 - {wide} AND 360 OR b.ra BETWEEN 0 AND a.ra - 360 + {wide})"
    );
    let sql = format!("SELECT COUNT(*) FROM Object a, Object b WHERE {near}");
    let direct = Mutex::new(site.direct().await?);
    let orrery = Mutex::new(site.orrery().await?);
    let once =
        async |connection: &Mutex<_>, sql: &str| rows(&mut *connection.lock().await, sql).await;
    let answers = (once(&direct, &by_index).await?, once(&orrery, &sql).await?);
    check_same("near neighbours", &answers.0, &answers.1)?;
    compare(
        site,
        effort,
        async || {
            again(effort.seconds, async || {
                once(&direct, &by_index).await.map(drop)
            })
            .await
        },
        async || again(effort.seconds, async || once(&orrery, &sql).await.map(drop)).await,
    )
    .await
}
