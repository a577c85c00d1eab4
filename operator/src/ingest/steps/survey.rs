//! Survey → Place: the loader has read every row, checked it and found its chunk.

use orrery_crds::kinds::{IngestPhase, IngestStatus};
use orrery_worker_api::loader::LoaderStep;

use super::{IngestError, Outcome, Step, begin, report};

pub(super) async fn take(step: &Step<'_>, status: &mut IngestStatus) -> Result<Outcome, IngestError> {
    let Some(loader) = step.loader()? else {
        begin::keep_job(step).await?;
        status.message = "waits for the loader's pod".into();
        return Ok(Outcome::Waiting);
    };
    let Ok(now) = loader.status().await else {
        status.message = "waits for the loader to answer".into();
        return Ok(Outcome::Waiting);
    };
    let failed = now.error.as_ref().is_some_and(|error| error.retry);
    // What a survey relied on may have changed since: another ingest of the director was revoked, or came back.
    let outdated = step.basis().as_deref() != Step::surveyed_basis(&now);
    if !step.is_ours(&now) || outdated || now.step == LoaderStep::Idle || failed {
        if let Some(survey) = step.survey(now.id.as_deref()) {
            loader.survey(&survey).await?;
        }
        return Ok(Outcome::Waiting);
    }
    if let Some(ended) = report(status, &now) {
        return Ok(ended);
    }
    if now.surveyed.is_none() {
        status.message = "the loader reads the sources".into();
        return Ok(Outcome::Waiting);
    }
    status.phase = IngestPhase::Place;
    status.message = "chunks get workers".into();
    Ok(Outcome::Advanced)
}
