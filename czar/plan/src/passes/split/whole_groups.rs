//! Groups that are whole in one statement of one chunk, because the director's key is among what is
//! grouped by: the chunk's server computes them as the user wrote them, and nothing is merged.

use orrery_archive::catalog::TableKind;
use orrery_archive::table::UniqueKey;

use super::clauses::{clause, part_limit};
use super::compose::Composer;
use super::keys::Keys;
use super::parts::{Exchange, Parts};
use super::{groups, quotients, stored};
use crate::error::PlanError;
use crate::passes::joins::{Joins, comparable, key_column};
use crate::plan::Merge;
use crate::query::expr::Expr;
use crate::query::scope::TableRole;
use crate::query::select::Select;

/// Splits a grouped statement whose groups are whole; `None` when some may not be, or when there is
/// something left to do with all of them.
pub(super) fn split(
    select: &Select<'_>,
    composer: &Composer<'_, '_>,
    joins: &Joins,
) -> Result<Option<Parts>, PlanError> {
    let is_merged = !select.order_by.is_empty() || groups::is_distinct(select);
    if is_merged || !are_whole(select, joins) || !has_plain_names(select) {
        return Ok(None);
    }
    stored::check_extremes(select)?;
    quotients::check_groups(select)?;
    quotients::check_lists(select)?;
    // What is neither grouped by nor determined is refused.
    Keys::of(select, &joins.equalities)?;
    let text = |expr: &Expr| expr.print(&select.scope);
    let items: Vec<String> = select.items.iter().map(|item| text(&item.expr)).collect();
    let mut tail = clause(" GROUP BY ", select.group_by.iter().map(text));
    tail.push_str(&clause(" HAVING ", select.having.iter().map(text)));
    let limit = part_limit(select.range);
    tail.push_str(&limit);
    Ok(Some(Parts {
        template: composer.template(&items.join(", "), &tail),
        merge: Merge::Concatenate(select.range),
        exchange: Exchange::default(),
        joined_end: limit,
    }))
}

/// Whether a key that all rows of a chunk's home tables have is one of some expressions, so that rows
/// which are equal in them lie in one chunk.
pub(super) fn hold_key(select: &Select<'_>, joins: &Joins, is_one: &dyn Fn(&Expr) -> bool) -> bool {
    let is_held = |(at, role): (usize, TableRole)| {
        let key = key_column(at, &select.scope).filter(|_| role == TableRole::Chunked);
        key.is_some_and(|key| {
            // Keys that a collation takes for one lie in several chunks.
            comparable(key, key, &select.scope) && is_one(&Expr::Column(key))
        })
    };
    let tables = select.scope.tables.iter();
    let mut roles = tables.map(|table| table.role).enumerate();
    joins.keys_are_local && roles.any(is_held)
}

/// Whether each group lies in one statement: rows with one key lie in one chunk, and a chunk has one
/// statement, or one row for each key.
fn are_whole(select: &Select<'_>, joins: &Joins) -> bool {
    let tables = select.scope.tables.as_slice();
    let has_one_row = match tables {
        [table] => matches!(
            &table.table.kind,
            TableKind::Director(accepted, _) if accepted.unique_key == UniqueKey::Enforced
        ),
        _ => false,
    };
    let is_one_statement = tables.iter().all(|table| match table.role {
        TableRole::Chunked if table.is_query => true,
        TableRole::Chunked | TableRole::Reference => table.table.segments.len() == 1,
        TableRole::Neighbour => false,
        TableRole::ChunkedOptional
        | TableRole::ReferenceOptional
        | TableRole::Nested
        | TableRole::NestedReference
        | TableRole::Derived => true,
    });
    let is_grouped = |key: &Expr| select.group_by.contains(key);
    hold_key(select, joins, &is_grouped) && (has_one_row || is_one_statement)
}

/// Whether GROUP BY and HAVING name columns that they may name in MariaDB, and no positions.
pub(super) fn has_plain_names(select: &Select<'_>) -> bool {
    let is_grouped = |column| select.group_by.contains(&Expr::Column(column));
    let are_columns = select
        .group_by
        .iter()
        .all(|key| matches!(key, Expr::Column(_)));
    are_columns
        && select
            .having
            .iter()
            .all(|having| having.names_only(&is_grouped))
}
