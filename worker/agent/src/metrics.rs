//! Counters for `/metrics`.

use orrery_worker_api::agent::Loaded;
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::error::{AgentError, Result};

/// The agent's metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    loads: IntCounterVec,
    loaded_rows: IntCounter,
    loaded_bytes: IntCounter,
    /// Whether mysqld can be used.
    pub mysqld_ready: IntGauge,
    /// LOADs going on.
    pub active_loads: IntGauge,
    /// Bytes free on the volume.
    pub free_bytes: IntGauge,
    /// Size of the volume.
    pub volume_bytes: IntGauge,
    /// Highest term seen.
    pub term: IntGauge,
    /// Tables copied and verified.
    pub copied_tables: IntCounter,
    /// Bytes of tablespaces received from other agents.
    pub copied_bytes: IntCounter,
    /// Bytes of tablespaces sent to other agents.
    pub exported_bytes: IntCounter,
    /// Tables compared with the manifest.
    pub checked_tables: IntCounter,
    /// Tables that differ from it.
    pub damaged_tables: IntGauge,
}

impl Metrics {
    /// Registers everything.
    pub fn new() -> Result<Self> {
        let registry = Registry::new_custom(Some("orrery_agent".into()), None).map_err(internal)?;
        let counter = |name: &str, help: &str| -> Result<IntCounter> {
            let counter = IntCounter::new(name, help).map_err(internal)?;
            registry
                .register(Box::new(counter.clone()))
                .map_err(internal)?;
            Ok(counter)
        };
        let gauge = |name: &str, help: &str| -> Result<IntGauge> {
            let gauge = IntGauge::new(name, help).map_err(internal)?;
            registry
                .register(Box::new(gauge.clone()))
                .map_err(internal)?;
            Ok(gauge)
        };
        let loads = IntCounterVec::new(
            Opts::new("loads_total", "Parts received, by outcome"),
            &["outcome"],
        )
        .map_err(internal)?;
        registry
            .register(Box::new(loads.clone()))
            .map_err(internal)?;
        Ok(Self {
            loads,
            loaded_rows: counter("loaded_rows_total", "Rows committed to staging tables")?,
            loaded_bytes: counter(
                "loaded_bytes_total",
                "Bytes of rows committed to staging tables",
            )?,
            mysqld_ready: gauge("mysqld_ready", "1 when mysqld can be used")?,
            active_loads: gauge("active_loads", "LOADs going on")?,
            free_bytes: gauge("volume_free_bytes", "Bytes free on the data volume")?,
            volume_bytes: gauge("volume_bytes", "Size of the data volume in bytes")?,
            term: gauge("term", "Highest operator term seen")?,
            copied_tables: counter(
                "copied_tables_total",
                "Tables copied from other agents and verified",
            )?,
            copied_bytes: counter("copied_bytes_total", "Bytes of tablespaces received")?,
            exported_bytes: counter("exported_bytes_total", "Bytes of tablespaces sent")?,
            checked_tables: counter(
                "checked_tables_total",
                "Tables compared with the manifest long after they were sealed",
            )?,
            damaged_tables: gauge("damaged_tables", "Tables that differ from the manifest")?,
            registry,
        })
    }

    /// Counts the outcome of a LOAD.
    pub fn loaded(&self, outcome: &Result<Loaded>) {
        let label = match outcome {
            Ok(loaded) if loaded.already => "already",
            Ok(loaded) => {
                self.loaded_rows.inc_by(loaded.rows);
                self.loaded_bytes.inc_by(loaded.bytes);
                "committed"
            }
            Err(_) => "failed",
        };
        self.loads.with_label_values(&[label]).inc();
    }

    /// All metrics.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

fn internal(error: impl std::fmt::Display) -> AgentError {
    AgentError::Internal(format!("metrics: {error}"))
}
