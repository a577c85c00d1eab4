//! Counters of the czar.

use std::time::Instant;

use prometheus::proto::MetricFamily;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::dispatch::Workers;
use crate::spool::SpoolSpace;

/// Counters, and the registry that prints them.
pub struct Metrics {
    registry: Registry,
    statements: IntCounterVec,
    rows: IntCounter,
    running: IntGauge,
    seconds: Histogram,
    spooled: IntGauge,
    data_epoch: IntGauge,
    in_flight: IntGaugeVec,
    answering: IntGaugeVec,
}

/// A statement being counted.
pub struct Timer<'m> {
    metrics: &'m Metrics,
    begun: Instant,
}

impl Metrics {
    /// Fresh counters.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("orrery_czar".to_owned()), None)?;
        let metrics = Self {
            statements: IntCounterVec::new(
                Opts::new("statements_total", "Statements by outcome."),
                &["outcome"],
            )?,
            rows: IntCounter::new("rows_total", "Rows sent.")?,
            running: IntGauge::new("statements_running", "Statements running now.")?,
            seconds: Histogram::with_opts(
                HistogramOpts::new(
                    "statement_seconds",
                    "Time of statements from command to last row.",
                )
                .buckets(prometheus::exponential_buckets(0.0005, 4.0, 10)?),
            )?,
            spooled: IntGauge::new("spool_bytes", "Bytes in spool files.")?,
            data_epoch: IntGauge::new("data_epoch", "dataEpoch of new statements.")?,
            in_flight: IntGaugeVec::new(
                Opts::new("tasks_in_flight", "Tasks running on a worker."),
                &["worker"],
            )?,
            answering: IntGaugeVec::new(
                Opts::new("worker_answers", "1 when a worker answers probes."),
                &["worker"],
            )?,
            registry,
        };
        let registry = &metrics.registry;
        registry.register(Box::new(metrics.statements.clone()))?;
        registry.register(Box::new(metrics.rows.clone()))?;
        registry.register(Box::new(metrics.running.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        registry.register(Box::new(metrics.spooled.clone()))?;
        registry.register(Box::new(metrics.data_epoch.clone()))?;
        registry.register(Box::new(metrics.in_flight.clone()))?;
        registry.register(Box::new(metrics.answering.clone()))?;
        Ok(metrics)
    }

    /// Counts a statement that begins.
    pub fn begin(&self) -> Timer<'_> {
        self.running.inc();
        Timer {
            metrics: self,
            begun: Instant::now(),
        }
    }

    /// Everything, with the state of workers and spool as it is now.
    pub fn gather(
        &self,
        workers: &Workers,
        spool: &SpoolSpace,
        data_epoch: u64,
    ) -> Vec<MetricFamily> {
        self.spooled.set(spool.disk_used() as i64);
        self.data_epoch.set(data_epoch as i64);
        self.in_flight.reset();
        self.answering.reset();
        for (worker, tasks, answers) in workers.load() {
            let name = worker.to_string();
            self.in_flight.with_label_values(&[&name]).set(tasks as i64);
            self.answering
                .with_label_values(&[&name])
                .set(i64::from(answers));
        }
        self.registry.gather()
    }
}

impl Timer<'_> {
    /// The statement was answered with this many rows.
    pub fn finished(self, rows: u64) {
        self.metrics.rows.inc_by(rows);
        self.metrics
            .statements
            .with_label_values(&["answered"])
            .inc();
    }

    /// The statement was not answered, or not to its end.
    pub fn failed(self) {
        self.metrics.statements.with_label_values(&["failed"]).inc();
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        self.metrics.running.dec();
        self.metrics
            .seconds
            .observe(self.begun.elapsed().as_secs_f64());
    }
}
