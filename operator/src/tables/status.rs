//! Statuses of tables: a mirror of the catalog for people.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use orrery_archive::catalog::{Catalog, ChunkSet, Table, TableKey};
use orrery_crds::kinds::{ChunkedTable, ChunkedTableStatus, ReferenceTable, ReferenceTableStatus};

use super::{key, reference_key};
use crate::catalog::segments::{self, MANY_SEGMENTS};
use crate::conditions::{self, ACCEPTED, AVAILABLE, Finding};
use crate::pools::status::human;

/// Counts over a table's published segments.
struct Published {
    rows: u64,
    bytes: u64,
    segments: u64,
    chunks: u64,
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

/// The catalog's table, when it is this incarnation.
fn own<'a>(catalog: &'a Catalog, key: &TableKey, incarnation: Option<u64>) -> Option<&'a Table> {
    catalog
        .tables
        .get(key)
        .filter(|table| Some(table.incarnation) == incarnation)
}

fn available(table: Option<&Table>) -> Finding {
    match table {
        Some(_) => Finding::yes("InCatalog", "queries see the table"),
        None => Finding::no("NotInCatalog", "the catalog does not have the table yet"),
    }
}

/// Design §5: the condition `ManySegments` while some chunk has many; none otherwise.
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
            &Finding::yes("Slow", message),
            generation,
            now,
        ),
        None => conditions::clear(conditions, MANY_SEGMENTS),
    }
}

/// The new status of a chunked table with this incarnation.
pub fn chunked_status(
    table: &ChunkedTable,
    finding: &Finding,
    incarnation: Option<u64>,
    catalog: &Catalog,
    now: Timestamp,
) -> ChunkedTableStatus {
    let generation = table.metadata.generation;
    let mut status = table.status.clone().unwrap_or_default();
    let key = key(table);
    let known = own(catalog, &key, incarnation);
    status.observed_generation = generation;
    status.incarnation = incarnation;
    conditions::set(&mut status.conditions, ACCEPTED, finding, generation, now);
    conditions::set(
        &mut status.conditions,
        AVAILABLE,
        &available(known),
        generation,
        now,
    );
    warn_of_many(&mut status.conditions, &key, known, generation, now);
    if let Some(Published {
        rows,
        bytes,
        segments,
        chunks,
    }) = known.map(published)
    {
        (status.rows, status.size) = (rows, human(bytes));
        (status.segments, status.chunks) = (segments, chunks);
    }
    status
}

/// The new status of a reference table with this incarnation.
pub fn reference_status(
    table: &ReferenceTable,
    finding: &Finding,
    incarnation: Option<u64>,
    catalog: &Catalog,
    now: Timestamp,
) -> ReferenceTableStatus {
    let generation = table.metadata.generation;
    let mut status = table.status.clone().unwrap_or_default();
    let key = reference_key(table);
    let known = own(catalog, &key, incarnation);
    status.observed_generation = generation;
    status.incarnation = incarnation;
    conditions::set(&mut status.conditions, ACCEPTED, finding, generation, now);
    conditions::set(
        &mut status.conditions,
        AVAILABLE,
        &available(known),
        generation,
        now,
    );
    warn_of_many(&mut status.conditions, &key, known, generation, now);
    if let Some(Published {
        rows,
        bytes,
        segments,
        ..
    }) = known.map(published)
    {
        (status.rows, status.size) = (rows, human(bytes));
        status.segments = segments;
    }
    status
}
