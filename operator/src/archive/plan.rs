//! From all that is declared in an archive to verdicts and to what the catalog must learn. Pure.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;
use orrery_archive::catalog::{Catalog, TableKey};

use super::observe::Observed;
use crate::catalog::declared::{FamilyDeclaration, TableDeclaration};
use crate::families::{self, INDEX_SUFFIX};
use crate::tables::{self, Declared, UserTable, Verdict, Verdicts};

/// Incarnation of each accepted or formerly accepted table object, by UID.
pub type Incarnations = BTreeMap<String, u64>;

/// What should be.
pub struct Plan {
    /// Verdicts on the families, in their order.
    pub families: Vec<families::Verdict>,
    /// Verdicts on the tables, in their order.
    pub tables: Verdicts,
    /// Tables of the catalog that are no longer declared.
    pub retired_tables: Vec<TableKey>,
    /// Families of the catalog that are no longer declared and have no tables.
    pub retired_families: Vec<String>,
}

/// Judges everything that is declared.
pub fn plan(observed: &Observed) -> Plan {
    let judged: Vec<families::Verdict> = observed
        .families
        .iter()
        .map(|family| families::judge(family, &observed.pools, &observed.catalog))
        .collect();
    let accepted: BTreeMap<String, FamilyDeclaration> = judged
        .iter()
        .filter_map(|verdict| verdict.declaration.clone())
        .map(|declaration| (declaration.name.clone(), declaration))
        .collect();
    let tables = tables::judge(&Declared {
        chunked: &observed.chunked,
        references: &observed.references,
        families: &accepted,
        catalog: &observed.catalog,
    });
    Plan {
        families: judged,
        tables,
        retired_tables: retired_tables(observed),
        retired_families: retired_families(observed),
    }
}

/// The accepted tables that have an incarnation, for the catalog.
pub fn declarations<'a, T: UserTable>(
    tables: &'a [T],
    verdicts: &'a [Verdict],
    incarnations: &'a Incarnations,
) -> impl Iterator<Item = TableDeclaration> + 'a {
    tables.iter().zip(verdicts).filter_map(|(table, verdict)| {
        Some(TableDeclaration {
            key: table.key(),
            object: table.name_any(),
            incarnation: *incarnations.get(table.meta().uid.as_ref()?)?,
            schema: verdict.schema.clone()?,
            on_deletion: table.on_deletion(),
        })
    })
}

/// Tables that no object names. An object that cannot be read may name any of them, so then none is
/// retired.
fn retired_tables(observed: &Observed) -> Vec<TableKey> {
    if observed.malformed {
        return Vec::new();
    }
    let declared: BTreeSet<TableKey> = observed
        .chunked
        .iter()
        .map(UserTable::key)
        .chain(observed.references.iter().map(UserTable::key))
        .collect();
    // A child before its director.
    let mut retired: Vec<TableKey> = observed
        .catalog
        .tables
        .keys()
        .filter(|key| !declared.contains(key))
        .cloned()
        .collect();
    retired.sort_by_key(|key| is_director(&observed.catalog, key));
    retired
}

fn is_director(catalog: &Catalog, key: &TableKey) -> bool {
    catalog
        .tables
        .get(key)
        .is_some_and(|table| table.kind.is_director())
}

fn retired_families(observed: &Observed) -> Vec<String> {
    if observed.malformed {
        return Vec::new();
    }
    let declared: BTreeSet<String> = observed
        .families
        .iter()
        .map(ResourceExt::name_any)
        .collect();
    observed
        .catalog
        .families
        .keys()
        .filter(|name| !name.ends_with(INDEX_SUFFIX) && !declared.contains(*name))
        .filter(|name| !families::has_tables(&observed.catalog, name))
        .cloned()
        .collect()
}
