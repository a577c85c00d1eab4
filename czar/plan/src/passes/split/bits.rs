//! BIT columns where one server shows them now as bytes, now as a number, depending on whether it
//! stores them on the way.

use crate::error::{PlanError, refused};
use crate::query::expr::Expr;
use crate::query::infer::type_of;
use crate::query::select::Select;
use crate::query::value::Nature;

/// Refuses MIN and MAX of a BIT column in groups, except as a number: one server gives the bytes
/// where it groups in a temporary table, and the digits of the number, in the same type, where it
/// does not.
pub(super) fn check_groups(select: &Select<'_>) -> Result<(), PlanError> {
    if select.group_by.is_empty() {
        return Ok(());
    }
    let shown = select.items.iter().map(|item| &item.expr);
    shown
        .chain(&select.having)
        .try_for_each(|expr| check(expr, false, select))?;
    // Bytes and numbers have the same order.
    select
        .order_by
        .iter()
        .try_for_each(|key| check(&key.expr, true, select))
}

fn check(expr: &Expr, is_number: bool, select: &Select<'_>) -> Result<(), PlanError> {
    if let Expr::Aggregate(call) = expr {
        let name = call.function.name;
        let of_bits = call
            .arguments
            .iter()
            .any(|argument| is_bits(argument, select));
        return if of_bits && matches!(name, "MIN" | "MAX") && !is_number {
            Err(refused(
                format!("{name} of a BIT column with GROUP BY"),
                format!("write {name}(column + 0)"),
            ))
        } else {
            Ok(())
        };
    }
    let are_numbers = matches!(
        expr,
        Expr::Arithmetic(..)
            | Expr::Negative(_)
            | Expr::Compare(..)
            | Expr::And(_)
            | Expr::Or(_)
            | Expr::Not(_)
    );
    let mut children = expr.children().into_iter();
    children.try_for_each(|child| check(child, are_numbers, select))
}

/// Refuses BIT columns of joined tables in DISTINCT with ORDER BY: one server makes them numbers
/// when it reads one table, as the merge does, and leaves them bytes when it joins.
pub(super) fn check_rows(select: &Select<'_>) -> Result<(), PlanError> {
    let is_joined = select.scope.tables.len() > 1;
    let has_bits = select.items.iter().any(|item| is_bits(&item.expr, select));
    if select.distinct && !select.order_by.is_empty() && is_joined && has_bits {
        return Err(refused(
            "SELECT DISTINCT … ORDER BY over a BIT column of joined tables",
            "write column + 0",
        ));
    }
    Ok(())
}

fn is_bits(expr: &Expr, select: &Select<'_>) -> bool {
    type_of(expr, &select.scope).nature == Nature::Bit
}
