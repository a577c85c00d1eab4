//! Pending → Survey: the target is there and it is this ingest's turn; the loader's Job is made.

use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use kube::api::DeleteParams;
use orrery_crds::kinds::{ChunkedTable, IngestPhase, IngestStatus, ReferenceTable};

use super::{IngestError, Outcome, Step, job};
use crate::field_manager;
use crate::ingest::target::Target;
use crate::tables::UserTable;

pub(super) async fn take(step: &Step<'_>, status: &mut IngestStatus) -> Result<Outcome, IngestError> {
    let target = match step.target() {
        Some(target) if is_declared(step, &target).await? => target,
        _ => {
            let spec = &step.ingest.spec.target;
            status.message = format!("waits for table {}.{} to be accepted", spec.database, spec.table);
            return Ok(Outcome::Waiting);
        }
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

/// Whether the table in the catalog is the declared one: of a table that was deleted and made again the catalog has the former for a moment.
async fn is_declared(step: &Step<'_>, target: &Target<'_>) -> Result<bool, IngestError> {
    if target.reference().is_some() {
        declares::<ReferenceTable>(step, target).await
    } else {
        declares::<ChunkedTable>(step, target).await
    }
}

async fn declares<T: UserTable>(step: &Step<'_>, target: &Target<'_>) -> Result<bool, IngestError> {
    let is_it = |table: &T| {
        table.key() == target.key
            && table.meta().deletion_timestamp.is_none()
            && table.incarnation() == Some(target.incarnation)
    };
    let declared = step.context.list::<T>(step.namespace, None).await?.valid;
    Ok(declared.iter().any(is_it))
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
    match api.create(&field_manager::post(), &wanted).await {
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
