//! Deleted tables: their rows are kept, they come back, or they are dropped.
//!
//! Every time is in seconds since 1970 (UTC).

use orrery_archive::catalog::{Catalog, Retired, Segment, Table, TableKey};
use orrery_archive::names::{index_database, physical_database};
use orrery_archive::table::OnDeletion;

use super::error::EditError;
use super::parts::{children, named, needed_directors};
use crate::catalog::declared::{Schema, has_rows_of};

/// A table that is declared and accepted, before it is in the catalog.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Database and name.
    pub key: TableKey,
    /// What it is.
    pub schema: Schema,
    /// The incarnation that its object has heard of.
    pub known: Option<u64>,
    /// Whether it is to begin without the rows of a former table.
    pub begins_empty: bool,
}

/// The incarnation of a declared table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Its object knew it, or the catalog has just this table.
    Known(u64),
    /// It is a new table.
    New(u64),
    /// A deleted table came back with its rows.
    Returned(u64),
}

impl Claimed {
    /// The number.
    pub fn incarnation(self) -> u64 {
        match self {
            Self::Known(number) | Self::New(number) | Self::Returned(number) => number,
        }
    }
}

/// The incarnation of a declared table, and the catalog in which it has it when that is another. An
/// object may have lost its status, or have one of another catalog (see [`is_foreign`]): then the
/// table of its name and schema is its own, whether the catalog has it or it was deleted meanwhile.
/// Only one whose rows go with its object is not.
pub fn claim(
    catalog: &Catalog,
    claim: &Claim,
    now: u64,
) -> Result<(Option<Catalog>, Claimed), EditError> {
    if let Some(known) = claim.known
        && !has_left(catalog, &claim.key, known)
        && !is_foreign(catalog, claim, known)
    {
        return Ok((None, Claimed::Known(known)));
    }
    if !claim.begins_empty {
        if is_held(catalog, &claim.key, &claim.schema)
            && let Some(held) = catalog.tables.get(&claim.key)
        {
            return Ok((None, Claimed::Known(held.incarnation)));
        }
        if let Some(former) = former(catalog, &claim.key, &claim.schema) {
            check_return(catalog, former)?;
            let next = bring_back(catalog, former, now);
            return Ok((Some(next), Claimed::Returned(former.table.incarnation)));
        }
    }
    let mut next = catalog.clone();
    next.counters.incarnation += 1;
    let number = next.counters.incarnation;
    Ok((Some(next), Claimed::New(number)))
}

/// Whether a new object that declares this has rows that are in the catalog: of the
/// table that it has, or of a deleted one that can come back.
pub fn has_former(catalog: &Catalog, key: &TableKey, schema: &Schema) -> bool {
    is_held(catalog, key, schema) || former(catalog, key, schema).is_some()
}

fn is_held(catalog: &Catalog, key: &TableKey, schema: &Schema) -> bool {
    let held = catalog.tables.get(key);
    held.is_some_and(|held| {
        let goes = OnDeletion::Delete { grace_seconds: 0 };
        held.has_segments() && held.on_deletion != goes && has_rows_of(&held.kind, schema)
    })
}

/// The deleted table of this name and schema; of several the one that was deleted last.
fn former<'a>(catalog: &'a Catalog, key: &TableKey, schema: &Schema) -> Option<&'a Retired> {
    let same = |retired: &&Retired| retired.key == *key && has_rows_of(&retired.table.kind, schema);
    let all = catalog.retired.values().filter(same);
    all.max_by_key(|retired| (retired.since, retired.table.incarnation))
}

/// Whether an incarnation was retired, or its rows are being dropped.
fn has_left(catalog: &Catalog, key: &TableKey, incarnation: u64) -> bool {
    let database = physical_database(&key.database, incarnation);
    catalog.retired.contains_key(&incarnation) || catalog.dropping.contains_key(&database)
}

/// Whether the incarnation that an object has heard of was not given to it by this catalog, which was
/// rebuilt since: it is that of another table, or the catalog has rows of this table under another.
fn is_foreign(catalog: &Catalog, claim: &Claim, known: u64) -> bool {
    let held = catalog.tables.get(&claim.key);
    if held.is_some_and(|held| held.incarnation == known) {
        return false;
    }
    let is_of_another = catalog.kept().any(|(_, table)| {
        let index = table.kind.index().map(|index| index.incarnation);
        table.incarnation == known || index == Some(known)
    });
    is_of_another
        || known > catalog.counters.incarnation
        || !claim.begins_empty && has_former(catalog, &claim.key, &claim.schema)
}

/// Index ⊇ data at every dataEpoch (docs/design/ingest.md#director-index): what comes back was not
/// compared with what was loaded or taken back meanwhile.
fn check_return(catalog: &Catalog, former: &Retired) -> Result<(), EditError> {
    let Some(director) = former.table.kind.director_key(&former.key) else {
        return Ok(());
    };
    if former.table.kind.is_director() {
        let since: Vec<String> = children(catalog, &director)
            .flat_map(|(key, child)| {
                let all = child.segments.iter().chain(&child.revoked);
                all.map(move |segment| (key, segment))
            })
            .filter(|(_, segment)| segment.published >= former.since)
            .map(|(key, segment)| named(key, segment))
            .collect();
        return if since.is_empty() {
            Ok(())
        } else {
            Err(EditError::LoadedAfterAnother(since.join(", ")))
        };
    }
    let held = catalog.tables.get(&director);
    let Some(held) = held.filter(|held| Some(held.incarnation) == former.director) else {
        return Err(EditError::NeedsItsDirector(director));
    };
    let needed = |segment: &Segment| needed_directors(&director, held, segment);
    let needed: Vec<String> = former.table.segments.iter().flat_map(needed).collect();
    if needed.is_empty() {
        Ok(())
    } else {
        Err(EditError::NeedsDirector(needed.join(", ")))
    }
}

fn bring_back(catalog: &Catalog, former: &Retired, now: u64) -> Catalog {
    let mut next = catalog.clone();
    next.epochs.data += 1;
    next.epochs.placement += 1;
    let Retired { key, table, .. } = former.clone();
    next.retired.remove(&table.incarnation);
    if let Some(instead) = next.tables.insert(key.clone(), table) {
        retire(&mut next, &key, instead, now);
    }
    next
}

/// Enters a table that is not in the catalog any more, this dataEpoch being the first without it:
/// as one whose rows are kept, or for its databases to be dropped.
pub(super) fn retire(next: &mut Catalog, key: &TableKey, table: Table, now: u64) {
    let until = match (table.on_deletion, table.has_segments()) {
        (OnDeletion::Retain, false) => return,
        (OnDeletion::Retain, true) => None,
        (OnDeletion::Delete { grace_seconds: 0 }, _) | (OnDeletion::Delete { .. }, false) => {
            return drop_databases(next, key, &table, next.epochs.data);
        }
        (OnDeletion::Delete { grace_seconds }, true) => Some(now.saturating_add(grace_seconds)),
    };
    let retired = Retired {
        key: key.clone(),
        since: next.epochs.data,
        until,
        director: director_of(next, key, &table),
        table,
    };
    next.retired.insert(retired.table.incarnation, retired);
}

/// The director that a child's rows were loaded after: the one that is there, else the last.
fn director_of(catalog: &Catalog, key: &TableKey, table: &Table) -> Option<u64> {
    let director = table
        .kind
        .director_key(key)
        .filter(|director| director != key)?;
    if let Some(held) = catalog.tables.get(&director) {
        return Some(held.incarnation);
    }
    let former = catalog.retired.values();
    let former = former.filter(|retired| retired.key == director);
    let last = former.max_by_key(|retired| (retired.since, retired.table.incarnation));
    last.map(|retired| retired.table.incarnation)
}

fn drop_databases(next: &mut Catalog, key: &TableKey, table: &Table, since: u64) {
    let own = physical_database(&key.database, table.incarnation);
    next.dropping.insert(own, since);
    if let Some(index) = table.kind.index() {
        next.dropping
            .insert(index_database(index.incarnation), since);
    }
}

/// Deleted tables whose rows are to be dropped.
pub fn over(catalog: &Catalog, now: u64) -> impl Iterator<Item = &Retired> {
    let all = catalog.retired.values();
    all.filter(move |retired| retired.until.is_some_and(|until| until <= now))
}

/// Has workers drop the rows of deleted tables whose time is over; `None` when there are none.
/// Agents refuse it until they hold a catalog that says the same, for which an epoch rises.
pub fn expire(catalog: &Catalog, now: u64) -> Option<Catalog> {
    let mut next = catalog.clone();
    for retired in over(catalog, now) {
        let Retired {
            key, table, since, ..
        } = retired;
        next.retired.remove(&table.incarnation);
        drop_databases(&mut next, key, table, *since);
    }
    if next == *catalog {
        return None;
    }
    next.epochs.placement += 1;
    Some(next)
}

#[cfg(test)]
mod tests;
