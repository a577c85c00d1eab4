//! Chunks get workers, and lose them.

use std::collections::BTreeMap;

use orrery_archive::catalog::Catalog;
use orrery_archive::names::{ChunkId, WorkerId};

use super::error::EditError;

/// Chunks of a family with the workers that get them.
pub type Assignment = BTreeMap<ChunkId, Vec<WorkerId>>;

/// Gives chunks to workers; `None` when every chunk has these workers.
pub fn place(
    catalog: &Catalog,
    families: &[(String, Assignment)],
) -> Result<Option<Catalog>, EditError> {
    let mut next = catalog.clone();
    for (name, assignment) in families {
        let family = next
            .families
            .get_mut(name)
            .ok_or_else(|| EditError::NoFamily(name.clone()))?;
        family.placement.extend(
            assignment
                .iter()
                .map(|(chunk, workers)| (*chunk, workers.clone())),
        );
    }
    if next == *catalog {
        return Ok(None);
    }
    next.epochs.placement += 1;
    Ok(Some(next))
}

/// Lists a worker for a chunk that it holds completely, or takes it off the list; `None` when it is
/// so already.
pub fn set_replica(
    catalog: &Catalog,
    family: &str,
    chunk: ChunkId,
    worker: WorkerId,
    listed: bool,
) -> Result<Option<Catalog>, EditError> {
    let mut next = catalog.clone();
    let entry = next
        .families
        .get_mut(family)
        .ok_or_else(|| EditError::NoFamily(family.to_owned()))?;
    let workers = entry.placement.entry(chunk).or_default();
    workers.retain(|held| *held != worker);
    if listed {
        workers.push(worker);
        workers.sort_unstable();
    }
    for behind in entry
        .behind
        .iter_mut()
        .filter(|behind| behind.worker == worker)
    {
        behind.chunks.remove(&chunk);
    }
    entry.behind.retain(|behind| !behind.chunks.is_empty());
    if next == *catalog {
        return Ok(None);
    }
    next.epochs.placement += 1;
    Ok(Some(next))
}
