//! Statements with groups: each part groups its own rows, the merge groups the parts' groups.

use super::clauses::{clause, partial_list, range_text};
use super::columns::source;
use super::compose::Composer;
use super::keys::Keys;
use super::lift::{Lift, Use};
use super::parts::{Exchange, Parts};
use super::{quotients, stored};
use crate::aggregate::carry::check_length;
use crate::error::{PlanError, refused};
use crate::passes::joins::Equalities;
use crate::plan::in_process::{SimpleColumn, SimpleMerge};
use crate::plan::{Merge, ShadowMerge};
use crate::query::expr::Expr;
use crate::query::infer::type_of;
use crate::query::select::{RowRange, Select};
use crate::query::value::Number;

/// Splits a grouped statement.
pub(super) fn split(
    select: &Select<'_>,
    composer: &Composer<'_, '_>,
    equalities: &Equalities,
) -> Result<Parts, PlanError> {
    let keys = Keys::of(select, equalities)?;
    let mut lift = Lift::new(&keys, &select.scope);
    let text = |expr: &Expr| expr.print(&select.scope);
    let is_distinct = is_distinct(select);
    // What is made distinct is told apart by what it shows.
    let top = if is_distinct { Use::Shown } else { Use::Value };
    stored::check_extremes(select)?;
    quotients::check_groups(select)?;
    if is_distinct {
        let mut items = select.items.iter();
        items.try_for_each(|item| check_stored(&item.expr, select, "DISTINCT"))?;
    }
    let outputs: Vec<Expr> = select
        .items
        .iter()
        .map(|item| lift.output(&item.expr, top))
        .collect::<Result<_, _>>()?;
    let mut merged = keys.regrouped();
    let groups: Vec<String> = merged.iter().map(text).collect();
    let mut after = clause(" GROUP BY ", groups.iter().cloned());
    if let Some(having) = &select.having {
        let having = lift.expr(having, Use::Value)?;
        after.push_str(&format!(" HAVING {}", text(&having)));
        merged.push(having);
    }
    let order = order(select, &mut lift, top, is_distinct, &outputs)?;
    let directed = order.iter().zip(&select.order_by);
    let directed = directed.map(|(expr, key)| {
        let direction = if key.descending { " DESC" } else { "" };
        format!("{}{direction}", text(expr))
    });
    after.push_str(&clause(" ORDER BY ", directed));
    after.push_str(&range_text(select.range));
    let simple = in_process(select, &keys, &lift);
    let (columns, centres) = lift.into_columns();
    let (from, from_end) = source(&centres, &groups);
    let list = partial_list(&select.scope, columns.iter());
    let places = 1..=keys.all().len();
    let tail = clause(" GROUP BY ", places.map(|place| place.to_string()));
    let distinct = if is_distinct { "DISTINCT " } else { "" };
    let shown: Vec<String> = outputs.iter().map(text).collect();
    let merge = ShadowMerge {
        partial_columns: columns.len(),
        shadow_select: composer.shadow(&list, &format!("{tail} LIMIT 0")),
        before: format!("SELECT {distinct}{} FROM {from}", shown.join(", ")),
        after: from_end + &after,
        simple,
    };
    merged.extend(outputs.into_iter().chain(order));
    Ok(Parts {
        template: composer.template(&list, &tail),
        merge: Merge::Shadow(merge),
        exchange: Exchange::computed(columns, merged),
        joined_end: String::new(),
    })
}

/// Whether DISTINCT leaves out rows: not when all keys of the groups are selected, for then no two
/// rows are equal. One server does without it there, and shows every digit.
pub(super) fn is_distinct(select: &Select<'_>) -> bool {
    let is_selected = |key: &Expr| select.items.iter().any(|item| item.expr == *key);
    select.distinct && !select.group_by.iter().all(is_selected)
}

/// Refuses numbers that the merge would have to store, in a temporary table or as a key to sort by,
/// and cannot.
fn check_stored(expr: &Expr, select: &Select<'_>, what: &str) -> Result<(), PlanError> {
    match type_of(expr, &select.scope).number {
        Number::Exact(digits) => check_length(digits, what),
        Number::Double(_) | Number::Unknown => Ok(()),
    }
}

/// ORDER BY over the partial columns.
fn order(
    select: &Select<'_>,
    lift: &mut Lift<'_, '_>,
    top: Use,
    is_distinct: bool,
    outputs: &[Expr],
) -> Result<Vec<Expr>, PlanError> {
    let mut keys = Vec::new();
    for key in &select.order_by {
        check_stored(&key.expr, select, "ORDER BY")?;
        let lifted = lift.output(&key.expr, top)?;
        if is_distinct && !outputs.contains(&lifted) {
            return Err(refused(
                "SELECT DISTINCT … ORDER BY something that is not selected",
                "add it to the select list",
            ));
        }
        keys.push(lifted);
    }
    Ok(keys)
}

/// The merge without a SQL server: keys that are integer columns, and outputs that are keys or
/// aggregates. Arguments of DISTINCT among the keys make several rows per part and group that are
/// not partial results.
fn in_process(
    select: &Select<'_>,
    keys: &Keys<'_, '_>,
    lift: &Lift<'_, '_>,
) -> Option<SimpleMerge> {
    let plain = select.having.is_none()
        && select.order_by.is_empty()
        && !is_distinct(select)
        && select.range == RowRange::default();
    let is_integer = |expr: &Expr| match expr {
        Expr::Column(column) => {
            let kind = select.scope.type_of(*column);
            kind.is_some_and(|kind| kind.is_integer() && !kind.is_zerofill())
        }
        _ => false,
    };
    let keyed = keys
        .all()
        .iter()
        .all(|key| key.grouped && is_integer(&key.expr));
    // Constant columns of a statement without GROUP BY group its rows only at the parts.
    if !plain || !keyed || keys.regrouped().len() != keys.all().len() {
        return None;
    }
    let column = |expr: &Expr| match expr {
        Expr::Aggregate(call) => lift.in_process(call),
        other => keys
            .grouped(other)
            .map(|(number, _)| SimpleColumn::Key(number)),
    };
    let columns = select.items.iter().map(|item| column(&item.expr));
    Some(SimpleMerge {
        keys: (0..keys.all().len()).collect(),
        columns: columns.collect::<Option<_>>()?,
    })
}
