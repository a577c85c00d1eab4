//! Statuses of tables: a mirror of the catalog for people.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use orrery_archive::catalog::{Catalog, ChunkSet, Table, TableKey};

use super::user_table::{Mirror, Published, UserTable};
use crate::catalog::segments::{self, MANY_SEGMENTS};
use crate::controller::conditions::{self, ACCEPTED, AVAILABLE, Finding};

/// The new status of a table with this incarnation.
pub fn status<T: UserTable>(
    table: &T,
    accepted: &Finding,
    incarnation: Option<u64>,
    catalog: &Catalog,
    now: Timestamp,
) -> T::Status {
    let (key, generation) = (table.key(), table.meta().generation);
    let known = own(catalog, &key, incarnation);
    let mut conditions = table.conditions().to_vec();
    conditions::set(&mut conditions, ACCEPTED, accepted, generation, now);
    conditions::set(
        &mut conditions,
        AVAILABLE,
        &available(known),
        generation,
        now,
    );
    warn_of_many(&mut conditions, &key, known, generation, now);
    table.mirroring(Mirror {
        generation,
        incarnation,
        conditions,
        published: known.map(published),
    })
}

/// The catalog's table, when it is this incarnation.
fn own<'a>(catalog: &'a Catalog, key: &TableKey, incarnation: Option<u64>) -> Option<&'a Table> {
    let table = catalog.tables.get(key);
    table.filter(|table| Some(table.incarnation) == incarnation)
}

fn published(table: &Table) -> Published {
    let mut chunks = ChunkSet::new();
    for segment in &table.segments {
        chunks.extend(&segment.home);
    }
    Published {
        rows: table.segments.iter().map(|segment| segment.rows).sum(),
        bytes: table.segments.iter().map(|segment| segment.bytes).sum(),
        segments: table.segments.len() as u64,
        chunks: chunks.len() as u64,
    }
}

fn available(table: Option<&Table>) -> Finding {
    match table {
        Some(_) => Finding::met("InCatalog", "queries see the table"),
        None => Finding::unmet("NotInCatalog", "the catalog does not have the table yet"),
    }
}

/// The condition `ManySegments` while some chunk has many
/// (docs/design/ingest.md#number-of-segments); none otherwise.
fn warn_of_many(
    conditions: &mut Vec<Condition>,
    key: &TableKey,
    table: Option<&Table>,
    generation: Option<i64>,
    now: Timestamp,
) {
    match table.and_then(|table| segments::warning(key, table, |_| true)) {
        Some(message) => conditions::set(
            conditions,
            MANY_SEGMENTS,
            &Finding::met("Slow", message),
            generation,
            now,
        ),
        None => conditions::clear(conditions, MANY_SEGMENTS),
    }
}
