//! Place → Load: one planner run, and one root write that also takes the numbers of the attempt; the index family included.

use std::collections::BTreeMap;

use kube::ResourceExt;
use orrery_archive::catalog::Catalog;
use orrery_crds::kinds::{IngestPhase, IngestStatus};
use orrery_worker_api::loader::Surveyed;

use super::{IngestError, Outcome, Step, report};
use crate::catalog::edit::{self, Assignment, EditError};
use crate::catalog::error::WriterError;
use crate::ingest::target::{self, Chunked};
use crate::placement::{self, Place, Wanted};

pub(super) async fn take(step: &Step<'_>, status: &mut IngestStatus) -> Result<Outcome, IngestError> {
    let Some((_, now)) = step.surveyed_loader(status).await? else {
        return Ok(Outcome::Waiting);
    };
    if let Some(ended) = report(status, &now) {
        return Ok(ended);
    }
    let basis = Step::surveyed_basis(&now).map(str::to_owned);
    let Some(surveyed) = now.surveyed else {
        return Ok(Outcome::Waiting);
    };
    let places = placement::places(step.workers);
    let wanted = &step.ingest.spec.target;
    let with_index = !surveyed.index_chunks.is_empty();
    let mut outdated = false;
    let change = |catalog: &Catalog| {
        let found = target::find(catalog, wanted);
        outdated = found.as_ref().map(|target| target.basis(catalog)) != basis;
        if outdated {
            return Ok(None);
        }
        if let Some(target) = &found {
            edit::check_segments(catalog, &target.key, |chunk| surveyed.chunks.contains_key(&chunk))?;
        }
        let families = match found.as_ref().and_then(|target| target.chunked(catalog)) {
            Some(chunked) => assignments(catalog, &chunked, &surveyed, &places),
            None => Vec::new(),
        };
        let mut next = edit::place(catalog, &families)?.unwrap_or_else(|| catalog.clone());
        next.counters.attempt += if with_index { 2 } else { 1 };
        next.counters.segment += 1;
        Ok::<_, EditError>(Some(next))
    };
    let catalog = match step.context.writer.change(step.namespace, change).await {
        Ok(catalog) => catalog,
        Err(WriterError::Refused(why)) => return Ok(Outcome::Failed(why.to_string())),
        Err(error) => return Err(error.into()),
    };
    if outdated {
        status.phase = IngestPhase::Survey;
        status.message = "surveys again: the director's rows changed meanwhile".into();
        return Ok(Outcome::Waiting);
    }
    status.basis = basis;
    let last = catalog.counters.attempt;
    (status.attempt, status.index_attempt) = if with_index {
        (Some(last - 1), Some(last))
    } else {
        (Some(last), None)
    };
    status.segment = Some(catalog.counters.segment);
    status.phase = IngestPhase::Load;
    status.message = "workers make staging tables".into();
    tracing::info!(ingest = step.ingest.name_any(), attempt = ?status.attempt, "placed");
    Ok(Outcome::Advanced)
}

fn assignments(
    catalog: &Catalog,
    chunked: &Chunked<'_>,
    surveyed: &Surveyed,
    places: &[Place],
) -> Vec<(String, Assignment)> {
    let placed = &chunked.family.placement;
    let new = surveyed
        .chunks
        .iter()
        .filter(|(chunk, _)| placed.get(chunk).is_none_or(Vec::is_empty));
    let wanted: Vec<Wanted> = new
        .map(|(chunk, rows)| Wanted {
            chunk: *chunk,
            bytes: rows.bytes,
            has: Vec::new(),
        })
        .collect();
    let rows = placement::plan(&wanted, places, chunked.family.replicas.desired);
    let mut families = vec![(chunked.table.family.clone(), rows)];
    if let Some(index) = catalog.families.get(&chunked.index.family) {
        let entries = placement::plan(&placement::hash_chunks(index), places, index.replicas.desired);
        families.push((chunked.index.family.clone(), entries));
    }
    families
        .into_iter()
        .map(|(name, added)| (name, added.into_iter().collect::<BTreeMap<_, _>>()))
        .collect()
}
