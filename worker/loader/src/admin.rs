//! What the admin port says. A loader that runs is ready.

use orrery_shell::Admin;
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, IntGaugeVec, Opts, Registry};

use orrery_worker_api::loader::{LoaderStatus, LoaderStep};

use crate::job::Loader;

impl Admin for Loader {
    async fn ready(&self) -> Result<String, String> {
        Ok("ready".to_owned())
    }

    fn metrics(&self) -> prometheus::Result<Vec<MetricFamily>> {
        figures(&self.status())
    }
}

/// All figures come from the status, so that both always agree.
fn figures(status: &LoaderStatus) -> prometheus::Result<Vec<MetricFamily>> {
    let registry = Registry::new_custom(Some("orrery_loader".into()), None)?;
    let figures = [
        (
            "bytes_read",
            "Decompressed bytes read",
            status.progress.bytes_read,
        ),
        ("rows_read", "Records read", status.progress.rows_read),
        (
            "rows_loaded",
            "Row copies committed on workers",
            status.progress.rows_loaded,
        ),
        (
            "rows_to_load",
            "Row copies to commit",
            status.progress.rows_to_load,
        ),
        ("rejects", "Rows rejected", status.summary.rejects),
        (
            "lost_agents",
            "Agents that failed for good",
            status.lost_agents.len() as u64,
        ),
    ];
    for (name, help, value) in figures {
        let gauge = IntGauge::new(name, help)?;
        gauge.set(value as i64);
        registry.register(Box::new(gauge))?;
    }
    let steps = IntGaugeVec::new(Opts::new("step", "1 for the present step"), &["step"])?;
    for step in [
        LoaderStep::Idle,
        LoaderStep::Surveying,
        LoaderStep::Surveyed,
        LoaderStep::Loading,
        LoaderStep::Loaded,
        LoaderStep::Failed,
    ] {
        let name = format!("{step:?}");
        steps
            .with_label_values(&[name])
            .set(i64::from(step == status.step));
    }
    registry.register(Box::new(steps))?;
    Ok(registry.gather())
}
