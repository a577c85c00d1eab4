//! Changes of a catalog, pure. Each takes the catalog by value of its present state and says what it would be; epochs are raised here and
//! nowhere else: dataEpoch when what the data is changes, placementEpoch when who holds it changes.

mod publish;
mod revoke;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use orrery_archive::catalog::{Catalog, Family, FamilyGrid, Segment, Table, TableKey, TableKind};
use orrery_archive::names::{ChunkId, WorkerId};
use orrery_archive::replicas::FamilyReplicas;
use thiserror::Error;

use super::segments;
use crate::writer::FamilyDeclaration;

pub use publish::{Holders, Publication, publish, was_published};
pub use revoke::set_revoked;
pub use tables::{accept_table, dropped, is_declared, retire_table};

/// Why a change contradicts the catalog.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EditError {
    /// The family holds tables and its grid would change.
    #[error("family {0} has tables, so its scheme cannot change")]
    GridInUse(String),
    /// The family still has tables.
    #[error("family {family} still has table {table}")]
    FamilyInUse {
        /// Family.
        family: String,
        /// One of its tables.
        table: TableKey,
    },
    /// No such family.
    #[error("there is no family {0} in the catalog")]
    NoFamily(String),
    /// No such table.
    #[error("there is no table {0} in the catalog")]
    NoTable(TableKey),
    /// The table was dropped and made again meanwhile.
    #[error("table {0} is another incarnation now")]
    OtherIncarnation(TableKey),
    /// A director has no index.
    #[error("table {0} has no director index")]
    NoIndex(TableKey),
    /// No such segment.
    #[error("table {table} has no segment {segment}")]
    NoSegment {
        /// Table.
        table: TableKey,
        /// Segment.
        segment: u64,
    },
    /// Nobody holds a chunk of a segment that is to be published.
    #[error("chunk {chunk} of {table}: no worker that the catalog lists for it holds the new rows")]
    NobodyHolds {
        /// Table.
        table: TableKey,
        /// Chunk.
        chunk: ChunkId,
    },
    /// A chunk has as many segments as it may have.
    #[error(
        "{table} has {segments} segments in chunk {chunk}, and more than {} make its queries slow: {}",
        segments::MOST,
        segments::REMEDY
    )]
    TooManySegments {
        /// Table.
        table: TableKey,
        /// Chunk.
        chunk: ChunkId,
        /// Segments it has.
        segments: usize,
    },
    /// What was loaded while a segment was taken back was not checked against its keys.
    #[error(
        "{0} came while these rows were taken back and was not checked against their keys: make a new Ingest of the same files"
    )]
    LoadedSince(String),
    /// A child's keys are in the index only with its director's rows.
    #[error("its rows use keys of {0}, which is taken back: bring that back first")]
    NeedsDirector(String),
    /// Children use the director's keys.
    #[error("published rows of {0} use keys of this ingest: revoke their ingests first")]
    KeysInUse(String),
}

/// Family of a director's index.
pub fn index_family(family: &str) -> String {
    format!("{family}-index")
}

/// Makes the family equal to its declaration; `None` when it is.
pub fn accept_family(catalog: &Catalog, declared: &FamilyDeclaration) -> Result<Option<Catalog>, EditError> {
    let index_chunks = match declared.grid {
        FamilyGrid::Sphere { index_chunks, .. } => index_chunks,
        FamilyGrid::Hash { chunks } => chunks,
    };
    let index = FamilyDeclaration {
        name: index_family(&declared.name),
        grid: FamilyGrid::Hash { chunks: index_chunks },
        ..declared.clone()
    };
    let mut next = catalog.clone();
    let mut changed = false;
    for family in [declared, &index] {
        changed |= accept_one_family(&mut next, family)?;
    }
    if changed {
        next.epochs.placement += 1;
    }
    Ok(changed.then_some(next))
}

fn accept_one_family(next: &mut Catalog, declared: &FamilyDeclaration) -> Result<bool, EditError> {
    let in_use = table_of(next, &declared.name).is_some();
    if let Some(family) = next.families.get_mut(&declared.name) {
        let same_grid = family.grid == declared.grid && family.pool == declared.pool;
        if same_grid && family.replicas == declared.replicas {
            return Ok(false);
        }
        if !same_grid && in_use {
            return Err(EditError::GridInUse(declared.name.clone()));
        }
        if same_grid {
            family.replicas = declared.replicas;
            return Ok(true);
        }
    }
    next.counters.incarnation += 1;
    let family = new_family(
        next.counters.incarnation,
        &declared.pool,
        declared.replicas,
        declared.grid.clone(),
    );
    next.families.insert(declared.name.clone(), family);
    Ok(true)
}

fn new_family(incarnation: u64, pool: &str, replicas: FamilyReplicas, grid: FamilyGrid) -> Family {
    Family {
        incarnation,
        pool: pool.to_owned(),
        replicas,
        grid,
        placement: BTreeMap::new(),
        behind: Vec::new(),
    }
}

/// Takes a family and its index family out; `None` when it is not there.
pub fn retire_family(catalog: &Catalog, name: &str) -> Result<Option<Catalog>, EditError> {
    if let Some(table) = table_of(catalog, name) {
        return Err(EditError::FamilyInUse {
            family: name.to_owned(),
            table,
        });
    }
    let mut next = catalog.clone();
    if next.families.remove(name).is_none() {
        return Ok(None);
    }
    next.families.remove(&index_family(name));
    next.epochs.placement += 1;
    Ok(Some(next))
}

fn table_of(catalog: &Catalog, family: &str) -> Option<TableKey> {
    let uses = |table: &Table| match &table.kind {
        TableKind::Director(accepted, index) => accepted.family == family || index.family == family,
        TableKind::Child(accepted, _) => accepted.family == family,
        TableKind::Reference(_) => false,
    };
    catalog
        .tables
        .iter()
        .find(|(_, table)| uses(table))
        .map(|(key, _)| key.clone())
}

/// Chunks of a family with the workers that get them.
pub type Assignment = BTreeMap<ChunkId, Vec<WorkerId>>;

/// Gives chunks to workers; `None` when every chunk has these workers.
pub fn place(catalog: &Catalog, families: &[(String, Assignment)]) -> Result<Option<Catalog>, EditError> {
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

/// Lists a worker for a chunk that it holds completely, or takes it off the list; `None` when it is so already.
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
    for behind in entry.behind.iter_mut().filter(|behind| behind.worker == worker) {
        behind.chunks.remove(&chunk);
    }
    entry.behind.retain(|behind| !behind.chunks.is_empty());
    if next == *catalog {
        return Ok(None);
    }
    next.epochs.placement += 1;
    Ok(Some(next))
}

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

fn insert_segment(segments: &mut Vec<Segment>, segment: Segment) {
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

fn table_mut<'a>(catalog: &'a mut Catalog, key: &TableKey) -> Result<&'a mut Table, EditError> {
    catalog
        .tables
        .get_mut(key)
        .ok_or_else(|| EditError::NoTable(key.clone()))
}
