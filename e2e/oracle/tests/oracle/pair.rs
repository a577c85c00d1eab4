//! A czar, and one plain server with the same rows.

use orrery_dev::archive::TableData;
use orrery_oracle::client::{Session, set};
use orrery_oracle::data::SHAPE;
use orrery_oracle::site::Site;
use orrery_wire::client::ClientConnection;

/// Connections to both; `site` is what they belong to.
pub struct Pair {
    pub site: Site,
    pub czar: ClientConnection,
    pub plain: ClientConnection,
}

impl Pair {
    /// Starts an archive and a plain server with these tables; the plain server's session gets the
    /// settings of `session`.
    pub async fn start(tables: anyhow::Result<Vec<TableData>>, session: Session) -> Self {
        let site = Site::start(SHAPE, &tables.unwrap(), &[]).await.unwrap();
        let czar = site.connect_czar().await.unwrap();
        let mut plain = site.connect_plain().await.unwrap();
        set(&mut plain, session).await.unwrap();
        Self { site, czar, plain }
    }
}
