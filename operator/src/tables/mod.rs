//! `ChunkedTable` and `ReferenceTable`: judged together, because names, directors and families cross objects; and their statuses. Pure.

mod status;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use orrery_archive::catalog::{AcceptedTable, Catalog, FamilyGrid, Table, TableKey, TableKind};
use orrery_crds::accept;
use orrery_crds::kinds::{ChunkedTable, ChunkedTableSpec, ReferenceTable, TableRole};

use crate::catalog::edit;
use crate::conditions::Finding;
use crate::writer::{FamilyDeclaration, Schema};

pub use status::{chunked_status, reference_status};

/// Databases that belong to MariaDB.
const SYSTEM_DATABASES: [&str; 4] = ["information_schema", "mysql", "performance_schema", "sys"];
/// Beginning of the names of our own databases on workers.
const OWN_PREFIX: &str = "orrery_";

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
    let owners = owners(declared);
    let directors: BTreeMap<TableKey, Result<AcceptedTable, ()>> = declared
        .chunked
        .iter()
        .filter(|table| {
            table.spec.role == TableRole::Director
                && claim_lost(&owners, &table.metadata, &key(table)).is_none()
        })
        .map(|table| (key(table), director(declared, table, &owners).map_err(drop)))
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
            finding: Finding::yes("Accepted", ""),
            schema: Some(schema),
        },
        Err(finding) => Verdict {
            finding,
            schema: None,
        },
    }
}

/// Database and name of a chunked table.
pub fn key(table: &ChunkedTable) -> TableKey {
    TableKey::new(&table.spec.database, &table.spec.table)
}

/// Database and name of a reference table.
pub fn reference_key(table: &ReferenceTable) -> TableKey {
    TableKey::new(&table.spec.database, &table.spec.table)
}

/// An object that claims a table name; the least one has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    /// Not accepted yet. The API server tells ages in whole seconds: a table that is there must not lose its name to one made in the same.
    is_newcomer: bool,
    created: Option<k8s_openapi::jiff::Timestamp>,
    uid: String,
    object: String,
}

impl Claim {
    fn new(kind: &str, metadata: &ObjectMeta, incarnation: Option<u64>) -> Self {
        Self {
            is_newcomer: incarnation.is_none(),
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
            uid: metadata.uid.clone().unwrap_or_default(),
            object: format!("{kind} {}", metadata.name.clone().unwrap_or_default()),
        }
    }
}

/// Who has each table name: the table that was accepted, else of several claims the oldest, whether its columns are right or not.
fn owners(declared: &Declared<'_>) -> BTreeMap<TableKey, Claim> {
    let chunked = declared.chunked.iter().map(|table| {
        let incarnation = table.status.as_ref().and_then(|status| status.incarnation);
        let claim = Claim::new("ChunkedTable", &table.metadata, incarnation);
        (key(table), claim)
    });
    let references = declared.references.iter().map(|table| {
        let incarnation = table.status.as_ref().and_then(|status| status.incarnation);
        let claim = Claim::new("ReferenceTable", &table.metadata, incarnation);
        (reference_key(table), claim)
    });
    let mut owners: BTreeMap<TableKey, Claim> = BTreeMap::new();
    for (key, claim) in chunked.chain(references) {
        owners
            .entry(key)
            .and_modify(|owner| {
                if claim < *owner {
                    *owner = claim.clone();
                }
            })
            .or_insert(claim);
    }
    owners
}

/// The claim that an object's claim lost to.
fn claim_lost<'a>(
    owners: &'a BTreeMap<TableKey, Claim>,
    metadata: &ObjectMeta,
    key: &TableKey,
) -> Option<&'a Claim> {
    let owner = owners.get(key)?;
    (Some(&owner.uid) != metadata.uid.as_ref()).then_some(owner)
}

fn check_name(
    owners: &BTreeMap<TableKey, Claim>,
    metadata: &ObjectMeta,
    key: &TableKey,
) -> Result<(), Finding> {
    let database = key.database.to_ascii_lowercase();
    if SYSTEM_DATABASES.contains(&database.as_str()) || database.starts_with(OWN_PREFIX) {
        return Err(Finding::no(
            "DatabaseReserved",
            format!("spec.database: `{}` is not for tables of users", key.database),
        ));
    }
    match claim_lost(owners, metadata, key) {
        None => Ok(()),
        Some(owner) => Err(Finding::no(
            "NameTaken",
            format!("spec.table: {key} belongs to {}, which is older", owner.object),
        )),
    }
}

fn bad_schema(error: &accept::TableError) -> Finding {
    Finding::no("BadSchema", error.to_string())
}

fn family<'a>(declared: &'a Declared<'_>, spec: &ChunkedTableSpec) -> Result<&'a FamilyDeclaration, Finding> {
    declared.families.get(&spec.family).ok_or_else(|| {
        Finding::no(
            "FamilyNotAccepted",
            format!("spec.family: there is no accepted ChunkFamily `{}`", spec.family),
        )
    })
}

fn director(
    declared: &Declared<'_>,
    table: &ChunkedTable,
    owners: &BTreeMap<TableKey, Claim>,
) -> Result<AcceptedTable, Finding> {
    check_name(owners, &table.metadata, &key(table))?;
    let schema = accept::chunked(&table.spec).map_err(|error| bad_schema(&error))?;
    let family = family(declared, &table.spec)?;
    if matches!(family.grid, FamilyGrid::Sphere { .. }) && schema.position.is_none() {
        return Err(Finding::no(
            "PositionMissing",
            "spec.position: the director of a sphere needs its longitude and latitude columns",
        ));
    }
    check_unchanged(declared, table, &schema)?;
    check_children(declared, table)?;
    Ok(schema)
}

/// Design §5: index ⊇ data. Rows of children are found by the index of the director they were loaded after; a director of the same name that
/// is made anew has another index, without their keys.
fn check_children(declared: &Declared<'_>, table: &ChunkedTable) -> Result<(), Finding> {
    let key = key(table);
    let incarnation = table.status.as_ref().and_then(|status| status.incarnation);
    let known = declared.catalog.tables.get(&key);
    if known.is_some_and(|known| Some(known.incarnation) == incarnation) {
        return Ok(());
    }
    let stays = |child: &TableKey, incarnation: u64| {
        declared.chunked.iter().any(|object| {
            let own = object.status.as_ref().and_then(|status| status.incarnation);
            self::key(object) == *child && own == Some(incarnation)
        })
    };
    let children: Vec<String> = edit::children(declared.catalog, &key)
        .filter(|(child, table)| has_rows(table) && stays(child, table.incarnation))
        .map(|(child, _)| child.to_string())
        .collect();
    if children.is_empty() {
        return Ok(());
    }
    Err(Finding::no(
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
    owners: &BTreeMap<TableKey, Claim>,
    directors: &BTreeMap<TableKey, Result<AcceptedTable, ()>>,
) -> Result<Schema, Finding> {
    check_name(owners, &table.metadata, &key(table))?;
    let schema = accept::chunked(&table.spec).map_err(|error| bad_schema(&error))?;
    family(declared, &table.spec)?;
    let name = table.spec.director.clone().unwrap_or_default();
    let director_key = TableKey::new(&table.spec.database, &name);
    let director = match directors.get(&director_key) {
        None => Err(Finding::no(
            "DirectorMissing",
            format!("spec.director: there is no director table {director_key}"),
        )),
        Some(Err(())) => Err(Finding::no(
            "DirectorNotAccepted",
            format!("spec.director: {director_key} is not accepted itself"),
        )),
        Some(Ok(director)) => Ok(director),
    }?;
    check_director(&schema, director, &director_key)?;
    check_unchanged(declared, table, &schema)?;
    Ok(Schema::Child(schema, name))
}

/// A child lies in its director's chunks and is found by its director's key.
fn check_director(schema: &AcceptedTable, director: &AcceptedTable, name: &TableKey) -> Result<(), Finding> {
    if director.family != schema.family {
        return Err(Finding::no(
            "FamilyDiffers",
            format!(
                "spec.family: the director {name} is in family `{}`",
                director.family
            ),
        ));
    }
    match (key_is_integer(schema), key_is_integer(director)) {
        (Some(own), Some(theirs)) if own != theirs => Err(Finding::no(
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
    let column = schema.columns.iter().find(|column| column.name == schema.key)?;
    Some(accept::column_type(column).ok()?.is_integer())
}

fn reference(
    declared: &Declared<'_>,
    table: &ReferenceTable,
    owners: &BTreeMap<TableKey, Claim>,
) -> Result<Schema, Finding> {
    let key = reference_key(table);
    check_name(owners, &table.metadata, &key)?;
    let schema = accept::reference(&table.spec).map_err(|error| bad_schema(&error))?;
    let incarnation = table.status.as_ref().and_then(|status| status.incarnation);
    if let Some(TableKind::Reference(old)) = published(declared.catalog, &key, incarnation)
        && *old != schema
    {
        return Err(schema_differs(&key));
    }
    Ok(Schema::Reference(schema))
}

/// Physical tables keep the schema they were made with: only what is no part of them may change once rows are published.
fn check_unchanged(
    declared: &Declared<'_>,
    table: &ChunkedTable,
    schema: &AcceptedTable,
) -> Result<(), Finding> {
    let incarnation = table.status.as_ref().and_then(|status| status.incarnation);
    let key = key(table);
    let Some(TableKind::Director(old, _) | TableKind::Child(old, _)) =
        published(declared.catalog, &key, incarnation)
    else {
        return Ok(());
    };
    let comparable = AcceptedTable {
        scan_rating: schema.scan_rating,
        ..old.clone()
    };
    if comparable == *schema {
        Ok(())
    } else {
        Err(schema_differs(&key))
    }
}

fn schema_differs(key: &TableKey) -> Finding {
    Finding::no(
        "SchemaDiffers",
        format!(
            "{key} has published rows, so of its schema only spec.scanRating and spec.description may change: make a new table and ingest into it"
        ),
    )
}

/// The catalog's table of this incarnation when it has rows that are published, or that may come back.
fn published<'a>(catalog: &'a Catalog, key: &TableKey, incarnation: Option<u64>) -> Option<&'a TableKind> {
    let table = catalog.tables.get(key)?;
    (Some(table.incarnation) == incarnation && has_rows(table)).then_some(&table.kind)
}

fn has_rows(table: &Table) -> bool {
    !(table.segments.is_empty() && table.revoked.is_empty())
}
