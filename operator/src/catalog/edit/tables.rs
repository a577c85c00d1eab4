//! Tables come, change and go.

use orrery_archive::catalog::{Catalog, IndexTable, Table, TableKey, TableKind};

use super::families::index_family;
use super::retired::retire;
use crate::catalog::declared::{Schema, TableDeclaration};

/// Makes the table equal to its declaration; `None` when it is. Another incarnation under the same
/// name is retired with all its segments; `now` is in seconds since 1970 (UTC).
pub fn accept_table(catalog: &Catalog, declared: &TableDeclaration, now: u64) -> Option<Catalog> {
    let mut next = catalog.clone();
    let held = next.tables.remove(&declared.key);
    if held
        .as_ref()
        .is_some_and(|table| is_declared(table, declared))
    {
        return None;
    }
    let (held, former) = match held {
        Some(table) if table.incarnation == declared.incarnation => (Some(table), None),
        other => (None, other),
    };
    if let Some(mut table) = held
        .clone()
        .filter(|table| same_schema(&table.kind, &declared.schema))
    {
        // Nothing that a reader asks for is another one, so no epoch is.
        table.on_deletion = declared.on_deletion;
        table.object.clone_from(&declared.object);
        next.tables.insert(declared.key.clone(), table);
        return Some(next);
    }
    next.epochs.data += 1;
    if let Some(former) = former {
        retire(&mut next, &declared.key, former, now);
    }
    let kind = kind(&mut next, declared, held.as_ref());
    let (schema_version, segments, revoked) = held.map_or((1, Vec::new(), Vec::new()), |table| {
        (table.schema_version + 1, table.segments, table.revoked)
    });
    let table = Table {
        incarnation: declared.incarnation,
        object: declared.object.clone(),
        schema_version,
        kind,
        segments,
        revoked,
        on_deletion: declared.on_deletion,
    };
    next.counters.incarnation = next.counters.incarnation.max(declared.incarnation);
    next.tables.insert(declared.key.clone(), table);
    Some(next)
}

/// A director keeps the index it has.
fn kind(next: &mut Catalog, declared: &TableDeclaration, held: Option<&Table>) -> TableKind {
    let counters = &mut next.counters;
    declared.schema.clone().into_kind(|accepted| {
        if let Some(index) = held.and_then(|table| table.kind.index()) {
            return index.clone();
        }
        counters.incarnation += 1;
        IndexTable {
            incarnation: counters.incarnation,
            family: index_family(&accepted.family),
            segments: Vec::new(),
            revoked: Vec::new(),
        }
    })
}

/// Whether a table of the catalog is exactly what is declared.
pub fn is_declared(held: &Table, declared: &TableDeclaration) -> bool {
    held.incarnation == declared.incarnation
        && held.object == declared.object
        && held.on_deletion == declared.on_deletion
        && same_schema(&held.kind, &declared.schema)
}

fn same_schema(kind: &TableKind, schema: &Schema) -> bool {
    match (kind, schema) {
        (TableKind::Director(held, _), Schema::Director(declared)) => held == declared,
        (TableKind::Child(held, of), Schema::Child(declared, director)) => {
            held == declared && of == director
        }
        (TableKind::Reference(held), Schema::Reference(declared)) => held == declared,
        _ => false,
    }
}

/// Takes a table out; `None` when it is not there. `now` is in seconds since 1970 (UTC).
pub fn retire_table(catalog: &Catalog, key: &TableKey, now: u64) -> Option<Catalog> {
    let mut next = catalog.clone();
    let table = next.tables.remove(key)?;
    next.epochs.data += 1;
    retire(&mut next, key, table, now);
    Some(next)
}

/// Forgets databases that no worker has any more; `None` when none of them is known.
pub fn dropped(catalog: &Catalog, databases: &[String]) -> Option<Catalog> {
    let mut next = catalog.clone();
    next.dropping
        .retain(|database, _| !databases.contains(database));
    (next.dropping.len() < catalog.dropping.len()).then_some(next)
}
