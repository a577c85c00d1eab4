//! Columns that lose the nature of their type: where several segments, or a stand-in for no rows, are
//! read as one table.

use crate::error::{PlanError, refused};
use crate::query::columns::loses_nature;
use crate::query::expr::Expr;
use crate::query::scope::ScopeTable;
use crate::query::select::Select;

/// Refuses to compute with such columns: they may only be selected as they are. `filter` holds the
/// terms of WHERE.
pub(super) fn check(select: &Select<'_>, filter: &[Expr]) -> Result<(), PlanError> {
    let tables = select.scope.tables.iter().enumerate();
    for (number, table) in tables.filter(|(_, table)| loses_types(table)) {
        let mut from = select.from.iter().flatten();
        if from.any(|entry| entry.table == number && !entry.hints.is_empty()) {
            return Err(refused(
                "index hints on the right of LEFT JOIN, or on a table of several ingests in a derived table",
                "leave them out",
            ));
        }
        if let Some(column) = lost((number, table), select, filter) {
            return Err(refused(
                format!(
                    "computing with '{column}' on the right of LEFT JOIN, in a subquery or in a derived table"
                ),
                "select the column as it is: ENUM, SET, BIT, YEAR, ZEROFILL and FLOAT(m,d) columns lose their type where several segments of a chunk are read as one table",
            ));
        }
    }
    Ok(())
}

/// Whether some columns of a table lose their nature: in an outer join those of its stand-in for no
/// rows do as well, of which a subquery computes nothing.
fn loses_types(table: &ScopeTable<'_>) -> bool {
    table.role.is_optional() || table.role.is_nested() && table.table.segments.len() > 1
}

/// A column of a table that is computed with, or shown with zeros that get lost.
fn lost<'a>(
    (number, table): (usize, &ScopeTable<'a>),
    select: &Select<'_>,
    filter: &[Expr],
) -> Option<&'a str> {
    let items = || select.items.iter().map(|item| &item.expr);
    let mut lost = None;
    let computed = items().filter(|expr| !matches!(expr, Expr::Column(_)));
    for expr in computed.chain(select.beside_items(filter)) {
        expr.for_each_column(&mut |column| {
            let kind = || table.column_type(column.column);
            if column.table == number && kind().is_none_or(|kind| loses_nature(&kind)) {
                lost = Some(column.column);
            }
        });
    }
    let mut plain = items().filter_map(|expr| match expr {
        Expr::Column(column) if column.table == number => Some(column.column),
        _ => None,
    });
    let is_padded = |at: &usize| {
        let kind = table.column_type(*at);
        kind.is_some_and(|kind| kind.is_zerofill())
    };
    if table.table.segments.len() > 1 {
        lost = lost.or_else(|| plain.find(is_padded));
    }
    lost.map(|at| table.column_name(at))
}
