//! `ChunkedTable` and `ReferenceTable`: judged together, because names, directors and families
//! cross objects; and their statuses. Pure.

mod claims;
pub mod retired;
mod status;
#[cfg(test)]
mod tests;
mod user_table;

use std::collections::BTreeMap;

use orrery_archive::catalog::{AcceptedTable, Catalog, FamilyGrid, Table, TableKey, TableKind};
use orrery_crds::accept;
use orrery_crds::kinds::{ChunkedTable, ChunkedTableSpec, ReferenceTable, TableRole};

use crate::catalog::declared::{FamilyDeclaration, Schema, has_rows_of};
use crate::catalog::edit;
use crate::controller::conditions::Finding;
use claims::Owners;

pub use status::status;
pub use user_table::UserTable;

/// What is thought of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The condition `Accepted`.
    pub finding: Finding,
    /// The accepted schema, when it is.
    pub schema: Option<Schema>,
}

/// Everything that a table is judged by.
pub struct Declared<'a> {
    /// Chunked tables.
    pub chunked: &'a [ChunkedTable],
    /// Reference tables.
    pub references: &'a [ReferenceTable],
    /// Accepted families by name.
    pub families: &'a BTreeMap<String, FamilyDeclaration>,
    /// The catalog.
    pub catalog: &'a Catalog,
}

/// Verdicts in the order of the objects.
pub struct Verdicts {
    /// Of the chunked tables.
    pub chunked: Vec<Verdict>,
    /// Of the reference tables.
    pub references: Vec<Verdict>,
}

/// Judges all tables of an archive.
pub fn judge(declared: &Declared<'_>) -> Verdicts {
    let owners = Owners::of(declared.chunked, declared.references);
    let directors: BTreeMap<TableKey, Result<AcceptedTable, ()>> = declared
        .chunked
        .iter()
        .filter(|table| {
            table.spec.role == TableRole::Director && owners.instead_of(*table).is_none()
        })
        .map(|table| {
            (
                table.key(),
                director(declared, table, &owners).map_err(drop),
            )
        })
        .collect();
    let chunked = declared.chunked.iter().map(|table| {
        verdict(match table.spec.role {
            TableRole::Director => director(declared, table, &owners).map(Schema::Director),
            TableRole::Child => child(declared, table, &owners, &directors),
        })
    });
    let references = declared
        .references
        .iter()
        .map(|table| verdict(reference(declared, table, &owners)));
    Verdicts {
        chunked: chunked.collect(),
        references: references.collect(),
    }
}

fn verdict(judged: Result<Schema, Finding>) -> Verdict {
    match judged {
        Ok(schema) => Verdict {
            finding: Finding::met("Accepted", ""),
            schema: Some(schema),
        },
        Err(finding) => Verdict {
            finding,
            schema: None,
        },
    }
}

fn bad_schema(error: &accept::TableError) -> Finding {
    Finding::unmet("BadSchema", error.to_string())
}

fn family<'a>(
    declared: &'a Declared<'_>,
    spec: &ChunkedTableSpec,
) -> Result<&'a FamilyDeclaration, Finding> {
    declared.families.get(&spec.family).ok_or_else(|| {
        Finding::unmet(
            "FamilyNotAccepted",
            format!(
                "spec.family: there is no accepted ChunkFamily `{}`",
                spec.family
            ),
        )
    })
}

fn director(
    declared: &Declared<'_>,
    table: &ChunkedTable,
    owners: &Owners,
) -> Result<AcceptedTable, Finding> {
    owners.check(table)?;
    let schema = accept::chunked(&table.spec).map_err(|error| bad_schema(&error))?;
    let family = family(declared, &table.spec)?;
    if matches!(family.grid, FamilyGrid::Sphere { .. }) && schema.position.is_none() {
        return Err(Finding::unmet(
            "PositionMissing",
            "spec.position: the director of a sphere needs its longitude and latitude columns",
        ));
    }
    let own = Schema::Director(schema.clone());
    check_unchanged(declared, table, &own)?;
    check_children(declared, table, &own)?;
    Ok(schema)
}

/// Index ⊇ data (docs/design/ingest.md#director-index). Rows of children are found by the index of
/// the director they were loaded after; a director of the same name that is made again has another
/// index, without their keys, unless it comes back with its rows.
fn check_children(
    declared: &Declared<'_>,
    table: &ChunkedTable,
    schema: &Schema,
) -> Result<(), Finding> {
    let key = table.key();
    let comes_back = !table.begins_empty() && edit::has_former(declared.catalog, &key, schema);
    if comes_back {
        return Ok(());
    }
    let known = declared.catalog.tables.get(&key);
    if known.is_some_and(|known| Some(known.incarnation) == table.incarnation()) {
        return Ok(());
    }
    let stays = |child: &TableKey, incarnation: u64| {
        let same = |object: &ChunkedTable| {
            object.key() == *child && object.incarnation() == Some(incarnation)
        };
        declared.chunked.iter().any(same)
    };
    let children: Vec<String> = edit::children(declared.catalog, &key)
        .filter(|(child, table)| has_rows(table) && stays(child, table.incarnation))
        .map(|(child, _)| child.to_string())
        .collect();
    if children.is_empty() {
        return Ok(());
    }
    Err(Finding::unmet(
        "ChildrenHaveRows",
        format!(
            "spec.table: rows of {} were loaded after a former table {key}, whose index is gone: delete these tables, and ingest them again after this one",
            children.join(", ")
        ),
    ))
}

fn child(
    declared: &Declared<'_>,
    table: &ChunkedTable,
    owners: &Owners,
    directors: &BTreeMap<TableKey, Result<AcceptedTable, ()>>,
) -> Result<Schema, Finding> {
    owners.check(table)?;
    let schema = accept::chunked(&table.spec).map_err(|error| bad_schema(&error))?;
    family(declared, &table.spec)?;
    let Some(name) = table.spec.director.clone() else {
        return Err(Finding::unmet(
            "DirectorMissing",
            "spec.director: a child names the director whose rows it follows",
        ));
    };
    let director_key = TableKey::new(&table.spec.database, &name);
    let director = match directors.get(&director_key) {
        None => Err(Finding::unmet(
            "DirectorMissing",
            format!("spec.director: there is no director table {director_key}"),
        )),
        Some(Err(())) => Err(Finding::unmet(
            "DirectorNotAccepted",
            format!("spec.director: {director_key} is not accepted itself"),
        )),
        Some(Ok(director)) => Ok(director),
    }?;
    check_director(&schema, director, &director_key)?;
    let schema = Schema::Child(schema, name);
    check_unchanged(declared, table, &schema)?;
    Ok(schema)
}

/// A child lies in its director's chunks and is found by its director's key.
fn check_director(
    schema: &AcceptedTable,
    director: &AcceptedTable,
    name: &TableKey,
) -> Result<(), Finding> {
    if director.family != schema.family {
        return Err(Finding::unmet(
            "FamilyDiffers",
            format!(
                "spec.family: the director {name} is in family `{}`",
                director.family
            ),
        ));
    }
    match (key_is_integer(schema), key_is_integer(director)) {
        (Some(own), Some(theirs)) if own != theirs => Err(Finding::unmet(
            "KeyTypeDiffers",
            format!(
                "spec.key: `{}` and the key `{}` of {name} must both be integers or both be strings",
                schema.key, director.key
            ),
        )),
        _ => Ok(()),
    }
}

fn key_is_integer(schema: &AcceptedTable) -> Option<bool> {
    let column = schema
        .columns
        .iter()
        .find(|column| column.name == schema.key)?;
    Some(accept::column_type(column).ok()?.is_integer())
}

fn reference(
    declared: &Declared<'_>,
    table: &ReferenceTable,
    owners: &Owners,
) -> Result<Schema, Finding> {
    owners.check(table)?;
    let schema = accept::reference(&table.spec).map_err(|error| bad_schema(&error))?;
    let schema = Schema::Reference(schema);
    check_unchanged(declared, table, &schema)?;
    Ok(schema)
}

/// Physical tables keep the schema they were made with: only what is no part of them may change
/// once rows are published.
fn check_unchanged(
    declared: &Declared<'_>,
    table: &impl UserTable,
    schema: &Schema,
) -> Result<(), Finding> {
    match published(declared.catalog, table) {
        Some(old) if !has_rows_of(old, schema) => Err(schema_differs(&table.key())),
        _ => Ok(()),
    }
}

fn schema_differs(key: &TableKey) -> Finding {
    Finding::unmet(
        "SchemaDiffers",
        format!(
            "{key} has published rows, so of its schema only spec.scanRating and spec.description may change: make a new table and ingest into it"
        ),
    )
}

/// The catalog's table of this incarnation when it has rows that are published, or that may come
/// back.
fn published<'a>(catalog: &'a Catalog, declared: &impl UserTable) -> Option<&'a TableKind> {
    let table = catalog.tables.get(&declared.key())?;
    (Some(table.incarnation) == declared.incarnation() && has_rows(table)).then_some(&table.kind)
}

fn has_rows(table: &Table) -> bool {
    !(table.segments.is_empty() && table.revoked.is_empty())
}
