//! Pending → Survey: the target is there and it is this ingest's turn; the loader's Job is made.

use k8s_openapi::api::batch::v1::Job;
use kube::api::PostParams;
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
    let wanted = job::build(step.ingest, &step.context.images);
    let parameters = PostParams {
        field_manager: Some(MANAGER.into()),
        ..PostParams::default()
    };
    match step
        .context
        .api::<Job>(step.namespace)
        .create(&parameters, &wanted)
        .await
    {
        Err(kube::Error::Api(answer)) if answer.code == 409 => {}
        created => drop(created?),
    }
    status.incarnation = Some(target.incarnation);
    status.phase = IngestPhase::Survey;
    status.message = "the loader reads the sources".into();
    Ok(Outcome::Advanced)
}
