//! What the admin port says: a proxy is ready when it can answer statements.

use orrery_shell::Admin;
use prometheus::proto::MetricFamily;

use crate::metrics::Now;
use crate::shared::Proxy;

impl Admin for Proxy {
    async fn ready(&self) -> Result<String, String> {
        let missing = if self.stopping.is_cancelled() {
            "the proxy stops"
        } else if self.hub.current().is_none() {
            "no complete snapshot of the catalog yet"
        } else if !self.czars.any_healthy() {
            "no czar answers"
        } else {
            return Ok("ready".to_owned());
        };
        Err(missing.to_owned())
    }

    fn metrics(&self) -> prometheus::Result<Vec<MetricFamily>> {
        let (czars_healthy, czars_known) = self.czars.counts();
        Ok(self.metrics.gather(&Now {
            connections: self.registry.len(),
            running: self.registry.running(),
            czars_known,
            czars_healthy,
            data_epoch: self
                .hub
                .current()
                .map_or(0, |snapshot| snapshot.catalog.epochs.data),
        }))
    }
}
