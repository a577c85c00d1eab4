//! What the admin port says: an agent is ready when mysqld answers, its settings are right and the
//! control tables are there. One without identity is ready: it waits to be adopted.

use orrery_shell::Admin;
use prometheus::proto::MetricFamily;

use crate::agent::Agent;
use crate::api::info::{free_bytes, volume_bytes};

impl Admin for Agent {
    async fn ready(&self) -> Result<String, String> {
        let status = self.status();
        match (&status.mysqld, &status.identity) {
            (Ok(version), Ok(_)) => Ok(format!("mysqld {version}")),
            (Err(reason), _) | (Ok(_), Err(reason)) => Err(reason.clone()),
        }
    }

    fn metrics(&self) -> prometheus::Result<Vec<MetricFamily>> {
        let metrics = &self.metrics;
        metrics
            .mysqld_ready
            .set(i64::from(self.status().mysqld.is_ok()));
        metrics.active_loads.set(self.sessions.total() as i64);
        metrics.term.set(self.terms.highest() as i64);
        if let Ok(size) = volume_bytes(&self.config.data_dir) {
            metrics.volume_bytes.set(size as i64);
        }
        if let Ok(free) = free_bytes(&self.config.data_dir) {
            metrics.free_bytes.set(free as i64);
        }
        Ok(metrics.gather())
    }
}
