//! Visible ⇄ Revoked: the segment leaves the catalog at one dataEpoch, or comes back.

use orrery_archive::catalog::{Catalog, TableKey};
use orrery_crds::kinds::{IngestPhase, IngestStatus};
use orrery_worker_api::agent::RowState;

use super::{IngestError, Outcome, Step, publish};
use crate::catalog::edit;
use crate::catalog::error::WriterError;

pub(super) async fn take(
    step: &Step<'_>,
    status: &mut IngestStatus,
    revoked: bool,
) -> Result<Outcome, IngestError> {
    let spec = &step.ingest.spec.target;
    let key = TableKey::new(&spec.database, &spec.table);
    let Some(segment) = status.segment else {
        return Ok(Outcome::Waiting);
    };
    let change = |catalog: &Catalog| edit::set_revoked(catalog, &key, segment, revoked);
    let catalog = match step.context.writer.change(step.namespace, change).await {
        Ok(catalog) => catalog,
        Err(WriterError::Refused(why)) => {
            status.message = format!(
                "cannot be {}: {why}",
                if revoked { "revoked" } else { "brought back" }
            );
            return Ok(Outcome::Waiting);
        }
        Err(error) => return Err(error.into()),
    };
    let (phase, message, state) = if revoked {
        (IngestPhase::Revoked, "the rows are taken back", RowState::Revoked)
    } else {
        (IngestPhase::Visible, "the rows are back", RowState::Published)
    };
    publish::tell_agents(step, &catalog, segment, state).await;
    status.phase = phase;
    status.message = message.into();
    status.data_epoch = Some(catalog.epochs.data);
    Ok(Outcome::Advanced)
}
