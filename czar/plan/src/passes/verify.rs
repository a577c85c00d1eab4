//! The last pass: a plan that cannot prove what it promises is not run.
//!
//! Keeps true: rows that meet lie in one chunk; every column that crosses from the chunks to the
//! merge has a text that is what is wanted of it; the merge computes with nothing but such columns.
//! The passes before prove it each in its own way; this one trusts none of them.

use super::joins::{Joins, comparable, key_column};
use super::near;
use super::split::{Column, Exchange, Purpose};
use crate::error::PlanError;
use crate::query::expr::Expr;
use crate::query::infer::type_of;
use crate::query::scope::Scope;
use crate::query::select::{Derived, RowRange, Select};
use crate::query::value::{Nature, Number, Shown};

/// Refuses a plan that does not hold what it promises.
pub(super) fn verify(
    select: &Select<'_>,
    joins: &Joins,
    exchange: &Exchange,
) -> Result<(), PlanError> {
    check_distribution(select, joins)?;
    check_neighbours(select, joins)?;
    let scope = &select.scope;
    for Column { expr, purpose } in &exchange.columns {
        let shown_as_it_is = *purpose == Purpose::Shown && matches!(expr, Expr::Column(_));
        if !shown_as_it_is && !is_exact(expr, *purpose, scope) {
            return Err(unproven(format!(
                "{} would lose digits on its way",
                expr.print(scope)
            )));
        }
    }
    let is_known = |part: &Expr| match part {
        Expr::Column(_) => false,
        Expr::Partial(number) => *number < exchange.columns.len(),
        _ => true,
    };
    match exchange
        .merged
        .iter()
        .find(|expr| expr.any(&|part| !is_known(part)))
    {
        Some(expr) => Err(unproven(format!(
            "{} is not made of what the chunks send",
            expr.print(scope)
        ))),
        None => Ok(()),
    }
}

/// Every chunked table but one is tied to another by the key or by nearness, and all of them to each
/// other.
fn check_distribution(select: &Select<'_>, joins: &Joins) -> Result<(), PlanError> {
    let tables = || select.scope.tables.iter().enumerate();
    let mut chunked = tables().filter(|(_, table)| table.role.is_chunked());
    let Some((first, _)) = chunked.next() else {
        return Ok(());
    };
    let mut reached = vec![first];
    let near = joins
        .neighbours
        .iter()
        .map(|near| (near.home_table(), near.table));
    let pairs: Vec<(usize, usize)> = joins.local.iter().copied().chain(near).collect();
    while let Some(next) = pairs.iter().find_map(|(one, other)| {
        match (reached.contains(one), reached.contains(other)) {
            (true, false) => Some(*other),
            (false, true) => Some(*one),
            _ => None,
        }
    }) {
        reached.push(next);
    }
    match chunked.find(|(number, _)| !reached.contains(number)) {
        Some((_, table)) => Err(unproven(format!(
            "rows of {} may meet rows of another chunk",
            table.alias
        ))),
        None => Ok(()),
    }
}

/// Refuses a query in FROM whose rows of a chunk may be made of more than that chunk's rows, or whose
/// key may not be that of the rows it is made of.
pub(super) fn verify_derived(query: &Derived<'_>, joins: &Joins) -> Result<(), PlanError> {
    let select = &query.select;
    check_distribution(select, joins)?;
    let has_own_rows = joins.keys_are_local && joins.neighbours.is_empty();
    let is_key = |expr: &Expr| match expr {
        Expr::Column(column) => {
            let table = select.scope.table_of(*column);
            table.is_some_and(|table| table.role.is_chunked() && !table.role.is_optional())
                && key_column(column.table, &select.scope) == Some(*column)
                && comparable(*column, *column, &select.scope)
        }
        _ => false,
    };
    let is_whole = if select.group_by.is_empty() {
        select.distinct && select.items.iter().any(|item| is_key(&item.expr))
    } else {
        select.group_by.iter().any(is_key)
    };
    let all_are_read = select.range == RowRange::default();
    let all_whole = select
        .scope
        .stored()
        .all(|table| table.role.is_read_whole());
    if !(has_own_rows && is_whole && all_are_read && all_whole) {
        return Err(unproven(format!(
            "rows of {} may be made of rows of several chunks",
            query.key.table
        )));
    }
    let columns = query.table.kind.columns().iter().zip(&select.items);
    let key = query.table.kind.chunked().map(|table| table.key.as_str());
    let mut named = columns.filter(|(column, _)| Some(column.name.as_str()) == key);
    match named.find(|(_, item)| !is_key(&item.expr)) {
        Some(_) => Err(unproven(format!("{} has another key", query.key.table))),
        None => Ok(()),
    }
}

/// Rows of neighbours are copies, too: they count where the neighbours are.
fn check_neighbours(select: &Select<'_>, joins: &Joins) -> Result<(), PlanError> {
    if near::all_met(select) && select.neighbours == joins.neighbours {
        Ok(())
    } else {
        Err(unproven("copies of rows may be taken for rows".into()))
    }
}

/// Whether the text of a column is what is wanted of it.
fn is_exact(expr: &Expr, purpose: Purpose, scope: &Scope<'_>) -> bool {
    let kind = type_of(expr, scope);
    match (kind.nature, kind.number) {
        (Nature::Text | Nature::Named | Nature::Bit, _) => true,
        (Nature::Number, Number::Exact(digits)) => {
            purpose == Purpose::Order || !digits.are_hidden()
        }
        (Nature::Number, Number::Double(Shown::All)) => shows_all(expr),
        _ => false,
    }
}

/// Whether a DOUBLE has no fixed number of decimals for sure: what is converted to one, and columns
/// that are.
fn shows_all(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) => true,
        Expr::Cast { target, .. } => target == "DOUBLE",
        Expr::Aggregate(call) => call.arguments.iter().all(shows_all),
        _ => false,
    }
}

fn unproven(reason: String) -> PlanError {
    PlanError::Unproven { reason }
}
