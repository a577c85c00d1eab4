//! Queries in FROM of which each chunk computes its own part: groups, or distinct rows, that hold the
//! director's key.
//!
//! Keeps true: the chunk's server runs such a query as the user wrote it, over all rows that a group
//! can have, and nothing in it depends on how it reads them.

use super::keys::Keys;
use super::{quotients, stored, whole_groups};
use crate::error::{PlanError, refused};
use crate::passes::joins::Joins;
use crate::query::expr::Expr;
use crate::query::select::{RowRange, Select};

const HINT: &str = "GROUP BY the director's key in it, or write one SELECT";

/// Refuses a query of which the chunks cannot compute a part each.
pub(crate) fn check_local(select: &Select<'_>, joins: &Joins) -> Result<(), PlanError> {
    if select.range != RowRange::default() {
        return Err(refused(
            "LIMIT in a derived table over chunked tables",
            HINT,
        ));
    }
    let mut is_random = false;
    select.for_each_expr(&mut |expr| is_random |= expr.is_random());
    if is_random {
        return Err(refused("random values in a derived table", HINT));
    }
    if select.is_grouped() {
        check_groups(select, joins)
    } else if select.distinct {
        check_distinct(select, joins)
    } else {
        Err(refused(
            "derived tables over chunked tables that are not grouped by the key",
            HINT,
        ))
    }
}

fn check_groups(select: &Select<'_>, joins: &Joins) -> Result<(), PlanError> {
    let is_grouped = |key: &Expr| select.group_by.contains(key);
    if select.distinct || !whole_groups::hold_key(select, joins, &is_grouped) {
        return Err(refused(
            "groups of a derived table that may lie in several chunks",
            HINT,
        ));
    }
    let is_steady = |expr: &Expr| !expr.any(&|part| quotients::folds_unsteady(part, select));
    if !whole_groups::has_plain_names(select) || !select.having.iter().all(is_steady) {
        return Err(refused("this GROUP BY or HAVING in a derived table", HINT));
    }
    stored::check_extremes(select)?;
    quotients::check_steady(select)?;
    quotients::check_lists(select)?;
    // What is neither grouped by nor determined is refused.
    Keys::of(select, &joins.equalities).map(|_| ())
}

/// Columns as they are stored: what is computed may be told apart by what it shows.
fn check_distinct(select: &Select<'_>, joins: &Joins) -> Result<(), PlanError> {
    let is_column = |expr: &Expr| matches!(expr, Expr::Column(_));
    let are_columns = select.items.iter().all(|item| is_column(&item.expr));
    let is_selected = |key: &Expr| select.items.iter().any(|item| item.expr == *key);
    if are_columns && select.having.is_none() && whole_groups::hold_key(select, joins, &is_selected)
    {
        Ok(())
    } else {
        Err(refused(
            "DISTINCT in a derived table of anything but columns, the key among them",
            HINT,
        ))
    }
}
