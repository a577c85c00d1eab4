//! Numbers for `/metrics`.

use std::time::Instant;

use prometheus::proto::MetricFamily;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// All metrics of the operator.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    /// 1 while this process leads.
    pub leading: IntGauge,
    reconciles: IntCounterVec,
    seconds: HistogramVec,
    running_since: IntGaugeVec,
    writes: IntCounterVec,
    malformed: IntCounterVec,
}

impl Metrics {
    /// Makes and registers every metric.
    pub fn new() -> Result<Self, prometheus::Error> {
        let metrics = Self {
            registry: Registry::new(),
            leading: IntGauge::new(
                "orrery_operator_leading",
                "1 while this process holds the lease",
            )?,
            reconciles: IntCounterVec::new(
                Opts::new(
                    "orrery_operator_reconciles_total",
                    "reconciles by controller and result",
                ),
                &["controller", "result"],
            )?,
            seconds: HistogramVec::new(
                HistogramOpts::new(
                    "orrery_operator_reconcile_seconds",
                    "duration of reconciles",
                ),
                &["controller"],
            )?,
            running_since: IntGaugeVec::new(
                Opts::new(
                    "orrery_operator_reconcile_running_since_seconds",
                    "Unix time at which the running reconcile began; 0 when none runs",
                ),
                &["controller"],
            )?,
            writes: IntCounterVec::new(
                Opts::new(
                    "orrery_operator_writes_total",
                    "objects written by kind and what the write did",
                ),
                &["kind", "change"],
            )?,
            malformed: IntCounterVec::new(
                Opts::new(
                    "orrery_operator_malformed_objects_total",
                    "objects seen that cannot be read, by kind",
                ),
                &["kind"],
            )?,
        };
        metrics.register()?;
        Ok(metrics)
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        let Self {
            registry,
            leading,
            reconciles,
            seconds,
            running_since,
            writes,
            malformed,
        } = self;
        registry.register(Box::new(leading.clone()))?;
        registry.register(Box::new(reconciles.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(running_since.clone()))?;
        registry.register(Box::new(writes.clone()))?;
        registry.register(Box::new(malformed.clone()))
    }

    /// Metrics of one controller's reconciles.
    pub fn reconciles(&self, controller: &'static str) -> ReconcileMetrics {
        ReconcileMetrics {
            metrics: self.clone(),
            controller,
        }
    }

    /// Counts a write.
    pub fn wrote(&self, kind: &str, change: &str) {
        self.writes.with_label_values(&[kind, change]).inc();
    }

    /// Counts an object that cannot be read.
    pub fn malformed(&self, kind: &str) {
        self.malformed.with_label_values(&[kind]).inc();
    }

    /// All metrics.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

/// Counts the reconciles of one controller.
pub struct ReconcileMetrics {
    metrics: Metrics,
    controller: &'static str,
}

impl ReconcileMetrics {
    /// A reconcile begins; it counts as failed unless it is said to have succeeded.
    pub fn start(&self) -> Running<'_> {
        let now = k8s_openapi::jiff::Timestamp::now().as_second();
        self.metrics
            .running_since
            .with_label_values(&[self.controller])
            .set(now);
        Running {
            of: self,
            began: Instant::now(),
            result: "failed",
        }
    }
}

/// A running reconcile, counted when it is dropped.
pub struct Running<'a> {
    of: &'a ReconcileMetrics,
    began: Instant,
    result: &'static str,
}

impl Running<'_> {
    /// It succeeded.
    pub fn succeeded(mut self) {
        self.result = "succeeded";
    }

    /// It failed.
    pub fn failed(self) {}
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let ReconcileMetrics {
            metrics,
            controller,
        } = self.of;
        metrics
            .reconciles
            .with_label_values(&[*controller, self.result])
            .inc();
        metrics
            .seconds
            .with_label_values(&[*controller])
            .observe(self.began.elapsed().as_secs_f64());
        metrics
            .running_since
            .with_label_values(&[*controller])
            .set(0);
    }
}

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;

    use super::Metrics;

    #[test]
    fn every_metric_is_in_the_text() {
        let metrics = Metrics::new().unwrap();
        metrics.wrote("Service", "created");
        metrics.malformed("Worker");
        metrics.reconciles("pools").start().succeeded();
        let text = TextEncoder::new()
            .encode_to_string(&metrics.gather())
            .unwrap();
        for line in [
            "orrery_operator_leading 0",
            r#"orrery_operator_writes_total{change="created",kind="Service"} 1"#,
            r#"orrery_operator_reconciles_total{controller="pools",result="succeeded"} 1"#,
            r#"orrery_operator_reconcile_running_since_seconds{controller="pools"} 0"#,
            r#"orrery_operator_malformed_objects_total{kind="Worker"} 1"#,
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }
}
