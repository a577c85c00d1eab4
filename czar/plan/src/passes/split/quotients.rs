//! Sums of quotients in groups: one server rounds them with each row where it adds in a temporary
//! table, and does not where it sorts, or reads one row by its key.

use crate::aggregate::is_over_distinct;
use crate::error::{PlanError, refused};
use crate::query::expr::Expr;
use crate::query::infer::type_of;
use crate::query::select::Select;
use crate::query::value::Number;

/// Refuses SUM and AVG of quotients in groups where a chunk's server may choose another way than
/// one server does: over joined tables and queries, where a chunk's statement names fewer keys, and
/// together with an aggregate over distinct values, which makes one server sort and a chunk's server
/// group.
pub(super) fn check_groups(select: &Select<'_>) -> Result<(), PlanError> {
    let over_distinct =
        |expr: &Expr| matches!(expr, Expr::Aggregate(call) if is_over_distinct(call));
    let has_own_keys = select
        .inner_terms()
        .any(|term| matches!(term, Expr::OwnKey(_)));
    let is_unsteady = select.scope.tables.len() > 1
        || !select.derived.is_empty()
        || has_own_keys
        || computed(select).any(|expr| expr.any(&over_distinct));
    if select.group_by.is_empty() || !is_unsteady {
        return Ok(());
    }
    check_steady(select)
}

/// Refuses SUM and AVG of quotients, in whatever way groups are made.
pub(super) fn check_steady(select: &Select<'_>) -> Result<(), PlanError> {
    let is_quotient = |expr: &Expr| matches!(type_of(expr, &select.scope).number, Number::Exact(digits) if digits.are_hidden());
    let sums_quotients = |expr: &Expr| match expr {
        Expr::Aggregate(call) => {
            matches!(call.function.name, "SUM" | "AVG")
                && !call.distinct
                && call.arguments.iter().any(is_quotient)
        }
        _ => false,
    };
    if computed(select).any(|expr| expr.any(&sums_quotients)) {
        return Err(refused(
            "SUM or AVG of quotients in groups of joined or derived tables, of listed keys or together with DISTINCT",
            "write CAST(quotient AS DOUBLE) or CAST(quotient AS DECIMAL(30,10))",
        ));
    }
    Ok(())
}

/// What is computed of groups.
fn computed<'s>(select: &'s Select<'_>) -> impl Iterator<Item = &'s Expr> {
    let items = select.items.iter().map(|item| &item.expr);
    let order = select.order_by.iter().map(|key| &key.expr);
    items.chain(&select.having).chain(order)
}
