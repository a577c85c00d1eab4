//! Counters of the proxy, in the Prometheus text format.

use prometheus::{
    Encoder as _, Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry, TextEncoder,
};

/// All counters.
pub struct Metrics {
    registry: Registry,
    /// Log-ins by outcome: `ok`, `denied`, `refused`, `failed`.
    pub logins: IntCounterVec,
    /// Statements by class and outcome (`ok`, `error`, `interrupted`, `client_gone`).
    pub statements: IntCounterVec,
    /// Seconds from a statement to the end of its answer.
    pub seconds: Histogram,
    /// Rows passed on.
    pub rows: IntCounter,
    /// Czars that failed before the first row of a statement.
    pub czar_failures: IntCounter,
}

impl Metrics {
    /// Fresh counters.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("orrery_proxy".to_owned()), None)?;
        let logins = IntCounterVec::new(Opts::new("logins_total", "Log-ins by outcome"), &["outcome"])?;
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
        Ok(Self {
            registry,
            logins,
            statements,
            seconds,
            rows,
            czar_failures,
        })
    }

    /// Everything as text, followed by the values that are read off now: (name, help, value).
    pub fn render(&self, gauges: &[(&str, &str, u64)]) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        let mut text = String::from_utf8_lossy(&text).into_owned();
        for (name, help, value) in gauges {
            text.push_str(&format!(
                "# HELP orrery_proxy_{name} {help}\n# TYPE orrery_proxy_{name} gauge\norrery_proxy_{name} {value}\n"
            ));
        }
        Ok(text)
    }
}
