//! Pending → Survey: the target is there and it is this ingest's turn; the loader's Job is made.

use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use kube::api::{DeleteParams, PostParams};
use orrery_crds::kinds::{IngestPhase, IngestStatus};

use super::{IngestError, Outcome, Step, job};
use crate::apply::MANAGER;

pub(super) async fn take(step: &Step<'_>, status: &mut IngestStatus) -> Result<Outcome, IngestError> {
    let Some(target) = step.target() else {
        let spec = &step.ingest.spec.target;
        status.message = format!("waits for table {}.{} to be accepted", spec.database, spec.table);
        return Ok(Outcome::Waiting);
    };
    if target.director().is_some() && target.chunked(&step.catalog).is_none() {
        status.message = format!("waits for the director and the family of {}", target.key);
        return Ok(Outcome::Waiting);
    }
    if let Err(other) = &step.turn {
        status.message = format!("waits for ingest {other} of the same director");
        return Ok(Outcome::Waiting);
    }
    keep_job(step).await?;
    status.incarnation = Some(target.incarnation);
    status.phase = IngestPhase::Survey;
    status.message = "the loader reads the sources".into();
    Ok(Outcome::Advanced)
}

/// Makes the loader's Job where it is missing, and replaces one that has ended: an evicted loader ends in good order, which a Job takes
/// for success, but the ingest still needs it.
pub(super) async fn keep_job(step: &Step<'_>) -> Result<(), IngestError> {
    let api = step.context.api::<Job>(step.namespace);
    let wanted = job::build(step.ingest, &step.context.images);
    let name = wanted.name_any();
    if let Some(held) = api.get_opt(&name).await? {
        if job::has_ended(&held) {
            tracing::warn!(job = name, "the loader's Job ended too early and is made again");
            gone(api.delete(&name, &DeleteParams::background()).await)?;
        }
        return Ok(());
    }
    let parameters = PostParams {
        field_manager: Some(MANAGER.into()),
        ..PostParams::default()
    };
    match api.create(&parameters, &wanted).await {
        Err(kube::Error::Api(answer)) if answer.code == 409 => Ok(()),
        created => Ok(created.map(drop)?),
    }
}

/// A Job that is not there any more is as good as deleted.
pub(super) fn gone<T>(deleted: Result<T, kube::Error>) -> Result<(), IngestError> {
    match deleted {
        Err(kube::Error::Api(answer)) if answer.code == 404 => Ok(()),
        deleted => Ok(deleted.map(drop)?),
    }
}
