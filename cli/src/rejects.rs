//! `kubectl orrery ingest rejects`: the first rows an ingest rejected.

use anyhow::Result;
use orrery_crds::kinds::Ingest;

use crate::archive::Archive;
use crate::output::{self, outln};
use crate::{summary, units, watch};

/// Prints the samples of rejected rows in the ingest's status.
pub async fn show(archive: &Archive, name: &str) -> Result<()> {
    let ingest: Ingest = watch::get(archive, name).await?;
    let status = ingest.status.unwrap_or_default();
    let samples = &status.reject_samples;
    if samples.is_empty() {
        outln!("no row was rejected")?;
        return Ok(());
    }
    output::write(format_args!("{}", summary::rejects(samples)))?;
    let more = status.summary.rejects.saturating_sub(samples.len() as u64);
    if more > 0 {
        outln!(
            "… and {} more; the workers' table orrery_control.reject has them all",
            units::count(more)
        )?;
    }
    Ok(())
}
