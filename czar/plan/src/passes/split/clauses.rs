//! Clauses that both statements of a chunk and merging statements have.

use crate::query::expr::Expr;
use crate::query::select::{RowRange, Select};

/// Packs partial columns into a select list: `expr AS p0, …`.
pub(super) fn partial_list(select: &Select<'_>, columns: &[Expr]) -> String {
    let mut list = String::new();
    for (number, column) in columns.iter().enumerate() {
        list.push_str(if number > 0 { ", " } else { "" });
        column.push(&select.scope, &mut list);
        list.push_str(&format!(" AS `p{number}`"));
    }
    list
}

/// ` LIMIT …` of the whole answer.
pub(super) fn range_text(range: RowRange) -> String {
    match range {
        RowRange {
            offset: 0,
            count: None,
        } => String::new(),
        RowRange {
            offset: 0,
            count: Some(count),
        } => format!(" LIMIT {count}"),
        RowRange { offset, count } => format!(" LIMIT {offset}, {}", count.unwrap_or(u64::MAX)),
    }
}

/// ` LIMIT …` of each part: enough rows for the answer, wherever they come from.
pub(super) fn part_limit(range: RowRange) -> String {
    match range.count.map(|count| count.saturating_add(range.offset)) {
        Some(count) => format!(" LIMIT {count}"),
        None => String::new(),
    }
}
