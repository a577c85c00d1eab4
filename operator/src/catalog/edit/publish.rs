//! A segment enters the catalog.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::catalog::{Behind, Catalog, ChunkSet, Segment, TableKey};
use orrery_archive::names::{ChunkId, WorkerId};

use super::attempts::close_attempt;
use super::error::EditError;
use super::parts::{insert_segment, table_mut};

/// Workers that hold everything of a segment that belongs to a chunk, counted and equal.
pub type Holders = BTreeMap<ChunkId, BTreeSet<WorkerId>>;

/// A segment to publish, with the workers that hold it.
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    /// Table.
    pub table: TableKey,
    /// Incarnation the rows were loaded for.
    pub incarnation: u64,
    /// The table's segment; `published` is filled in here.
    pub segment: Segment,
    /// Workers that hold it.
    pub holders: Holders,
    /// Director whose index gets entries, its index segment and the workers that hold that.
    pub index: Option<(TableKey, Segment, Holders)>,
}

/// Whether a segment of this incarnation was published, be it taken back or the table deleted
/// since.
pub fn was_published(catalog: &Catalog, key: &TableKey, incarnation: u64, segment: u64) -> bool {
    let mut kept = catalog.kept();
    let table = kept.find(|(name, table)| *name == key && table.incarnation == incarnation);
    table.is_some_and(|(_, table)| {
        let mut segments = table.segments.iter().chain(&table.revoked);
        segments.any(|held| held.id == segment)
    })
}

/// Publishes table and index segment together, in one dataEpoch, and closes their attempt; `None`
/// when the segment was published.
///
/// Who lacks the segment is judged by the placement of this very catalog: a late copy may have been
/// listed since the rows were counted, and it has the older segments only.
pub fn publish(catalog: &Catalog, publication: &Publication) -> Result<Option<Catalog>, EditError> {
    let (key, incarnation) = (&publication.table, publication.incarnation);
    if was_published(catalog, key, incarnation, publication.segment.id) {
        return Ok(None);
    }
    let mut next = catalog.clone();
    close_attempt(&mut next, publication.segment.attempt);
    next.epochs.data += 1;
    next.epochs.placement += 1;
    let published = next.epochs.data;
    let table = table_mut(&mut next, key)?;
    if table.incarnation != incarnation {
        return Err(EditError::OtherIncarnation(key.clone()));
    }
    let family = table.kind.family().map(str::to_owned);
    insert_segment(
        &mut table.segments,
        Segment {
            published,
            ..publication.segment.clone()
        },
    );
    if let Some(family) = family {
        add_behind(
            &mut next,
            &family,
            key,
            &publication.segment,
            &publication.holders,
        )?;
    }
    if let Some((director, segment, holders)) = &publication.index {
        let kind = &mut table_mut(&mut next, director)?.kind;
        let index = kind
            .index_mut()
            .ok_or_else(|| EditError::NoIndex(director.clone()))?;
        insert_segment(
            &mut index.segments,
            Segment {
                published,
                ..segment.clone()
            },
        );
        let family = index.family.clone();
        add_behind(&mut next, &family, director, segment, holders)?;
    }
    Ok(Some(next))
}

fn add_behind(
    next: &mut Catalog,
    family: &str,
    key: &TableKey,
    segment: &Segment,
    holders: &Holders,
) -> Result<(), EditError> {
    let family = next
        .families
        .get_mut(family)
        .ok_or_else(|| EditError::NoFamily(family.to_owned()))?;
    let mut lacking: BTreeMap<WorkerId, ChunkSet> = BTreeMap::new();
    for chunk in segment.home.union(&segment.overlap) {
        let holds = |worker: &WorkerId| {
            holders
                .get(chunk)
                .is_some_and(|holders| holders.contains(worker))
        };
        let listed = family.placement.get(chunk).map_or(&[][..], Vec::as_slice);
        if !listed.iter().any(holds) {
            return Err(EditError::NoHolder {
                table: key.clone(),
                chunk: *chunk,
            });
        }
        for worker in listed.iter().filter(|worker| !holds(worker)) {
            lacking.entry(*worker).or_default().insert(*chunk);
        }
    }
    family
        .behind
        .extend(lacking.into_iter().map(|(worker, chunks)| Behind {
            worker,
            segment: segment.id,
            chunks,
        }));
    family.behind.sort();
    Ok(())
}
