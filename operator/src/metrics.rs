//! Numbers for `/metrics`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use orrery_crds::kinds::{ChunkFamilyStatus, IngestPhase, WorkerPhase, WorkerStatus};
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
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
    succeeded: IntGaugeVec,
    late: GaugeVec,
    waiting: IntGaugeVec,
    writes: IntCounterVec,
    malformed: IntCounterVec,
    archives: Archives,
}

/// What is said of archives.
#[derive(Clone)]
struct Archives {
    chunks: IntGaugeVec,
    intended: IntGaugeVec,
    workers: IntGaugeVec,
    ingests: IntGaugeVec,
    ingests_since: IntGaugeVec,
    certificates: IntGaugeVec,
    behind: IntGaugeVec,
    damaged: IntGaugeVec,
}

impl Archives {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauges =
            |name: &str, help: &str, labels: &[&str]| registered(registry, name, help, labels);
        Ok(Self {
            chunks: gauges(
                "orrery_operator_chunks",
                "chunks of a family's rows or indexes, by how many copies they have",
                &["namespace", "family", "of", "copies"],
            )?,
            intended: gauges(
                "orrery_operator_copies_intended",
                "copies that repair and drains are to make yet",
                &["namespace"],
            )?,
            workers: gauges(
                "orrery_operator_workers",
                "workers of a pool by phase",
                &["namespace", "pool", "phase"],
            )?,
            ingests: gauges(
                "orrery_operator_ingests",
                "ingests by phase",
                &["namespace", "phase"],
            )?,
            ingests_since: gauges(
                "orrery_operator_ingests_since_seconds",
                "Unix time at which the ingest that is longest in a phase came to it",
                &["namespace", "phase"],
            )?,
            certificates: gauges(
                "orrery_operator_certificate_expires_seconds",
                "Unix time at which the certificate in a Secret expires",
                &["namespace", "secret"],
            )?,
            behind: gauges(
                "orrery_operator_catalog_behind",
                "1 while workers hold more than the catalog knows, so that it is not written",
                &["namespace"],
            )?,
            damaged: gauges(
                "orrery_operator_damaged_copies",
                "copies that differ from the manifest: replaced, or kept because no good copy serves",
                &["namespace", "are"],
            )?,
        })
    }
}

/// Gauges that are registered.
fn registered(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntGaugeVec, prometheus::Error> {
    let gauges = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(gauges.clone()))?;
    Ok(gauges)
}

impl Metrics {
    /// Makes and registers every metric.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let gauges =
            |name: &str, help: &str, labels: &[&str]| registered(&registry, name, help, labels);
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counters.clone()))?;
            Ok::<_, prometheus::Error>(counters)
        };
        let leading = IntGauge::new(
            "orrery_operator_leading",
            "1 while this process holds the lease",
        )?;
        registry.register(Box::new(leading.clone()))?;
        let seconds = HistogramOpts::new(
            "orrery_operator_reconcile_seconds",
            "duration of reconciles",
        );
        let seconds = HistogramVec::new(seconds, &["controller"])?;
        registry.register(Box::new(seconds.clone()))?;
        let late = Opts::new(
            "orrery_operator_reconcile_late_seconds",
            "how long after it was due the last reconcile began",
        );
        let late = GaugeVec::new(late, &["controller"])?;
        registry.register(Box::new(late.clone()))?;
        Ok(Self {
            leading,
            seconds,
            late,
            reconciles: counters(
                "orrery_operator_reconciles_total",
                "reconciles by controller and result",
                &["controller", "result"],
            )?,
            running_since: gauges(
                "orrery_operator_reconcile_running_since_seconds",
                "Unix time at which the running reconcile began; 0 when none runs",
                &["controller"],
            )?,
            succeeded: gauges(
                "orrery_operator_reconcile_succeeded_seconds",
                "Unix time at which a reconcile last succeeded",
                &["controller"],
            )?,
            waiting: gauges(
                "orrery_operator_reconcile_waiting",
                "keys that are due and wait for the reconcile that runs",
                &["controller"],
            )?,
            writes: counters(
                "orrery_operator_writes_total",
                "objects written by kind and what the write did",
                &["kind", "change"],
            )?,
            malformed: counters(
                "orrery_operator_malformed_objects_total",
                "objects seen that cannot be read, by kind",
                &["kind"],
            )?,
            archives: Archives::new(&registry)?,
            registry,
        })
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
        for labels in labels_of(&self.archives.chunks, namespace) {
            if !families.iter().any(|(name, _)| labels.contains(name)) {
                let values: Vec<&str> = labels.iter().map(String::as_str).collect();
                // One that is not there needs no removal.
                let _ = self.archives.chunks.remove_label_values(&values);
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
                self.archives
                    .chunks
                    .with_label_values(&labels)
                    .set(gauge(count));
            }
        }
    }

    /// Says how many copies are to be made yet.
    pub fn intended(&self, namespace: &str, copies: usize) {
        let gauge = self.archives.intended.with_label_values(&[namespace]);
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
                .archives
                .workers
                .with_label_values(&[namespace, pool, phase.as_str()]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Says how the ingests of an archive stand: the phase of each, and since when it is in it.
    pub fn ingests(&self, namespace: &str, ingests: &[(IngestPhase, Option<Timestamp>)]) {
        for phase in IngestPhase::ALL {
            let own = ingests.iter().filter(|(of, _)| *of == phase);
            let oldest = own.clone().filter_map(|(_, since)| *since).min();
            let phase = format!("{phase:?}");
            let labels = [namespace, phase.as_str()];
            let count = i64::try_from(own.count()).unwrap_or(i64::MAX);
            self.archives.ingests.with_label_values(&labels).set(count);
            match oldest {
                Some(since) => {
                    let gauge = self.archives.ingests_since.with_label_values(&labels);
                    gauge.set(since.as_second());
                }
                // One that is not there needs no removal.
                None => drop(self.archives.ingests_since.remove_label_values(&labels)),
            }
        }
    }

    /// Says when the certificates in these Secrets of an archive expire; nothing is said of others
    /// that it had.
    pub fn certificates(&self, namespace: &str, expiries: &BTreeMap<&str, Timestamp>) {
        let gauges = &self.archives.certificates;
        for labels in labels_of(gauges, namespace) {
            let values: Vec<&str> = labels.iter().map(String::as_str).collect();
            if !values
                .get(1)
                .is_some_and(|secret| expiries.contains_key(secret))
            {
                // One that is not there needs no removal.
                let _ = gauges.remove_label_values(&values);
            }
        }
        for (secret, expires) in expiries {
            let gauge = gauges.with_label_values(&[namespace, *secret]);
            gauge.set(expires.as_second());
        }
    }

    /// Says whether workers hold more than the catalog knows.
    pub fn behind(&self, namespace: &str, is_behind: bool) {
        let gauge = self.archives.behind.with_label_values(&[namespace]);
        gauge.set(i64::from(is_behind));
    }

    /// Says how many copies differ from the manifest: those that are replaced, and those that are
    /// not because no good copy serves.
    pub fn damaged(&self, namespace: &str, replaced: usize, kept: usize) {
        for (are, count) in [("replaced", replaced), ("kept", kept)] {
            let gauge = self.archives.damaged.with_label_values(&[namespace, are]);
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
    /// Says how late the reconcile is that begins, and how many keys wait for its end.
    pub fn due(&self, late: Duration, waiting: usize) {
        let (metrics, labels) = (&self.metrics, [self.controller]);
        metrics
            .late
            .with_label_values(&labels)
            .set(late.as_secs_f64());
        let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
        metrics.waiting.with_label_values(&labels).set(waiting);
    }

    /// A reconcile begins; it counts as failed unless it is said to have succeeded.
    pub fn start(&self) -> Running<'_> {
        let now = Timestamp::now().as_second();
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
        let ReconcileMetrics {
            metrics,
            controller,
        } = self.of;
        let succeeded = metrics.succeeded.with_label_values(&[*controller]);
        succeeded.set(Timestamp::now().as_second());
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
mod tests;
