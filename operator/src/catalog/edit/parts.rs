//! What the edits share: parts of a catalog that several of them look up or change.

use orrery_archive::catalog::{Catalog, Segment, Table, TableKey};

use super::error::EditError;

/// The children of a director.
pub fn children<'a>(
    catalog: &'a Catalog,
    director: &'a TableKey,
) -> impl Iterator<Item = (&'a TableKey, &'a Table)> {
    catalog.tables.iter().filter(|(key, table)| {
        !table.kind.is_director() && table.kind.director_key(key).as_ref() == Some(director)
    })
}

/// A segment in words.
pub(super) fn named(key: &TableKey, segment: &Segment) -> String {
    format!("{key} (ingest {})", segment.ingest)
}

/// Ingests of the director that were taken back although rows of a child's segment use their keys.
/// They were there when it was loaded.
pub(super) fn needed_directors(
    director: &TableKey,
    table: &Table,
    loaded: &Segment,
) -> Vec<String> {
    let used =
        |held: &&Segment| held.id < loaded.id && held.revoked.is_none_or(|away| away >= loaded.id);
    let used = table.revoked.iter().filter(used);
    used.map(|held| named(director, held)).collect()
}

pub(super) fn insert_segment(segments: &mut Vec<Segment>, segment: Segment) {
    segments.push(segment);
    segments.sort_by_key(|segment| segment.id);
}

pub(super) fn table_mut<'a>(
    catalog: &'a mut Catalog,
    key: &TableKey,
) -> Result<&'a mut Table, EditError> {
    catalog
        .tables
        .get_mut(key)
        .ok_or_else(|| EditError::NoTable(key.clone()))
}
