//! What the admin port says: the operator is ready when the cluster API answered lately. A standby
//! is ready too, so that a rollout can wait for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use orrery_shell::Admin;
use prometheus::proto::MetricFamily;

use crate::metrics::Metrics;

/// How long the cluster API may be silent before the operator is not ready.
const SILENCE: Duration = Duration::from_secs(30);

/// Remembers when the cluster API last answered.
#[derive(Clone, Default)]
pub struct Pulse {
    last: Arc<Mutex<Option<Instant>>>,
}

impl Pulse {
    /// It answered just now.
    pub fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn is_recent(&self) -> bool {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last.elapsed() < SILENCE)
    }
}

/// What the admin port says.
pub struct OperatorAdmin {
    metrics: Metrics,
    pulse: Pulse,
}

impl OperatorAdmin {
    /// Of these.
    pub fn new(metrics: Metrics, pulse: Pulse) -> Self {
        Self { metrics, pulse }
    }
}

impl Admin for OperatorAdmin {
    async fn ready(&self) -> Result<String, String> {
        if self.pulse.is_recent() {
            Ok("ready".to_owned())
        } else {
            Err("the cluster API does not answer".to_owned())
        }
    }

    fn metrics(&self) -> prometheus::Result<Vec<MetricFamily>> {
        Ok(self.metrics.gather())
    }
}

#[cfg(test)]
mod tests {
    use orrery_shell::Admin as _;

    use super::{OperatorAdmin, Pulse};
    use crate::metrics::Metrics;

    #[tokio::test]
    async fn ready_only_once_the_cluster_api_has_answered() {
        let pulse = Pulse::default();
        let admin = OperatorAdmin::new(Metrics::new().unwrap(), pulse.clone());
        assert!(admin.ready().await.is_err());
        pulse.beat();
        assert!(admin.ready().await.is_ok());
    }
}
