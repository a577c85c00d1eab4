//! Verify → Publish: one root write, dataEpoch + 1, table and index together; then the agents hear that the rows are published.

use orrery_crds::agent::{RowState, SetState, TablePart};
use orrery_crds::catalog::{Catalog, ChunkSet, Epochs, Segment};
use orrery_crds::kinds::{IngestPhase, IngestStatus};
use reqwest::Method;

use kube::ResourceExt;

use super::{IngestError, Outcome, Step};
use crate::catalog::edit::{self, Publication};
use crate::ingest::target;
use crate::ingest::verify::{self, Verified};
use crate::writer::WriterError;

pub(super) async fn take(
    step: &Step<'_>,
    status: &mut IngestStatus,
    verified: &Verified,
) -> Result<Outcome, IngestError> {
    let Some(publication) = publication(step, status, verified) else {
        return Ok(Outcome::Waiting);
    };
    let segment = publication.segment.id;
    let change = Box::new(|catalog: &Catalog| edit::publish(catalog, &publication));
    let catalog = match step.context.writer.change(step.namespace, change).await {
        Ok(catalog) => catalog,
        Err(WriterError::Refused(why)) => return Ok(Outcome::Failed(why)),
        Err(error) => return Err(error.into()),
    };
    let published = target::find(&catalog, &step.ingest.spec.target)
        .and_then(|target| {
            catalog
                .tables
                .get(&target.key)?
                .segments
                .iter()
                .find(|held| held.id == segment)
        })
        .map(|held| held.published);
    status.data_epoch = published;
    status.summary.rows = verified.rows;
    status.phase = IngestPhase::Publish;
    status.message = "waits for every reader to have the new catalog".into();
    tell_agents(step, &catalog, segment, RowState::Published).await;
    Ok(Outcome::Advanced)
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
            (director, entries, verify::behind(verified, true, numbers.segment))
        });
    let behind = verify::behind(verified, false, numbers.segment);
    Some(Publication {
        table: target.key.clone(),
        incarnation: status.incarnation?,
        segment,
        behind,
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
    let calls = step.addresses.ids().map(|worker| {
        let request = &request;
        async move {
            let Some((name, address)) = step.addresses.get(worker) else {
                return;
            };
            let Ok(agent) = step.context.agents.at(step.namespace, address) else {
                return;
            };
            if let Err(error) = agent.tell(Method::POST, "/v1/manifest/state", request).await {
                tracing::debug!(worker = name, segment, %error, "manifest state not set");
            }
        }
    });
    futures::future::join_all(calls).await;
}
