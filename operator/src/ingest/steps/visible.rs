//! Publish → Visible: every live reader has a catalog that names the segment. The loader's Job goes.

use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use kube::api::DeleteParams;
use orrery_crds::kinds::{IngestPhase, IngestStatus};

use super::{IngestError, Outcome, Step, begin, job};

pub(super) async fn take(step: &Step<'_>, status: &mut IngestStatus) -> Result<Outcome, IngestError> {
    if !status.data_epoch.is_some_and(|epoch| (step.readers_have)(epoch)) {
        return Ok(Outcome::Waiting);
    }
    end_job(step).await?;
    status.phase = IngestPhase::Visible;
    status.message = format!("{} rows in {} chunks", status.summary.rows, status.summary.chunks);
    Ok(Outcome::Advanced)
}

/// Deletes the loader's Job with its pod.
pub(super) async fn end_job(step: &Step<'_>) -> Result<(), IngestError> {
    let name = job::name(&step.ingest.name_any());
    let api = step.context.api::<Job>(step.namespace);
    begin::gone(api.delete(&name, &DeleteParams::background()).await)
}
