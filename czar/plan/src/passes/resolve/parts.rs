//! The parts of a SELECT: what surrounds it, its list, and the terms of its WHERE.

use sqlparser::ast::{
    BinaryOperator, Distinct, Expr as Parsed, Query, Select as ParsedSelect, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr,
};

use super::convert::{Converter, Notes, Place};
use super::names::table_parts;
use crate::error::{PlanError, refused};
use crate::query::expr::{ColumnId, Expr};
use crate::query::scope::{Scope, ScopeTable};
use crate::query::select::Item;

const INNER: &str = "write one SELECT, or run the parts one after the other";

/// The query's one SELECT, when nothing else surrounds it.
pub(crate) fn plain_select(query: &Query) -> Result<&ParsedSelect, PlanError> {
    if query.with.is_some() {
        return Err(refused("WITH inside of a query over chunked tables", INNER));
    }
    outer_select(query)
}

/// The query's one SELECT, when nothing but WITH surrounds it.
pub(crate) fn outer_select(query: &Query) -> Result<&ParsedSelect, PlanError> {
    if !query.locks.is_empty() {
        return Err(refused(
            "FOR UPDATE and LOCK IN SHARE MODE",
            "leave it out: rows never change under a reader",
        ));
    }
    if query.fetch.is_some() {
        return Err(refused("FETCH FIRST", "write LIMIT"));
    }
    if query.for_clause.is_some() || query.settings.is_some() || !query.pipe_operators.is_empty() {
        return Err(refused("this clause", "MariaDB has no such clause"));
    }
    let select = match &*query.body {
        SetExpr::Select(select) => select,
        SetExpr::Query(inner) if query.order_by.is_none() && query.limit_clause.is_none() => {
            return plain_select(inner);
        }
        SetExpr::SetOperation { op, .. } => {
            return Err(refused(
                format!("{op} over chunked tables"),
                "run the parts one after the other",
            ));
        }
        _ => return Err(refused("this form of query", INNER)),
    };
    if select.into.is_some() {
        return Err(refused(
            "SELECT … INTO",
            "write the result where the client runs",
        ));
    }
    if select.named_window.is_empty()
        && select.qualify.is_none()
        && select.prewhere.is_none()
        && select.top.is_none()
    {
        Ok(select)
    } else {
        Err(refused(
            "windows",
            "use GROUP BY, or compute it in the client",
        ))
    }
}

/// Whether equal rows count once.
pub(super) fn distinct(select: &ParsedSelect) -> Result<bool, PlanError> {
    if select
        .select_modifiers
        .as_ref()
        .is_some_and(|modifiers| modifiers.sql_calc_found_rows)
    {
        return Err(refused(
            "SQL_CALC_FOUND_ROWS",
            "run SELECT COUNT(*) with the same WHERE",
        ));
    }
    match &select.distinct {
        None | Some(Distinct::All) => Ok(false),
        Some(Distinct::Distinct) => Ok(true),
        Some(Distinct::On(_)) => Err(refused("DISTINCT ON", "MariaDB has no such clause")),
    }
}

/// The select list.
pub(super) fn items(
    select: &ParsedSelect,
    scope: &Scope<'_>,
    notes: &mut Notes,
) -> Result<Vec<Item>, PlanError> {
    let mut items = Vec::new();
    for item in &select.projection {
        let mut converter = Converter::new(scope, Place::Items, notes);
        match item {
            SelectItem::UnnamedExpr(parsed) => {
                let name = match parsed {
                    Parsed::Identifier(name) => Some(name.value.clone()),
                    Parsed::CompoundIdentifier(names) => {
                        names.last().map(|name| name.value.clone())
                    }
                    _ => None,
                };
                items.push(Item {
                    expr: converter.convert(parsed)?,
                    name,
                });
            }
            SelectItem::ExprWithAlias { expr, alias } => items.push(Item {
                expr: converter.convert(expr)?,
                name: Some(alias.value.clone()),
            }),
            SelectItem::Wildcard(_) => {
                let columns = scope
                    .star()
                    .filter(|_| scope.merged.is_empty() || select.from.len() == 1);
                let columns = columns.ok_or_else(|| {
                    refused("* with this USING", "list the columns, or write t.*")
                })?;
                items.extend(columns.into_iter().map(|column| column_item(scope, column)));
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                let table = qualifier(name, scope)?;
                let shown = scope.tables.get(table).map_or(0, ScopeTable::visible);
                let columns = (0..shown).map(|column| ColumnId { table, column });
                items.extend(columns.map(|column| column_item(scope, column)));
            }
            _ => return Err(refused("this select list", "list plain expressions")),
        }
    }
    Ok(items)
}

fn column_item(scope: &Scope<'_>, column: ColumnId) -> Item {
    let name = scope
        .table_of(column)
        .map(|table| table.column_name(column.column).to_owned());
    Item {
        expr: Expr::Column(column),
        name,
    }
}

/// The table that `t.*` or `db.t.*` names.
fn qualifier(name: &sqlparser::ast::ObjectName, scope: &Scope<'_>) -> Result<usize, PlanError> {
    let (database, alias) = table_parts(name)?;
    Ok(scope.table(database, alias)?)
}

/// The terms of a condition that are joined by AND.
pub(super) fn conjuncts(parsed: &Parsed) -> Vec<&Parsed> {
    let (mut terms, mut rest) = (Vec::new(), vec![parsed]);
    while let Some(parsed) = rest.pop() {
        match parsed {
            Parsed::BinaryOp {
                left,
                op: BinaryOperator::And,
                right,
            } => rest.extend([&**right, &**left]),
            Parsed::Nested(inner) => rest.push(inner),
            term => terms.push(term),
        }
    }
    terms
}
