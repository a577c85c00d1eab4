//! The edits of the catalog that ingests ask for, as values. Pure: each says what the catalog would
//! be, over whichever catalog is in force when it is written, and what it comes to.

use std::collections::BTreeMap;

use orrery_archive::catalog::{Catalog, ChunkSet, Family, TableKey};
use orrery_archive::names::{ChunkId, WorkerId};
use orrery_crds::kinds::IngestTarget;
use orrery_worker_api::loader::Surveyed;

use super::former;
use super::state::Attempt;
use super::target::{self, Chunked};
use crate::catalog::edit::{self, Assignment, EditError, Moves, Publication};
use crate::catalog::writer::Edit;
use crate::placement::{self, Place, Wanted};

/// An edit.
#[derive(Clone, Debug)]
pub enum CatalogEdit {
    /// Chunks get workers, and the attempt its numbers.
    Place(Placing),
    /// The segment enters the catalog, if it was surveyed on the catalog's present basis.
    Publish(Box<Publishing>),
    /// The attempt will never be published.
    GiveUp(GivingUp),
    /// The segment is taken back, or comes back.
    Revoke(Revoking),
}

/// What came of an edit. The catalog in force is observed again with it.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    /// The chunks have workers, and the attempt has its numbers.
    Placed(Attempt),
    /// They have not; the survey was for this incarnation.
    NotPlaced(u64, Unplaced),
    /// The attempt's segment is published: by this edit, or before it.
    Published(Attempt),
    /// It is not.
    NotPublished(Attempt, Obstacle),
    /// The attempt is not published and never will be.
    GivenUp(GivingUp),
    /// The segment is as wanted.
    Revoked(Revoking),
    /// The catalog contradicts that, and why.
    NotRevoked(Revoking, String),
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// What was surveyed is not what the catalog has now.
    Outdated,
    /// The catalog contradicts the edit, and why.
    Refused(String),
}

/// Why an attempt did not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unplaced {
    /// The catalog does not allow it.
    Obstacle(Obstacle),
    /// Workers are lacking, and which chunks wait for them.
    NoWorkers(String),
}

impl From<EditError> for Unplaced {
    fn from(why: EditError) -> Self {
        Self::Obstacle(Obstacle::Refused(why.to_string()))
    }
}

/// See [`CatalogEdit::Place`].
#[derive(Clone, Debug)]
pub struct Placing {
    /// UID of the Ingest.
    pub uid: String,
    /// Incarnation the rows are for.
    pub incarnation: u64,
    /// Table.
    pub target: IngestTarget,
    /// What the survey relied on.
    pub basis: String,
    /// What was surveyed.
    pub surveyed: Surveyed,
    /// Workers as places for new chunks.
    pub places: Vec<Place>,
}

/// See [`CatalogEdit::Publish`].
#[derive(Clone, Debug)]
pub struct Publishing {
    /// Table.
    pub target: IngestTarget,
    /// Attempt.
    pub attempt: Attempt,
    /// What is published.
    pub publication: Publication,
}

/// See [`CatalogEdit::GiveUp`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivingUp {
    /// Table.
    pub key: TableKey,
    /// Attempt.
    pub attempt: Attempt,
    /// What becomes of the ingest.
    pub then: Then,
    /// Why, for people.
    pub why: String,
}

/// Where an ingest stands after its attempt was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The sources are read again.
    Survey,
    /// The same rows are loaded again.
    Place,
    /// It has failed.
    Fail,
}

/// See [`CatalogEdit::Revoke`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoking {
    /// Table.
    pub key: TableKey,
    /// Segment.
    pub segment: u64,
    /// Whether it goes; else it comes back.
    pub revoked: bool,
}

impl CatalogEdit {
    /// What the catalog would be, and what came of it when that is written.
    pub fn apply(&self, catalog: &Catalog) -> Edit<Written> {
        match self {
            Self::Place(placing) => placing.apply(catalog),
            Self::Publish(publishing) => publishing.apply(catalog),
            Self::GiveUp(giving_up) => giving_up.apply(catalog),
            Self::Revoke(revoking) => revoking.apply(catalog),
        }
    }
}

fn is_basis(catalog: &Catalog, target: &IngestTarget, basis: &str) -> bool {
    target::find(catalog, target).is_some_and(|target| target.basis(catalog) == basis)
}

impl Placing {
    fn apply(&self, catalog: &Catalog) -> Edit<Written> {
        match self.placed(catalog) {
            Ok((next, attempt)) => Edit::Write(Box::new(next), Written::Placed(attempt)),
            Err(why) => Edit::Keep(Written::NotPlaced(self.incarnation, why)),
        }
    }

    fn placed(&self, catalog: &Catalog) -> Result<(Catalog, Attempt), Unplaced> {
        let found = target::find(catalog, &self.target);
        let Some(target) = found.filter(|target| target.basis(catalog) == self.basis) else {
            return Err(Unplaced::Obstacle(Obstacle::Outdated));
        };
        let wanted = |chunk: ChunkId| self.surveyed.chunks.contains_key(&chunk);
        edit::check_segments(catalog, &target.key, wanted)?;
        let cleared = match target.chunked(catalog) {
            Some(chunked) => self.without_unserved(catalog, &chunked)?,
            None => catalog.clone(),
        };
        let families = match target.chunked(&cleared) {
            Some(chunked) => self.assignments(&cleared, &chunked)?,
            None => Vec::new(),
        };
        let mut next = edit::place(&cleared, &families)?.unwrap_or(cleared);
        let attempt = self.attempt(&mut next);
        let written = target.chunked(catalog).into_iter().flat_map(|chunked| {
            let (rows, entries) = (&self.surveyed.chunks, &self.surveyed.index_chunks);
            let rows = (chunked.table.family.clone(), rows.keys().copied().collect());
            let index = &chunked.index.family;
            [rows, (index.clone(), entries.keys().copied().collect())]
        });
        edit::open_attempt(&mut next, attempt.number, &self.uid, written);
        Ok((next, attempt))
    }

    /// Takes the numbers of an attempt from the catalog's counters.
    fn attempt(&self, next: &mut Catalog) -> Attempt {
        let counters = &mut next.counters;
        counters.attempt += 1;
        let number = counters.attempt;
        let index = (!self.surveyed.index_chunks.is_empty()).then(|| {
            counters.attempt += 1;
            counters.attempt
        });
        counters.segment += 1;
        Attempt {
            number,
            index,
            segment: counters.segment,
            basis: self.basis.clone(),
            incarnation: self.incarnation,
        }
    }

    /// The catalog without those of the surveyed chunks that hold no rows and of whose workers fewer
    /// serve than a publish needs: they get others, because nothing is to be waited for there.
    fn without_unserved(
        &self,
        catalog: &Catalog,
        chunked: &Chunked<'_>,
    ) -> Result<Catalog, EditError> {
        let rows: ChunkSet = self.surveyed.chunks.keys().copied().collect();
        let entries: ChunkSet = self.surveyed.index_chunks.keys().copied().collect();
        let mut forget = BTreeMap::new();
        for (name, wanted) in [
            (&chunked.table.family, rows),
            (&chunked.index.family, entries),
        ] {
            let Some(family) = catalog.families.get(name) else {
                continue;
            };
            let mut unserved = edit::idle_chunks(catalog, name);
            unserved.retain(|chunk| wanted.contains(chunk) && !self.is_served(family, *chunk));
            if !unserved.is_empty() {
                forget.insert(name.clone(), unserved);
            }
        }
        let moves = Moves {
            forget,
            ..Moves::default()
        };
        Ok(edit::moves(catalog, &moves)?.unwrap_or_else(|| catalog.clone()))
    }

    /// Whether as many workers of a chunk take new rows as a publish needs.
    fn is_served(&self, family: &Family, chunk: ChunkId) -> bool {
        let listed = family.placement.get(&chunk).into_iter().flatten();
        let serves = |worker: &&WorkerId| {
            let mut places = self.places.iter();
            places.any(|place| place.worker == **worker && place.open)
        };
        listed.filter(serves).count() >= family.replicas.minimum as usize
    }

    fn assignments(
        &self,
        catalog: &Catalog,
        chunked: &Chunked<'_>,
    ) -> Result<Vec<(String, Assignment)>, Unplaced> {
        let rows = self.surveyed.chunks.iter();
        let wanted = new_chunks(
            chunked.family,
            rows.map(|(chunk, rows)| (*chunk, rows.bytes)),
        );
        let places = placement::of_pool(&self.places, &chunked.family.pool);
        let rows = assign(&wanted, &places, chunked.family)?;
        let mut families = vec![(chunked.table.family.clone(), rows)];
        if let Some(index) = catalog.families.get(&chunked.index.family) {
            let entries = self.surveyed.index_chunks.iter();
            let wanted = new_chunks(index, entries.map(|(chunk, entries)| (*chunk, *entries)));
            let entries = assign(&wanted, &places, index)?;
            families.push((chunked.index.family.clone(), entries));
        }
        Ok(families)
    }
}

/// Those of these chunks that have no workers yet, each with what it gets: bytes or entries.
fn new_chunks(family: &Family, chunks: impl Iterator<Item = (ChunkId, u64)>) -> Vec<Wanted> {
    let is_new = |chunk: &ChunkId| family.placement.get(chunk).is_none_or(Vec::is_empty);
    let new = chunks.filter(|(chunk, _)| is_new(chunk));
    new.map(|(chunk, bytes)| Wanted {
        chunk,
        bytes,
        has: Vec::new(),
    })
    .collect()
}

/// Gives new chunks workers. With fewer than the family's minimum of copies no chunk could be
/// published: then nothing is placed, and workers are waited for.
fn assign(wanted: &[Wanted], places: &[Place], family: &Family) -> Result<Assignment, Unplaced> {
    let (replicas, pool) = (family.replicas, &family.pool);
    let assigned = placement::plan(wanted, places, replicas.desired);
    let enough = |chunk: &ChunkId| {
        let copies = assigned.get(chunk).map_or(0, Vec::len);
        copies >= replicas.minimum as usize
    };
    let short = wanted.iter().filter(|wanted| !enough(&wanted.chunk));
    match short.count() {
        0 => Ok(assigned),
        count => Err(Unplaced::NoWorkers(format!(
            "{count} chunks need {} Ready workers of pool `{pool}` with room for them",
            replicas.minimum
        ))),
    }
}

fn is_published(catalog: &Catalog, key: &TableKey, attempt: &Attempt) -> bool {
    edit::was_published(catalog, key, attempt.incarnation, attempt.segment)
}

impl Publishing {
    fn apply(&self, catalog: &Catalog) -> Edit<Written> {
        let attempt = self.attempt.clone();
        if is_published(catalog, &self.publication.table, &attempt) {
            return Edit::Keep(Written::Published(attempt));
        }
        if !is_basis(catalog, &self.target, &attempt.basis) {
            return Edit::Keep(Written::NotPublished(attempt, Obstacle::Outdated));
        }
        if let Some(why) = self.already_loaded(catalog) {
            let why = Obstacle::Refused(why);
            return Edit::Keep(Written::NotPublished(attempt, why));
        }
        match edit::publish(catalog, &self.publication) {
            Ok(Some(next)) => Edit::Write(Box::new(next), Written::Published(attempt)),
            Ok(None) => Edit::Keep(Written::Published(attempt)),
            Err(why) => {
                let why = Obstacle::Refused(why.to_string());
                Edit::Keep(Written::NotPublished(attempt, why))
            }
        }
    }
}

impl Publishing {
    /// Why it is not published: rows of this name are visible. It was looked for before anything was
    /// loaded; this look is under the root that is written.
    fn already_loaded(&self, catalog: &Catalog) -> Option<String> {
        let Publication { table, segment, .. } = &self.publication;
        let held = catalog.tables.get(table)?;
        let mut visible = held.segments.iter();
        let same = visible.find(|held| held.ingest == segment.ingest)?;
        Some(former::name_taken(table, same))
    }
}

impl GivingUp {
    /// Published rows must never be dropped, whatever this process believes: an answer that was
    /// lost may have been that of the publish, and another leader may have published. So a root is
    /// written first, under the resourceVersion of one that does not list the segment.
    fn apply(&self, catalog: &Catalog) -> Edit<Written> {
        if is_published(catalog, &self.key, &self.attempt) {
            return Edit::Keep(Written::Published(self.attempt.clone()));
        }
        let mut next = catalog.clone();
        next.counters.attempt += 1;
        edit::close_attempt(&mut next, self.attempt.number);
        Edit::Write(Box::new(next), Written::GivenUp(self.clone()))
    }
}

impl Revoking {
    fn apply(&self, catalog: &Catalog) -> Edit<Written> {
        match edit::set_revoked(catalog, &self.key, self.segment, self.revoked) {
            Ok(Some(next)) => Edit::Write(Box::new(next), Written::Revoked(self.clone())),
            Ok(None) => Edit::Keep(Written::Revoked(self.clone())),
            Err(why) => Edit::Keep(Written::NotRevoked(self.clone(), why.to_string())),
        }
    }
}

#[cfg(test)]
mod tests;
