//! `kubectl orrery ingest rejects`: the rows an ingest rejected.

use anyhow::Result;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use orrery_crds::kinds::{Ingest, REJECTS_KEY, rejects_name};

use crate::archive::Archive;
use crate::output::{self, outln};
use crate::{summary, units, watch};

/// Prints the list that was kept when the ingest failed, else the samples in its status.
pub async fn show(archive: &Archive, name: &str) -> Result<()> {
    let ingest: Ingest = watch::get(archive, name).await?;
    let status = ingest.status.unwrap_or_default();
    let kept: Api<ConfigMap> = Api::namespaced(archive.client.clone(), &archive.namespace);
    let kept = kept.get_opt(&rejects_name(name)).await?;
    let lines = kept.and_then(|kept| kept.data?.remove(REJECTS_KEY));
    if let Some(lines) = lines {
        outln!("file\trecord\tcolumn\treason")?;
        output::write(format_args!("{lines}"))?;
        let listed = u64::try_from(lines.lines().count())?;
        return more(
            status.summary.rejects.saturating_sub(listed),
            "were not kept",
        );
    }
    let samples = &status.reject_samples;
    if samples.is_empty() {
        outln!("no row was rejected")?;
        return Ok(());
    }
    output::write(format_args!("{}", summary::rejects(samples)))?;
    let left = status.summary.rejects.saturating_sub(samples.len() as u64);
    more(left, "are in the workers' table orrery_control.reject")
}

fn more(left: u64, words: &str) -> Result<()> {
    if left > 0 {
        outln!("… and {} more, which {words}", units::count(left))?;
    }
    Ok(())
}
