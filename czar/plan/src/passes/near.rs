//! Near neighbours: a table whose rows are within a distance of another table's, on the sky.
//!
//! Keeps true: the distance is no greater than the family's overlap, and both positions are those by
//! which the rows were placed, to the last bit. How the rows are then read is in
//! [`crate::query::neighbour`].

use orrery_archive::catalog::{Catalog, FamilyGrid};
use orrery_archive::sql_type::SqlType;

use super::prune::{Separation, director_position, number};
use crate::query::expr::{ColumnId, Expr};
use crate::query::neighbour::{CELL_COLUMN, Neighbour, Position};
use crate::query::scope::{Scope, ScopeTable, TableRole};
use crate::query::select::Select;

/// Finds which of the `homes` a table is a neighbour of.
pub(super) fn find(
    table: usize,
    homes: &[usize],
    select: &Select<'_>,
    catalog: &Catalog,
) -> Option<Neighbour> {
    let scope = &select.scope;
    let entry = scope.tables.get(table)?;
    let overlap = overlap(entry, catalog)?;
    let steps = Neighbour::steps_name(&entry.alias);
    let taken = entry.column(CELL_COLUMN).is_some()
        || scope.tables.iter().any(|other| other.alias == steps);
    if taken || has_hints(table, select) {
        return None;
    }
    select.inner_terms().find_map(|term| {
        let separation = Separation::of(term)?;
        let reach = number(separation.limit).filter(|reach| *reach >= 0.0)?;
        let within = if separation.strict {
            reach <= overlap
        } else {
            reach < overlap
        };
        let (from, to) = (
            position(separation.from, scope)?,
            position(separation.to, scope)?,
        );
        let is_near = |near: Position, home: Position| {
            near.lon.table == table && homes.contains(&home.lon.table)
        };
        let (home, position) = match (from, to) {
            (home, near) | (near, home) if is_near(near, home) => (home, near),
            _ => return None,
        };
        let near = Neighbour {
            table,
            position,
            home,
            reach,
        };
        let same_family = family(near.home_table(), scope) == family(table, scope);
        (within && same_family).then_some(near)
    })
}

/// Has the neighbours read with their overlap.
pub(super) fn meet(select: &mut Select<'_>, neighbours: Vec<Neighbour>) {
    for near in &neighbours {
        if let Some(table) = select.scope.tables.get_mut(near.table) {
            table.role = TableRole::Neighbour;
        }
        select.filter.splice(0..0, near.meeting(&select.scope));
    }
    select.neighbours = neighbours;
}

/// Whether each table that is read with its overlap is found by the cells of home rows.
pub(super) fn all_met(select: &Select<'_>) -> bool {
    let scope = &select.scope;
    let is = |table: usize, role: TableRole| {
        scope
            .tables
            .get(table)
            .is_some_and(|table| table.role == role)
    };
    let is_met = |near: &Neighbour| {
        let term = near.meeting(scope);
        is(near.table, TableRole::Neighbour)
            && is(near.home_table(), TableRole::Chunked)
            && term.is_some_and(|term| select.filter.contains(&term))
    };
    let read = (0..scope.tables.len()).filter(|table| is(*table, TableRole::Neighbour));
    let known = |table| select.neighbours.iter().any(|near| near.table == table);
    select.neighbours.iter().all(is_met) && read.into_iter().all(known)
}

/// The overlap of a table's family, degrees; `None` where its chunks are no places on the sky.
fn overlap(table: &ScopeTable<'_>, catalog: &Catalog) -> Option<f64> {
    match catalog.families.get(&table.chunked()?.family)?.grid {
        FamilyGrid::Sphere { overlap, .. } => Some(overlap),
        FamilyGrid::Hash { .. } => None,
    }
}

fn family<'s>(table: usize, scope: &'s Scope<'_>) -> Option<&'s str> {
    let table = scope.tables.get(table)?.chunked()?;
    Some(&table.family)
}

/// The position by which the rows of its table were placed.
fn position((lon, lat): (&Expr, &Expr), scope: &Scope<'_>) -> Option<Position> {
    let (Expr::Column(lon), Expr::Column(lat)) = (lon, lat) else {
        return None;
    };
    let is_exact = |column: ColumnId| {
        matches!(
            scope.type_of(column),
            Some(SqlType::Double { digits: None, .. })
        )
    };
    let placed_by = director_position(lon.table, scope)?;
    let (lon, lat) = (*lon, *lat);
    (placed_by == (lon, lat) && is_exact(lon) && is_exact(lat)).then_some(Position { lon, lat })
}

/// Hints name keys that the derived table of a neighbour does not have.
fn has_hints(table: usize, select: &Select<'_>) -> bool {
    let mut entries = select.from.iter().flatten();
    entries.any(|entry| entry.table == table && !entry.hints.is_empty())
}
