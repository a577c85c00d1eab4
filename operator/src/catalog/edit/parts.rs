//! What the edits share: parts of a catalog that several of them look up or change.

use orrery_archive::catalog::{Catalog, Segment, Table, TableKey, TableKind};

use super::error::EditError;

/// The director whose index a table uses.
pub fn director_of(key: &TableKey, kind: &TableKind) -> Option<TableKey> {
    match kind {
        TableKind::Director(..) => Some(key.clone()),
        TableKind::Child(_, director) => Some(TableKey::new(&key.database, director)),
        TableKind::Reference(_) => None,
    }
}

/// The children of a director.
pub fn children<'a>(
    catalog: &'a Catalog,
    director: &'a TableKey,
) -> impl Iterator<Item = (&'a TableKey, &'a Table)> {
    catalog.tables.iter().filter(|(key, table)| {
        matches!(table.kind, TableKind::Child(..)) && director_of(key, &table.kind).as_ref() == Some(director)
    })
}

pub(super) fn insert_segment(segments: &mut Vec<Segment>, segment: Segment) {
    segments.push(segment);
    segments.sort_by_key(|segment| segment.id);
}

/// Family of a chunked table.
pub fn chunked_family(kind: &TableKind) -> Option<&str> {
    match kind {
        TableKind::Director(accepted, _) | TableKind::Child(accepted, _) => Some(&accepted.family),
        TableKind::Reference(_) => None,
    }
}

pub(super) fn table_mut<'a>(catalog: &'a mut Catalog, key: &TableKey) -> Result<&'a mut Table, EditError> {
    catalog
        .tables
        .get_mut(key)
        .ok_or_else(|| EditError::NoTable(key.clone()))
}
