//! Comparisons with columns of derived tables.
//!
//! A server gives a derived table a key and looks equal values up in it, converted to the column's
//! type, where it compares rows of a table in a type that suits both sides. The two differ where the
//! conversion fails or rounds: a number that is no date equals the zero date, 0.1e0 equals the
//! DECIMAL 0.1, and neither is found.
//!
//! Keeps true: what is compared is not looked up, unless both find the same rows.

use std::convert::Infallible;

use orrery_archive::sql_type::SqlType;

use super::expr::{ColumnId, Comparison, Expr};
use super::functions::Returns;
use super::infer::type_of;
use super::scope::{Scope, ScopeTable, TableRole};
use super::value::{Nature, Number};

/// Whether some statement reads the table as a derived one of Orrery's making.
pub(crate) fn is_derived(table: &ScopeTable<'_>) -> bool {
    let is_united = table.role.is_read_whole() && table.table.segments.len() > 1;
    is_united || table.role == TableRole::Neighbour
}

/// A condition with the same value, in which no key of a derived table is looked up by what is not
/// sure to be found.
pub(crate) fn only_compared(condition: &Expr, scope: &Scope<'_>) -> Expr {
    let is_looked_up = |column: ColumnId| scope.table_of(column).is_some_and(is_derived);
    compared(condition, scope, &is_looked_up)
}

fn compared(expr: &Expr, scope: &Scope<'_>, is_looked_up: &dyn Fn(ColumnId) -> bool) -> Expr {
    let mut of_child = |child: &Expr| Ok(compared(child, scope, is_looked_up));
    let Ok(same) = expr.map_children::<Infallible>(&mut of_child);
    let may_differ = |(left, right)| may_differ(left, right, scope, is_looked_up);
    if equated(expr).into_iter().any(may_differ) {
        // The servers look no further into a function.
        Expr::call("COALESCE", vec![same])
    } else {
        same
    }
}

/// Whether a condition compares columns of the user's own derived tables with what looking up might
/// not find: one server may look it up or compare, as its plan has it.
pub(crate) fn is_unsteady(condition: &Expr, scope: &Scope<'_>) -> bool {
    let is_looked_up = |column: ColumnId| {
        let table = scope.table_of(column);
        table.is_some_and(|table| table.is_query)
    };
    condition.any(&|expr| {
        let mut pairs = equated(expr).into_iter();
        pairs.any(|(left, right)| may_differ(left, right, scope, &is_looked_up))
    })
}

/// What an expression compares for equality, in one way or another.
fn equated(expr: &Expr) -> Vec<(&Expr, &Expr)> {
    match expr {
        Expr::Compare(
            Comparison::Equal | Comparison::NullSafeEqual | Comparison::NotEqual,
            left,
            right,
        ) => in_rows(left, right),
        Expr::In { expr, list, .. } => list.iter().flat_map(|one| in_rows(expr, one)).collect(),
        // Both ends may be the same.
        Expr::Between {
            expr, low, high, ..
        } => vec![(expr, low), (expr, high)],
        _ => Vec::new(),
    }
}

fn in_rows<'e>(left: &'e Expr, right: &'e Expr) -> Vec<(&'e Expr, &'e Expr)> {
    match (left, right) {
        (Expr::Form(_, Returns::Row), Expr::Form(_, Returns::Row)) => {
            let pairs = left.children().into_iter().zip(right.children());
            pairs
                .flat_map(|(left, right)| in_rows(left, right))
                .collect()
        }
        _ => vec![(left, right)],
    }
}

/// Whether looking one side up may find other rows than comparing both. `is_looked_up` says of which
/// columns there may be keys.
pub(crate) fn may_differ(
    left: &Expr,
    right: &Expr,
    scope: &Scope<'_>,
    is_looked_up: &dyn Fn(ColumnId) -> bool,
) -> bool {
    let is_lost = |side: &Expr, other: &Expr| match side {
        Expr::Column(column) => is_looked_up(*column) && !is_found(*column, other, scope),
        _ => false,
    };
    is_lost(left, right) || is_lost(right, left)
}

/// Whether looking a value up in a column finds what comparing finds.
fn is_found(column: ColumnId, value: &Expr, scope: &Scope<'_>) -> bool {
    let kind = scope.type_of(column);
    if let Expr::Column(other) = value
        && kind.is_some()
        && scope.type_of(*other) == kind
    {
        return true;
    }
    // Of a constant the server knows whether it is converted without a loss.
    let mut is_constant = !value.is_random();
    value.for_each_column(&mut |_| is_constant = false);
    if is_constant {
        return true;
    }
    let is_exact = |scale: u32| {
        let value = type_of(value, scope);
        let fits = matches!(value.number, Number::Exact(digits) if digits.held <= scale);
        fits && value.nature == Nature::Number
    };
    match kind {
        Some(SqlType::Integer { .. }) => is_exact(0),
        Some(SqlType::Decimal { scale, .. }) => is_exact(scale),
        // All numbers and texts are compared with it as DOUBLEs.
        Some(SqlType::Double { digits: None, .. }) => true,
        Some(kind) => kind.is_text(),
        None => false,
    }
}
