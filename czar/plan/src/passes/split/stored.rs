//! Columns of which one server makes now one thing, now another, depending on whether it stores
//! them on the way: BIT is shown as bytes or as a number, the number of an ENUM or SET is its place
//! in the list or that of its text.

use orrery_archive::sql_type::SqlType;

use crate::error::{PlanError, refused};
use crate::query::expr::{Aggregate, Expr};
use crate::query::infer::type_of;
use crate::query::select::Select;
use crate::query::value::Nature;

/// How the value of an expression is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// It is sent to the client as it is.
    Shown,
    /// Rows are ordered by it.
    Order,
    /// It is an operand where a number is wanted.
    Number,
    /// It is another operand.
    Operand,
}

/// Refuses MIN and MAX where a temporary table of one server, or that of the merge, makes a
/// difference. In groups a BIT is its bytes without one, and in one the digits of its number, in the
/// same type; the greatest text of an ENUM or SET is a text without one, and in one has the number of
/// its place. Groups or not, the number of a computed text may be rounded without one: that of
/// `MAX(DATE_FORMAT(t, '%d.%H'))` has no fraction.
pub(super) fn check_extremes(select: &Select<'_>) -> Result<(), PlanError> {
    let check = |expr: &Expr, used| check(expr, used, select);
    let mut items = select.items.iter();
    items.try_for_each(|item| check(&item.expr, Use::Shown))?;
    let mut having = select.having.iter();
    having.try_for_each(|having| check(having, Use::Operand))?;
    let mut order = select.order_by.iter();
    order.try_for_each(|key| check(&key.expr, Use::Order))
}

fn check(expr: &Expr, used: Use, select: &Select<'_>) -> Result<(), PlanError> {
    if let Expr::Aggregate(call) = expr {
        return check_call(call, used, select);
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
    let below = if are_numbers {
        Use::Number
    } else {
        Use::Operand
    };
    let mut children = expr.children().into_iter();
    children.try_for_each(|child| check(child, below, select))
}

fn check_call(call: &Aggregate, used: Use, select: &Select<'_>) -> Result<(), PlanError> {
    let name = call.function.name;
    if !matches!(name, "MIN" | "MAX") {
        return Ok(());
    }
    let of = |is: fn(&Expr, &Select<'_>) -> bool| {
        call.arguments.iter().any(|argument| is(argument, select))
    };
    let in_groups = !select.group_by.is_empty();
    match used {
        Use::Number | Use::Operand if of(is_computed_text) => Err(refused(
            format!("computing with {name} of a text that is computed"),
            format!("write {name}(CAST(text AS DOUBLE)), or select {name} by itself"),
        )),
        _ if !in_groups => Ok(()),
        // Bytes and numbers have the same order.
        Use::Shown | Use::Operand if of(is_bits) => Err(refused(
            format!("{name} of a BIT column with GROUP BY"),
            format!("write {name}(column + 0)"),
        )),
        Use::Number | Use::Operand if of(is_listed) => Err(refused(
            format!("computing with {name} of an ENUM or SET column with GROUP BY"),
            format!("write {name}(CONCAT(column)) for its text, {name}(column + 0) for its place"),
        )),
        _ => Ok(()),
    }
}

/// Whether it is a text, and no column.
fn is_computed_text(expr: &Expr, select: &Select<'_>) -> bool {
    let kind = type_of(expr, &select.scope);
    kind.nature == Nature::Text && !matches!(expr, Expr::Column(_))
}

/// Whether it is an ENUM or SET column, whose type a temporary table keeps.
fn is_listed(expr: &Expr, select: &Select<'_>) -> bool {
    let Expr::Column(column) = expr else {
        return false;
    };
    matches!(
        select.scope.type_of(*column),
        None | Some(SqlType::Enum(_) | SqlType::Set(_))
    )
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
