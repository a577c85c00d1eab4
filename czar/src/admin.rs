//! What the admin port says: a czar is ready when a complete catalog is in use and its shadow
//! server answers.

use orrery_shell::Admin;
use prometheus::proto::MetricFamily;

use crate::server::Shared;

impl Admin for Shared {
    async fn ready(&self) -> Result<String, String> {
        let Some(current) = self.engine.catalogs.current() else {
            return Err("no complete catalog yet".to_owned());
        };
        if !self.engine.shadow.answers().await {
            return Err("the shadow server does not answer".to_owned());
        }
        Ok(format!("catalog {}", current.catalog().epochs))
    }

    fn metrics(&self) -> prometheus::Result<Vec<MetricFamily>> {
        let engine = &self.engine;
        let epoch = engine
            .catalogs
            .current()
            .map_or(0, |current| current.catalog().epochs.data);
        Ok(self.metrics.gather(&engine.workers, &engine.spool, epoch))
    }
}
