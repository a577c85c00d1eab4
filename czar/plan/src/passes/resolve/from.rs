//! The FROM clause: tables, joins, and what USING means.

use orrery_archive::catalog::{Catalog, Table, TableKey};
use sqlparser::ast::{
    Expr as Parsed, Join, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, TableFactor,
    TableWithJoins,
};

use super::convert::{Converter, Notes, Place};
use super::names::table_parts;
use crate::error::{PlanError, ResolveError, refused};
use crate::query::expr::{ColumnId, Comparison, Expr};
use crate::query::scope::{Merged, Scope, ScopeTable, TableRole, same_name};
use crate::query::select::{Derived, FromTable, JoinKind};

/// Resolves FROM into `scope` and the shape of its joins. `derived` are those of its tables that are
/// queries.
pub(super) fn resolve_from<'a>(
    from: &[TableWithJoins],
    derived: &'a [Derived<'a>],
    catalog: &'a Catalog,
    scope: &mut Scope<'a>,
    notes: &mut Notes,
) -> Result<Vec<Vec<FromTable>>, PlanError> {
    let mut groups = Vec::new();
    for group in from {
        let first = add_table(&group.relation, false, derived, catalog, scope)?;
        let group_start = first.0;
        let mut tables = vec![FromTable {
            table: first.0,
            join: JoinKind::First,
            on: Vec::new(),
            hints: first.1,
        }];
        for join in &group.joins {
            tables.push(resolve_join(
                join,
                group_start,
                derived,
                catalog,
                scope,
                notes,
            )?);
        }
        groups.push(tables);
    }
    Ok(groups)
}

fn resolve_join<'a>(
    join: &Join,
    group_start: usize,
    derived: &'a [Derived<'a>],
    catalog: &'a Catalog,
    scope: &mut Scope<'a>,
    notes: &mut Notes,
) -> Result<FromTable, PlanError> {
    let (kind, constraint) = match &join.join_operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::CrossJoin(constraint) => (JoinKind::Inner, constraint),
        JoinOperator::StraightJoin(constraint) => (JoinKind::Straight, constraint),
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
            (JoinKind::Left, constraint)
        }
        JoinOperator::Right(_) | JoinOperator::RightOuter(_) => {
            return Err(refused(
                "RIGHT JOIN over chunked tables",
                "exchange the tables and write LEFT JOIN",
            ));
        }
        _ => {
            return Err(refused(
                "this kind of join",
                "write INNER JOIN … ON or LEFT JOIN … ON",
            ));
        }
    };
    let is_optional = kind == JoinKind::Left;
    let (table, hints) = add_table(&join.relation, is_optional, derived, catalog, scope)?;
    let on = match constraint {
        JoinConstraint::None => Vec::new(),
        JoinConstraint::On(parsed) => on_terms(parsed, scope, notes)?,
        JoinConstraint::Using(names) => using_terms(names, group_start, table, scope)?,
        JoinConstraint::Natural => {
            return Err(refused(
                "NATURAL JOIN over chunked tables",
                "write USING (column, …)",
            ));
        }
    };
    Ok(FromTable {
        table,
        join: kind,
        on,
        hints,
    })
}

fn on_terms(parsed: &Parsed, scope: &Scope<'_>, notes: &mut Notes) -> Result<Vec<Expr>, PlanError> {
    let whole = Converter::new(scope, Place::Filter, notes).convert(parsed)?;
    Ok(whole.into_conjuncts())
}

/// `USING (a, b)`: equality with the one column of this name on the left, which then stands for
/// both.
fn using_terms(
    names: &[ObjectName],
    group_start: usize,
    right: usize,
    scope: &mut Scope<'_>,
) -> Result<Vec<Expr>, PlanError> {
    let mut terms = Vec::new();
    for name in names {
        let [ObjectNamePart::Identifier(name)] = name.0.as_slice() else {
            return Err(refused(format!("USING ({name})"), "name columns alone"));
        };
        let name = name.value.clone();
        let unknown = || ResolveError::NoColumn {
            column: name.clone(),
            clause: "from clause",
        };
        let right_column = scope.column_of(right, &name).ok_or_else(unknown)?;
        let known = scope
            .merged
            .iter()
            .position(|merged| same_name(&merged.name, &name));
        let left_column = match known.and_then(|at| scope.merged.get(at)) {
            Some(merged) if merged.column.table >= group_start => merged.column,
            Some(_) => {
                return Err(refused(
                    "USING of one column in several FROM groups",
                    "write ON with qualified columns",
                ));
            }
            None => only_column(&name, group_start, right, scope)?,
        };
        match known.and_then(|at| scope.merged.get_mut(at)) {
            Some(merged) => merged.hidden.push(right),
            None => scope.merged.push(Merged {
                name: name.clone(),
                column: left_column,
                hidden: vec![left_column.table, right],
            }),
        }
        let (left, right) = (Expr::Column(left_column), Expr::Column(right_column));
        terms.push(Expr::Compare(
            Comparison::Equal,
            Box::new(left),
            Box::new(right),
        ));
    }
    Ok(terms)
}

fn only_column(
    name: &str,
    from: usize,
    to: usize,
    scope: &Scope<'_>,
) -> Result<ColumnId, PlanError> {
    let mut found = (from..to).filter_map(|table| scope.column_of(table, name));
    match (found.next(), found.next()) {
        (Some(column), None) => Ok(column),
        (Some(_), Some(_)) => Err(ResolveError::Ambiguous {
            column: name.to_owned(),
        }
        .into()),
        (None, _) => Err(ResolveError::NoColumn {
            column: name.to_owned(),
            clause: "from clause",
        }
        .into()),
    }
}

/// Adds a table factor to the scope; gives its place and index hints.
fn add_table<'a>(
    factor: &TableFactor,
    optional: bool,
    derived: &'a [Derived<'a>],
    catalog: &'a Catalog,
    scope: &mut Scope<'a>,
) -> Result<(usize, String), PlanError> {
    let place = scope.tables.len();
    if let Some(Derived { key, table, .. }) = derived.iter().find(|query| query.place == place) {
        let alias = key.table.clone();
        let number = scope.add(entry((key, table), alias, optional, true))?;
        return Ok((number, String::new()));
    }
    let TableFactor::Table {
        name,
        alias,
        args: None,
        version: None,
        partitions,
        index_hints,
        ..
    } = factor
    else {
        return Err(match factor {
            TableFactor::Derived { .. } => {
                refused("derived tables over chunked tables", "write one SELECT")
            }
            TableFactor::NestedJoin { .. } => refused(
                "parentheses in FROM, or a JOIN without its own ON",
                "give every JOIN its ON and leave out the parentheses",
            ),
            _ => refused("this form of table", "name a table"),
        });
    };
    if !partitions.is_empty() {
        return Err(refused(
            "PARTITION (…)",
            "leave it out: Orrery chooses the chunks",
        ));
    }
    let (database, table_name) = table_parts(name)?;
    let (key, table) = Scope::find_table(catalog, database.or(scope.database()), table_name)?;
    let alias = alias
        .as_ref()
        .map_or_else(|| table_name.to_owned(), |alias| alias.name.value.clone());
    let number = scope.add(entry((key, table), alias, optional, false))?;
    let hints = index_hints
        .iter()
        .fold(String::new(), |hints, hint| hints + " " + &hint.to_string());
    Ok((number, hints))
}

fn entry<'a>(
    (key, table): (&'a TableKey, &'a Table),
    alias: String,
    optional: bool,
    is_query: bool,
) -> ScopeTable<'a> {
    let role = match (table.kind.is_chunked(), optional) {
        (false, false) => TableRole::Reference,
        (false, true) => TableRole::ReferenceOptional,
        (true, false) => TableRole::Chunked,
        (true, true) => TableRole::ChunkedOptional,
    };
    ScopeTable {
        key,
        alias,
        table,
        role,
        is_query,
    }
}
