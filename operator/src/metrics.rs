//! Numbers for `/metrics`.

use std::time::Instant;

use orrery_crds::kinds::{ChunkFamilyStatus, WorkerPhase, WorkerStatus};
use prometheus::core::Collector;
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
    chunks: IntGaugeVec,
    intended: IntGaugeVec,
    workers: IntGaugeVec,
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
            chunks: IntGaugeVec::new(
                Opts::new(
                    "orrery_operator_chunks",
                    "chunks of a family's rows or indexes, by how many copies they have",
                ),
                &["namespace", "family", "of", "copies"],
            )?,
            intended: IntGaugeVec::new(
                Opts::new(
                    "orrery_operator_copies_intended",
                    "copies that repair and drains are to make yet",
                ),
                &["namespace"],
            )?,
            workers: IntGaugeVec::new(
                Opts::new("orrery_operator_workers", "workers of a pool by phase"),
                &["namespace", "pool", "phase"],
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
            chunks,
            intended,
            workers,
        } = self;
        registry.register(Box::new(leading.clone()))?;
        registry.register(Box::new(reconciles.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(running_since.clone()))?;
        registry.register(Box::new(writes.clone()))?;
        registry.register(Box::new(malformed.clone()))?;
        registry.register(Box::new(chunks.clone()))?;
        registry.register(Box::new(intended.clone()))?;
        registry.register(Box::new(workers.clone()))
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

    /// Says how the chunks of the families of an archive stand; nothing is said of others that it
    /// had.
    pub fn families(&self, namespace: &str, families: &[(String, ChunkFamilyStatus)]) {
        for labels in labels_of(&self.chunks, namespace) {
            if !families.iter().any(|(name, _)| labels.contains(name)) {
                let values: Vec<&str> = labels.iter().map(String::as_str).collect();
                // One that is not there needs no removal.
                let _ = self.chunks.remove_label_values(&values);
            }
        }
        for (name, status) in families {
            self.family(namespace, name, status);
        }
    }

    fn family(&self, namespace: &str, family: &str, status: &ChunkFamilyStatus) {
        for (of, chunks) in [("rows", status.chunks), ("index", status.index_chunks)] {
            for (copies, count) in [
                ("all", chunks.ready),
                ("fewer", chunks.under_replicated),
                ("none", chunks.unreadable),
            ] {
                let labels = [namespace, family, of, copies];
                self.chunks.with_label_values(&labels).set(gauge(count));
            }
        }
    }

    /// Says how many copies are to be made yet.
    pub fn intended(&self, namespace: &str, copies: usize) {
        let gauge = self.intended.with_label_values(&[namespace]);
        gauge.set(i64::try_from(copies).unwrap_or(i64::MAX));
    }

    /// Says how the workers of a pool stand.
    pub fn workers(&self, namespace: &str, pool: &str, workers: &[WorkerStatus]) {
        for phase in WorkerPhase::ALL {
            let count = workers
                .iter()
                .filter(|worker| worker.phase == phase)
                .count();
            let phase = format!("{phase:?}");
            let gauge = self
                .workers
                .with_label_values(&[namespace, pool, phase.as_str()]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// All metrics.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

/// The label values of a gauge's series of one archive, in the order they were declared in.
fn labels_of(gauge: &IntGaugeVec, namespace: &str) -> Vec<Vec<String>> {
    let described = gauge.desc();
    let names = described.first().map(|desc| desc.variable_labels.clone());
    let names = names.unwrap_or_default();
    let collected = gauge.collect();
    let series = collected.iter().flat_map(MetricFamily::get_metric);
    series
        .filter_map(|metric| {
            let value = |name: &String| {
                let pair = metric.get_label().iter().find(|pair| pair.name() == name);
                pair.map(|pair| pair.value().to_owned())
            };
            names.iter().map(value).collect::<Option<Vec<String>>>()
        })
        .filter(|values| values.first().is_some_and(|value| value == namespace))
        .collect()
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
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
    use orrery_crds::kinds::{ChunkFamilyStatus, WorkerPhase, WorkerStatus};
    use prometheus::TextEncoder;

    use super::Metrics;

    #[test]
    fn every_metric_is_in_the_text() {
        let metrics = Metrics::new().unwrap();
        metrics.wrote("Service", "created");
        metrics.malformed("Worker");
        metrics.reconciles("pools").start().succeeded();
        let mut family = ChunkFamilyStatus::default();
        family.chunks.under_replicated = 7;
        family.index_chunks.unreadable = 2;
        let gone = ("gone".to_owned(), family.clone());
        metrics.families("sky", &[gone]);
        metrics.families("sky", &[("stars".to_owned(), family)]);
        metrics.intended("sky", 3);
        let down = WorkerStatus {
            phase: WorkerPhase::Down,
            ..WorkerStatus::default()
        };
        metrics.workers("sky", "main", &[down]);
        let text = TextEncoder::new()
            .encode_to_string(&metrics.gather())
            .unwrap();
        for line in [
            "orrery_operator_leading 0",
            r#"orrery_operator_writes_total{change="created",kind="Service"} 1"#,
            r#"orrery_operator_reconciles_total{controller="pools",result="succeeded"} 1"#,
            r#"orrery_operator_reconcile_running_since_seconds{controller="pools"} 0"#,
            r#"orrery_operator_malformed_objects_total{kind="Worker"} 1"#,
            r#"orrery_operator_chunks{copies="fewer",family="stars",namespace="sky",of="rows"} 7"#,
            r#"orrery_operator_chunks{copies="none",family="stars",namespace="sky",of="index"} 2"#,
            r#"orrery_operator_copies_intended{namespace="sky"} 3"#,
            r#"orrery_operator_workers{namespace="sky",phase="Down",pool="main"} 1"#,
            r#"orrery_operator_workers{namespace="sky",phase="Ready",pool="main"} 0"#,
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        assert!(!text.contains("gone"), "{text}");
    }
}
