//! Splits a statement into what each chunk computes and how the parts become the answer.
//!
//! Keeps true (docs/design/query.md#the-contract): the merge gives what one server over all rows
//! would give: exactly for integers, DECIMAL, strings, dates and counts; sums of floating point
//! numbers without rounding on the way (`docs/decisions/0004`). What cannot be shown to be so is
//! refused.

mod batches;
mod clauses;
mod columns;
mod compose;
mod groups;
mod keys;
mod lift;
mod local;
mod lost;
mod parts;
mod quotients;
mod rows;
mod stored;
mod whole_groups;

use crate::error::{PlanError, refused};
use crate::passes::joins::Joins;
use crate::plan::tables::ChunkSelection;
use crate::plan::{ChunkWork, Work};
use crate::query::expr::Expr;
use crate::query::literal;
use crate::query::select::{RowRange, Select};
use compose::Composer;
pub(crate) use local::check_local;
pub(crate) use parts::{Column, Exchange, Purpose};

/// Splits a resolved statement. `areas` are the spatial predicates that go into WHERE.
pub(crate) fn split(
    select: &Select<'_>,
    areas: Vec<Expr>,
    joins: &Joins,
    selection: ChunkSelection,
) -> Result<(Work, Exchange), PlanError> {
    if let Some(answer) = whole_count(select, &areas) {
        return Ok((answer, Exchange::default()));
    }
    let grouped = select.is_grouped();
    let mut filter: Vec<Expr> = areas
        .into_iter()
        .chain(select.filter.iter().cloned())
        .collect();
    if !grouped && let Some(having) = &select.having {
        // Without groups HAVING filters rows, as WHERE does, but may use aliases.
        if having.is_random() {
            return Err(refused(
                "HAVING over random values",
                "write the condition into WHERE",
            ));
        }
        filter.push(having.clone());
    }
    let composer = Composer::new(select, &filter)?;
    let parts = if grouped {
        match whole_groups::split(select, &composer, joins)? {
            Some(parts) => parts,
            None => groups::split(select, &composer, &joins.equalities)?,
        }
    } else if select.distinct || !select.order_by.is_empty() {
        rows::split_ordered(select, &composer)?
    } else {
        rows::split_plain(select, &composer)
    };
    let batchable = batches::is_batchable(select, &parts.merge);
    let work = ChunkWork {
        selection,
        template: parts.template,
        merge: parts.merge,
        batchable,
        joined_end: parts.joined_end,
    };
    Ok((Work::Chunks(work), parts.exchange))
}

/// `SELECT COUNT(*) FROM table`: known from the sealed segments.
fn whole_count(select: &Select<'_>, areas: &[Expr]) -> Option<Work> {
    let [table] = select.scope.tables.as_slice() else {
        return None;
    };
    if table.is_query {
        return None;
    }
    let bare = select.filter.is_empty()
        && areas.is_empty()
        && select.group_by.is_empty()
        && select.having.is_none();
    let counts = select.items.iter().all(|item| is_row_count(&item.expr));
    if !bare || !counts || select.range != RowRange::default() {
        return None;
    }
    let rows: u64 = table
        .table
        .segments
        .iter()
        .map(|segment| segment.rows)
        .sum();
    Some(Work::Static(vec![vec![
        Some(rows.to_string());
        select.items.len()
    ]]))
}

fn is_row_count(expr: &Expr) -> bool {
    match expr {
        Expr::Aggregate(aggregate) => {
            let counts = |argument: &Expr| match argument {
                Expr::Literal(text) => literal::Kind::of(text) != literal::Kind::Null,
                _ => false,
            };
            aggregate.function.name == "COUNT"
                && !aggregate.distinct
                && aggregate.arguments.iter().all(counts)
        }
        _ => false,
    }
}
