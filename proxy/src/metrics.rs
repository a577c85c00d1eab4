//! Counters of the proxy.

use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// All counters.
pub struct Metrics {
    registry: Registry,
    /// Log-ins by outcome: `ok`, `denied`, `delayed`, `refused`, `failed`.
    pub logins: IntCounterVec,
    /// Statements by class and outcome (`ok`, `error`, `interrupted`, `client_gone`).
    pub statements: IntCounterVec,
    /// Seconds from a statement to the end of its answer.
    pub seconds: Histogram,
    /// Rows passed on.
    pub rows: IntCounter,
    /// Czars that failed before the first row of a statement.
    pub czar_failures: IntCounter,
    /// Lines of the audit log that were not written.
    pub audit_lost: IntCounter,
    connections: IntGauge,
    running: IntGauge,
    czars_known: IntGauge,
    czars_healthy: IntGauge,
    data_epoch: IntGauge,
}

impl Metrics {
    /// Fresh counters.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("orrery_proxy".to_owned()), None)?;
        let logins = IntCounterVec::new(
            Opts::new("logins_total", "Log-ins by outcome"),
            &["outcome"],
        )?;
        let statements = IntCounterVec::new(
            Opts::new("statements_total", "Statements by class and outcome"),
            &["class", "outcome"],
        )?;
        let buckets = prometheus::exponential_buckets(0.0005, 4.0, 12)?;
        let seconds = Histogram::with_opts(
            HistogramOpts::new(
                "statement_seconds",
                "Seconds from a statement to the end of its answer",
            )
            .buckets(buckets),
        )?;
        let rows = IntCounter::new("rows_total", "Rows passed on to clients")?;
        let czar_failures = IntCounter::new(
            "czar_failures_total",
            "Czars that failed before the first row of a statement",
        )?;
        registry.register(Box::new(logins.clone()))?;
        registry.register(Box::new(statements.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(rows.clone()))?;
        registry.register(Box::new(czar_failures.clone()))?;
        let audit_lost = IntCounter::new(
            "audit_lost_total",
            "Lines of the audit log that were not written",
        )?;
        registry.register(Box::new(audit_lost.clone()))?;
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        Ok(Self {
            connections: gauge("connections", "Client connections")?,
            running: gauge("running", "Statements running now")?,
            czars_known: gauge("czars_known", "Czars known")?,
            czars_healthy: gauge("czars_healthy", "Czars that answered their last probe")?,
            data_epoch: gauge("data_epoch", "dataEpoch of the snapshot")?,
            registry,
            logins,
            statements,
            seconds,
            rows,
            czar_failures,
            audit_lost,
        })
    }

    /// Everything, with what is counted now.
    pub fn gather(&self, now: &Now) -> Vec<MetricFamily> {
        self.connections.set(now.connections as i64);
        self.running.set(now.running as i64);
        self.czars_known.set(now.czars_known as i64);
        self.czars_healthy.set(now.czars_healthy as i64);
        self.data_epoch.set(now.data_epoch as i64);
        self.registry.gather()
    }
}

/// What is counted when somebody asks.
pub struct Now {
    /// Client connections.
    pub connections: usize,
    /// Statements running.
    pub running: usize,
    /// Czars known.
    pub czars_known: usize,
    /// Czars that answered their last probe.
    pub czars_healthy: usize,
    /// dataEpoch of the snapshot; 0 while there is none.
    pub data_epoch: u64,
}
