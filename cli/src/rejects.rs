//! `kubectl orrery ingest rejects`: the first rows an ingest rejected.

use anyhow::Result;
use orrery_crds::kinds::Ingest;

use crate::archive::Archive;
use crate::{summary, units, watch};

/// Prints the samples of rejected rows in the ingest's status.
pub async fn show(archive: &Archive, name: &str) -> Result<()> {
    let ingest: Ingest = watch::get(archive, name).await?;
    let status = ingest.status.unwrap_or_default();
    let samples = &status.reject_samples;
    if samples.is_empty() {
        println!("no row was rejected");
        return Ok(());
    }
    print!("{}", summary::rejects(samples));
    let more = status.summary.rejects.saturating_sub(samples.len() as u64);
    if more > 0 {
        println!(
            "… and {} more; the workers' table orrery_control.reject has them all",
            units::count(more)
        );
    }
    Ok(())
}
