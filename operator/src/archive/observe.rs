//! What is declared in an archive right now, and what its catalog has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube::ResourceExt;
use orrery_archive::catalog::Catalog;
use orrery_archive::names::WorkerId;
use orrery_crds::kinds::{
    ChunkFamily, ChunkedTable, ReferenceTable, Worker, WorkerPhase, WorkerPool,
};

use crate::controller::context::Context;
use crate::controller::error::ReconcileError;

/// What is known of an archive.
pub struct Observed {
    /// Pools by name.
    pub pools: BTreeMap<String, WorkerPool>,
    /// Families.
    pub families: Vec<ChunkFamily>,
    /// Chunked tables.
    pub chunked: Vec<ChunkedTable>,
    /// Reference tables.
    pub references: Vec<ReferenceTable>,
    /// Whether some family or table cannot be read.
    pub malformed: bool,
    /// Workers.
    pub workers: Vec<Worker>,
    /// Those that have served and are not down.
    pub live: BTreeSet<WorkerId>,
    /// The catalog.
    pub catalog: Arc<Catalog>,
}

/// Observes the archive; `None` when nothing at all is declared. Even then it has a catalog
/// afterwards.
pub async fn observe(
    context: &Context,
    namespace: &str,
) -> Result<Option<Observed>, ReconcileError> {
    let (pools, families, chunked, references, workers) = tokio::try_join!(
        context.list::<WorkerPool>(namespace, None),
        context.list::<ChunkFamily>(namespace, None),
        context.list::<ChunkedTable>(namespace, None),
        context.list::<ReferenceTable>(namespace, None),
        context.list::<Worker>(namespace, None),
    )?;
    let malformed = [
        &families.malformed,
        &chunked.malformed,
        &references.malformed,
    ]
    .into_iter()
    .any(|names| !names.is_empty());
    let catalog = context.writer.catalog(namespace).await?;
    let nothing = pools.valid.is_empty()
        && families.valid.is_empty()
        && chunked.valid.is_empty()
        && references.valid.is_empty()
        && catalog.tables.is_empty()
        && catalog.families.is_empty();
    if nothing {
        return Ok(None);
    }
    Ok(Some(Observed {
        pools: pools
            .valid
            .into_iter()
            .map(|pool| (pool.name_any(), pool))
            .collect(),
        families: families.valid,
        chunked: chunked.valid,
        references: references.valid,
        malformed,
        live: workers
            .valid
            .iter()
            .filter(|worker| is_live(worker))
            .map(|worker| worker.spec.id)
            .collect(),
        workers: workers.valid,
        catalog,
    }))
}

/// A worker that no status speaks of has not served yet.
fn is_live(worker: &Worker) -> bool {
    let phase = worker.status.as_ref().map(|status| status.phase);
    !matches!(phase, None | Some(WorkerPhase::Pending | WorkerPhase::Down))
}
