//! Survey → Place: the loader has read every row, checked it and found its chunk.

use orrery_crds::kinds::{IngestPhase, IngestStatus};
use orrery_crds::loader::LoaderStep;

use super::{IngestError, Outcome, Step, report};

pub(super) async fn take(step: &Step<'_>, status: &mut IngestStatus) -> Result<Outcome, IngestError> {
    let Some(loader) = step.loader()? else {
        status.message = "waits for the loader's pod".into();
        return Ok(Outcome::Waiting);
    };
    let Ok(now) = loader.status().await else {
        status.message = "waits for the loader to answer".into();
        return Ok(Outcome::Waiting);
    };
    let survey = step.survey();
    let ours = now.id.is_some() && now.id == survey.as_ref().map(|survey| survey.id.clone());
    if !ours || now.step == LoaderStep::Idle {
        if let Some(survey) = survey {
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
