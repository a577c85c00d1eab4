//! What a table may have at most.

use orrery_archive::catalog::{Catalog, TableKey};
use orrery_archive::names::ChunkId;

use super::error::EditError;
use crate::catalog::segments::{MOST, fullest};

/// Passes when each wanted chunk of a table may get one more segment.
pub fn check(
    catalog: &Catalog,
    key: &TableKey,
    wanted: impl Fn(ChunkId) -> bool,
) -> Result<(), EditError> {
    let table = catalog.tables.get(key);
    match table.and_then(|table| fullest(table, wanted)) {
        Some((chunk, segments)) if segments >= MOST => Err(EditError::TooManySegments {
            table: key.clone(),
            chunk,
            segments,
        }),
        _ => Ok(()),
    }
}
