//! Clauses that both statements of a chunk and merging statements have.

use crate::query::expr::Expr;
use crate::query::scope::Scope;
use crate::query::select::RowRange;

/// Packs partial columns into a select list: `expr AS p0, …`.
pub(super) fn partial_list<'e>(
    scope: &Scope<'_>,
    columns: impl Iterator<Item = &'e Expr>,
) -> String {
    let mut list = String::new();
    for (number, column) in columns.enumerate() {
        list.push_str(if number > 0 { ", " } else { "" });
        column.push(scope, &mut list);
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

/// A clause with a list; without the list there is no clause.
pub(super) fn clause(words: &str, list: impl Iterator<Item = String>) -> String {
    let list: Vec<String> = list.collect();
    if list.is_empty() {
        String::new()
    } else {
        format!("{words}{}", list.join(", "))
    }
}
