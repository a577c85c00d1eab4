//! DISTINCT of rows no two of which are equal goes: one server does without it as well, and shows
//! then all digits of what it does not store.

use orrery_archive::catalog::TableKind;
use orrery_archive::table::UniqueKey;

use super::joins::{comparable, key_column};
use crate::query::expr::Expr;
use crate::query::scope::TableRole;
use crate::query::select::Select;

/// Takes DISTINCT away where the unique key of the only table is among what is selected.
pub(super) fn leave_out(select: &mut Select<'_>) {
    if select.distinct && !select.is_grouped() && has_unique_key(select) {
        select.distinct = false;
    }
}

fn has_unique_key(select: &Select<'_>) -> bool {
    let mut from = select.from.iter().flatten();
    let (Some(only), None) = (from.next(), from.next()) else {
        return false;
    };
    let Some(table) = select.scope.tables.get(only.table) else {
        return false;
    };
    let is_unique = matches!(
        &table.table.kind,
        TableKind::Director(accepted, _) if accepted.unique_key == UniqueKey::Enforced
    );
    is_unique
        && table.role == TableRole::Chunked
        && key_column(only.table, &select.scope).is_some_and(|key| {
            // Keys that a collation takes for one are equal rows.
            let is_exact = comparable(key, key, &select.scope);
            is_exact
                && select
                    .items
                    .iter()
                    .any(|item| item.expr == Expr::Column(key))
        })
}
