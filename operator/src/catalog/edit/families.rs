//! Families come, change and go.

use orrery_archive::catalog::{Catalog, Family, FamilyGrid, TableKey};

use super::error::EditError;
use crate::catalog::declared::FamilyDeclaration;

/// Family of a director's index.
pub fn index_family(family: &str) -> String {
    format!("{family}-index")
}

/// Makes the family equal to its declaration; `None` when it is.
pub fn accept_family(
    catalog: &Catalog,
    declared: &FamilyDeclaration,
) -> Result<Option<Catalog>, EditError> {
    let index_chunks = match declared.grid {
        FamilyGrid::Sphere { index_chunks, .. } => index_chunks,
        FamilyGrid::Hash { chunks } => chunks,
    };
    let index = FamilyDeclaration {
        name: index_family(&declared.name),
        grid: FamilyGrid::Hash {
            chunks: index_chunks,
        },
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
    let family = Family::new(
        next.counters.incarnation,
        &declared.pool,
        declared.replicas,
        declared.grid.clone(),
    );
    next.families.insert(declared.name.clone(), family);
    Ok(true)
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
    let mut kept = catalog.kept();
    let table = kept.find(|(_, table)| table.kind.uses_family(family));
    table.map(|(key, _)| key.clone())
}
