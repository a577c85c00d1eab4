//! A segment leaves the catalog, and may come back.

use orrery_archive::catalog::{Catalog, Segment, TableKey};

use super::error::EditError;
use super::limits;
use super::parts::{children, insert_segment, named, needed_directors, table_mut};

/// Unpublishes a segment (`revoked`), or publishes a revoked one again; `None` when it is so
/// already. The index segment with the same number goes and comes with it.
///
/// Both epochs rise: what agents learn of a segment's state is ordered by placementEpoch, and may
/// come late.
pub fn set_revoked(
    catalog: &Catalog,
    key: &TableKey,
    segment: u64,
    revoked: bool,
) -> Result<Option<Catalog>, EditError> {
    let table = catalog
        .tables
        .get(key)
        .ok_or_else(|| EditError::NoTable(key.clone()))?;
    let holds = |segments: &[Segment]| segments.iter().any(|held| held.id == segment);
    let (from, to) = if revoked {
        (&table.segments, &table.revoked)
    } else {
        (&table.revoked, &table.segments)
    };
    if holds(to) {
        return Ok(None);
    }
    if !holds(from) {
        return Err(EditError::NoSegment {
            table: key.clone(),
            segment,
        });
    }
    let director = table.kind.director_key(key);
    if !revoked {
        let back = table.revoked.iter().find(|held| held.id == segment);
        let chunk_is_its = |chunk| {
            back.is_some_and(|back| back.home.contains(&chunk) || back.overlap.contains(&chunk))
        };
        limits::check(catalog, key, chunk_is_its)?;
        if let (Some(back), Some(director)) = (back, &director) {
            refuse_unchecked_return(catalog, key, director, back)?;
        }
    } else if table.kind.is_director() {
        refuse_while_children_use(catalog, key)?;
    }
    let mut next = catalog.clone();
    next.epochs.data += 1;
    next.epochs.placement += 1;
    let revoked = revoked.then_some(next.counters.segment);
    let table = table_mut(&mut next, key)?;
    move_segment(&mut table.segments, &mut table.revoked, segment, revoked);
    if let Some(index) = director
        .and_then(|director| next.tables.get_mut(&director))
        .and_then(|table| table.kind.index_mut())
    {
        move_segment(&mut index.segments, &mut index.revoked, segment, revoked);
    }
    Ok(Some(next))
}

/// Index ⊇ data at every dataEpoch (docs/design/ingest.md#revoking): a director's index entries are
/// the only ones of its children's keys, so they cannot go first.
fn refuse_while_children_use(catalog: &Catalog, director: &TableKey) -> Result<(), EditError> {
    let using = children(catalog, director).flat_map(|(key, table)| {
        table
            .segments
            .iter()
            .map(move |segment| named(key, segment))
    });
    let using: Vec<String> = using.collect();
    if using.is_empty() {
        Ok(())
    } else {
        Err(EditError::KeysInUse(using.join(", ")))
    }
}

/// Keys are checked against what is published at the time: one row per key, children in their
/// director row's chunk, index ⊇ data. What comes back was never checked against what was loaded
/// while it was away, nor that against it.
///
/// Numbers of segments say which came first: one ingest of a director and its children is under way
/// at a time.
fn refuse_unchecked_return(
    catalog: &Catalog,
    key: &TableKey,
    director: &TableKey,
    back: &Segment,
) -> Result<(), EditError> {
    let Some(director_table) = catalog.tables.get(director) else {
        return Ok(());
    };
    let away_since = back.revoked.unwrap_or(back.id);
    // Rows of a deleted child come back with no other question than which segments are away then.
    let deleted = catalog.retired.values();
    let deleted = deleted.filter(|child| child.director == Some(director_table.incarnation));
    let others = children(catalog, director)
        .chain(deleted.map(|child| (&child.key, &child.table)))
        .filter(|_| key == director);
    let since: Vec<String> = others
        .chain([(director, director_table)])
        .flat_map(|(key, table)| {
            let segments = table.segments.iter().chain(&table.revoked);
            segments.map(move |segment| (key, segment))
        })
        .filter(|(_, segment)| segment.id > away_since)
        .map(|(key, segment)| named(key, segment))
        .collect();
    if !since.is_empty() {
        return Err(EditError::LoadedSince(since.join(", ")));
    }
    if key == director {
        return Ok(());
    }
    let needed = needed_directors(director, director_table, back);
    if needed.is_empty() {
        Ok(())
    } else {
        Err(EditError::NeedsDirector(needed.join(", ")))
    }
}

/// Takes a segment off one list and puts it on the other: on the revoked one with the last number
/// given out.
fn move_segment(
    published: &mut Vec<Segment>,
    away: &mut Vec<Segment>,
    id: u64,
    revoked: Option<u64>,
) {
    let (from, to) = if revoked.is_some() {
        (published, away)
    } else {
        (away, published)
    };
    if let Some(place) = from.iter().position(|segment| segment.id == id) {
        let segment = from.remove(place);
        insert_segment(to, Segment { revoked, ..segment });
    }
}
