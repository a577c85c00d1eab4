//! Sums of quotients in groups: one server rounds them with each row where it adds in a temporary
//! table, and does not where it sorts, or reads one row by its key.

use crate::aggregate::{is_list, is_over_distinct};
use crate::error::{PlanError, refused};
use crate::query::expr::Expr;
use crate::query::infer::type_of;
use crate::query::select::Select;
use crate::query::value::{Nature, Number, Shown};

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

/// Refuses lists of values whose text depends on whether they are stored on the way.
pub(super) fn check_lists(select: &Select<'_>) -> Result<(), PlanError> {
    let lists_unsteady = |expr: &Expr| match expr {
        Expr::Aggregate(call) => is_list(call) && folds_unsteady(expr, select),
        _ => false,
    };
    if computed(select).any(|expr| expr.any(&lists_unsteady)) {
        return Err(refused(
            "a list of quotients, BIT columns or DOUBLEs with fixed decimals",
            "write CAST(expression AS DOUBLE), or column + 0",
        ));
    }
    Ok(())
}

/// Whether it is an aggregate of values that lose digits, or change their text, where they are stored
/// on the way to it.
pub(super) fn folds_unsteady(expr: &Expr, select: &Select<'_>) -> bool {
    let is_unsteady = |operand: &&Expr| {
        let kind = type_of(operand, &select.scope);
        match (kind.nature, kind.number) {
            (Nature::Number, Number::Exact(digits)) => digits.are_hidden(),
            (Nature::Number, number) => number != Number::Double(Shown::All),
            (nature, _) => matches!(nature, Nature::Bit | Nature::Unsure),
        }
    };
    matches!(expr, Expr::Aggregate(_)) && expr.children().iter().any(is_unsteady)
}

/// What is computed of groups.
fn computed<'s>(select: &'s Select<'_>) -> impl Iterator<Item = &'s Expr> {
    let items = select.items.iter().map(|item| &item.expr);
    let order = select.order_by.iter().map(|key| &key.expr);
    items.chain(&select.having).chain(order)
}
