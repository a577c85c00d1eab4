//! Verify → Publish: one root write, dataEpoch + 1, table and index together; then the agents hear that the rows are published.

use orrery_archive::catalog::{Catalog, ChunkSet, Epochs, Segment, Table, TableKey};
use orrery_crds::kinds::{IngestPhase, IngestStatus};
use orrery_worker_api::agent::{RowState, SetState, TablePart};
use orrery_worker_api::client::AgentClient;

use kube::ResourceExt;

use super::{IngestError, Outcome, Step, undo};
use crate::catalog::edit::{self, Publication};
use crate::catalog::error::WriterError;
use crate::catalog::segments;
use crate::controller::events::Event;
use crate::ingest::target;
use crate::ingest::verify::Verified;

pub(super) async fn take(
    step: &Step<'_>,
    status: &mut IngestStatus,
    verified: &Verified,
) -> Result<Outcome, IngestError> {
    let Some(publication) = publication(step, status, verified) else {
        return Ok(Outcome::Waiting);
    };
    let mut outdated = false;
    let change = |catalog: &Catalog| {
        if listed(step, status, catalog) {
            return Ok(None);
        }
        let found = target::find(catalog, &step.ingest.spec.target);
        outdated = found.map(|target| target.basis(catalog)) != status.basis;
        if outdated {
            return Ok(None);
        }
        edit::publish(catalog, &publication)
    };
    match step.context.writer.change(step.namespace, change).await {
        Ok(_) => {}
        Err(WriterError::Refused(why)) => return Ok(Outcome::Failed(why.to_string())),
        Err(error) => return Err(error.into()),
    }
    if outdated {
        return undo::outdated(step, status).await;
    }
    told(step, status).await
}

/// Whether the status' segment is published as far as is known.
pub(super) fn happened(step: &Step<'_>, status: &IngestStatus) -> bool {
    listed(step, status, &step.catalog)
}

/// Whether `catalog` has, or had, the status' segment.
pub(super) fn listed(step: &Step<'_>, status: &IngestStatus, catalog: &Catalog) -> bool {
    let key = key(step);
    status
        .incarnation
        .zip(status.segment)
        .is_some_and(|(incarnation, segment)| edit::was_published(catalog, &key, incarnation, segment))
}

fn key(step: &Step<'_>) -> TableKey {
    let spec = &step.ingest.spec.target;
    TableKey::new(&spec.database, &spec.table)
}

/// Goes on to wait for readers once the segment is published, and tells agents and people.
pub(super) async fn told(step: &Step<'_>, status: &mut IngestStatus) -> Result<Outcome, IngestError> {
    let catalog = step.context.writer.catalog(step.namespace).await?;
    let table = catalog.tables.get(&key(step));
    let segment = table.and_then(|table| {
        let mut segments = table.segments.iter().chain(&table.revoked);
        segments.find(|held| Some(held.id) == status.segment)
    });
    // A table that went in the same moment has no readers to wait for.
    status.data_epoch = Some(segment.map_or(catalog.epochs.data, |held| held.published));
    if let (Some(table), Some(segment)) = (table, segment) {
        status.summary.rows = segment.rows;
        warn_of_many(step, table, segment).await;
        tell_agents(step, &catalog, segment.id, RowState::Published).await;
    }
    status.phase = IngestPhase::Publish;
    status.message = "waits for every reader to have the new catalog".into();
    Ok(Outcome::Advanced)
}

/// Design §5: warn at 16 segments per chunk and table.
async fn warn_of_many(step: &Step<'_>, table: &Table, segment: &Segment) {
    use kube::Resource as _;
    let own = |chunk| segment.home.contains(&chunk) || segment.overlap.contains(&chunk);
    if let Some(note) = segments::warning(&key(step), table, own) {
        let event = Event::warning(segments::MANY_SEGMENTS, note);
        let about = step.ingest.object_ref(&());
        step.context.events.publish(&about, None, event).await;
    }
}

fn publication(step: &Step<'_>, status: &IngestStatus, verified: &Verified) -> Option<Publication> {
    let target = step.target()?;
    let numbers = Step::numbers(status)?;
    let set = |part: TablePart| verified.chunks.get(&part).cloned().unwrap_or_else(ChunkSet::new);
    let segment = Segment {
        id: numbers.segment,
        attempt: numbers.attempt,
        schema_version: target.schema_version,
        home: set(TablePart::Home),
        overlap: set(TablePart::Overlap),
        rows: verified.rows,
        bytes: verified.bytes,
        ingest: step.ingest.name_any(),
        published: 0,
        revoked: None,
    };
    let index = numbers
        .index_attempt
        .zip(target.director())
        .map(|(attempt, director)| {
            let entries = Segment {
                attempt,
                schema_version: 1,
                home: set(TablePart::Index),
                overlap: ChunkSet::new(),
                rows: 0,
                bytes: 0,
                ..segment.clone()
            };
            (director, entries, verified.index_holders.clone())
        });
    Some(Publication {
        table: target.key.clone(),
        incarnation: status.incarnation?,
        segment,
        holders: verified.holders.clone(),
        index,
    })
}

/// Tells every agent the new state of a segment's rows. One that is away hears it when its manifest is read again.
pub(super) async fn tell_agents(step: &Step<'_>, catalog: &Catalog, segment: u64, state: RowState) {
    let epochs = Epochs { ..catalog.epochs };
    let request = SetState {
        term: catalog.term,
        epochs,
        segments: vec![segment],
        state,
    };
    let set = |_, agent: AgentClient| {
        let request = &request;
        async move { agent.set_state(request).await }
    };
    let workers = step.addresses.ids();
    step.fleet()
        .for_each(workers, "set the state of a segment's rows", set)
        .await;
}
