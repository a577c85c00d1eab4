//! New chunks get workers.

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
