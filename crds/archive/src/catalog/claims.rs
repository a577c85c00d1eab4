//! What the catalog says of a physical table that a worker has: that it is to be there, that it is
//! surplus there, or nothing.

use std::collections::HashMap;

use super::model::{Catalog, Family, Segment};
use crate::names::{ChunkId, WorkerId, index_database, physical_database};

/// A physical table as a worker's manifest names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldTable<'a> {
    /// Physical database.
    pub database: &'a str,
    /// Attempt that loaded it.
    pub attempt: u64,
    /// Chunk, hash chunk, or 0.
    pub chunk: ChunkId,
}

/// What the catalog says of a table on a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim<'a> {
    /// It is to be there: the worker is listed for its chunk or is to get it, or it is a reference
    /// table.
    Given,
    /// Its rows are in the catalog, but its chunk of this family is on other workers.
    Surplus(&'a str),
    /// The catalog has no such rows: of a running ingest, a deleted table that does not come back,
    /// or one that it does not know. Of a catalog that was not read whole nothing is unknown.
    Unknown,
}

/// The tables of a catalog, by what their manifest rows say.
#[derive(Debug)]
pub struct Claims<'a> {
    /// Family by database and attempt; none for a reference table.
    loaded: HashMap<(String, u64), Option<(&'a str, &'a Family)>>,
    /// Whether these are all tables of the catalog.
    is_whole: bool,
}

impl<'a> Claims<'a> {
    /// Those of `catalog`, of revoked segments and of deleted tables that may come back too.
    pub fn of(catalog: &'a Catalog) -> Self {
        let mut claims = Self {
            loaded: HashMap::new(),
            is_whole: catalog.unread.is_empty(),
        };
        for (key, table) in catalog.kept() {
            let database = physical_database(&key.database, table.incarnation);
            let family = table.kind.family();
            claims.add(catalog, &database, family, &table.segments, &table.revoked);
            if let Some(index) = table.kind.index() {
                let database = index_database(index.incarnation);
                let family = Some(index.family.as_str());
                claims.add(catalog, &database, family, &index.segments, &index.revoked);
            }
        }
        claims
    }

    fn add(
        &mut self,
        catalog: &'a Catalog,
        database: &str,
        family: Option<&str>,
        published: &[Segment],
        revoked: &[Segment],
    ) {
        // A table without its family would be no catalog; nothing of it is surplus.
        let placed = family.and_then(|family| catalog.families.get_key_value(family));
        let placed = placed.map(|(name, family)| (name.as_str(), family));
        for segment in published.iter().chain(revoked) {
            let loaded = (database.to_owned(), segment.attempt);
            self.loaded.insert(loaded, placed);
        }
    }

    /// The family of a table that `worker` is to have; none for a reference table.
    pub fn family(&self, worker: WorkerId, table: HeldTable<'_>) -> Option<&'a str> {
        let loaded = (table.database.to_owned(), table.attempt);
        let (family, _) = (*self.loaded.get(&loaded)?)?;
        (self.judge(worker, table) == Claim::Given).then_some(family)
    }

    /// What is said of a table on `worker`.
    pub fn judge(&self, worker: WorkerId, table: HeldTable<'_>) -> Claim<'a> {
        let loaded = (table.database.to_owned(), table.attempt);
        match self.loaded.get(&loaded) {
            None if self.is_whole => Claim::Unknown,
            None | Some(None) => Claim::Given,
            Some(Some((name, family))) => {
                let listed = family.placement.get(&table.chunk);
                let intended = family.intended.get(&table.chunk);
                let given = listed.is_some_and(|workers| workers.contains(&worker))
                    || intended.is_some_and(|workers| workers.contains(&worker));
                if given {
                    Claim::Given
                } else {
                    Claim::Surplus(name)
                }
            }
        }
    }
}
