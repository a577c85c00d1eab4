//! Describes a merge in terms that need no SQL server, where every type is understood exactly.

use orrery_archive::sql_type::SqlType;

use crate::plan::{SimpleColumn, SimpleMerge};
use crate::query::expr::{Aggregate, AggregateKind, Expr, Part};
use crate::query::scope::Scope;

/// The merge, if it is simple: integer keys, and outputs that are keys or plain aggregates over columns.
pub(super) fn describe(
    outputs: &[Expr],
    columns: &[Expr],
    keys: usize,
    group_by: &[usize],
    scope: &Scope<'_>,
) -> Option<SimpleMerge> {
    // With arguments of DISTINCT among the keys a group has several rows per part that are not partial results.
    if group_by.len() != keys {
        return None;
    }
    let integer_keys = group_by
        .iter()
        .all(|&key| columns.get(key).is_some_and(|column| is_integer(column, scope)));
    if !integer_keys {
        return None;
    }
    let described = outputs.iter().map(|output| column(output, columns, scope));
    Some(SimpleMerge {
        keys: group_by.to_vec(),
        columns: described.collect::<Option<_>>()?,
    })
}

fn is_integer(expr: &Expr, scope: &Scope<'_>) -> bool {
    column_type(expr, scope).is_some_and(|kind| kind.is_integer() && !kind.is_zerofill())
}

fn column_type(expr: &Expr, scope: &Scope<'_>) -> Option<SqlType> {
    match expr {
        Expr::Column(column) => scope.type_of(*column),
        _ => None,
    }
}

fn column(output: &Expr, columns: &[Expr], scope: &Scope<'_>) -> Option<SimpleColumn> {
    match output {
        Expr::Partial(number) => Some(SimpleColumn::Key(*number)),
        Expr::Aggregate(aggregate) => whole(aggregate, columns, scope),
        Expr::Form(parts, _) => match parts.as_slice() {
            [Part::Text(head), Part::Expr(Expr::Partial(number)), _] if head == "CAST(COALESCE(SUM(" => {
                Some(SimpleColumn::Count(*number))
            }
            [
                _,
                Part::Expr(Expr::Aggregate(sum)),
                Part::Text(joint),
                Part::Expr(Expr::Aggregate(count)),
                _,
            ] if joint == " / " => average(sum, count, columns, scope),
            _ => None,
        },
        _ => None,
    }
}

/// The partial column that an aggregate folds, and the type of the user's column behind it.
fn folded(aggregate: &Aggregate, columns: &[Expr], scope: &Scope<'_>) -> Option<(usize, SqlType)> {
    let [Expr::Partial(number)] = aggregate.arguments.as_slice() else {
        return None;
    };
    let Expr::Aggregate(part) = columns.get(*number)? else {
        return None;
    };
    let [argument] = part.arguments.as_slice() else {
        return None;
    };
    Some((*number, column_type(argument, scope)?))
}

fn whole(aggregate: &Aggregate, columns: &[Expr], scope: &Scope<'_>) -> Option<SimpleColumn> {
    let (part, kind) = folded(aggregate, columns, scope)?;
    if aggregate.distinct || kind.is_zerofill() {
        return None;
    }
    let double = matches!(kind, SqlType::Double { digits: None, .. });
    let float = matches!(kind, SqlType::Float { digits: None, .. });
    match (aggregate.kind, &kind) {
        (AggregateKind::Sum, SqlType::Integer { .. }) => {
            Some(SimpleColumn::SumDecimal { sum: part, scale: 0 })
        }
        (AggregateKind::Sum, SqlType::Decimal { scale, .. }) => Some(SimpleColumn::SumDecimal {
            sum: part,
            scale: u8::try_from(*scale).ok()?,
        }),
        (AggregateKind::Sum, _) if double || float => Some(SimpleColumn::SumDouble(part)),
        (AggregateKind::Min, SqlType::Integer { .. }) => Some(SimpleColumn::MinInteger(part)),
        (AggregateKind::Max, SqlType::Integer { .. }) => Some(SimpleColumn::MaxInteger(part)),
        (AggregateKind::Min, _) if double => Some(SimpleColumn::MinDouble(part)),
        (AggregateKind::Max, _) if double => Some(SimpleColumn::MaxDouble(part)),
        _ => None,
    }
}

fn average(sum: &Aggregate, count: &Aggregate, columns: &[Expr], scope: &Scope<'_>) -> Option<SimpleColumn> {
    let (sum, kind) = folded(sum, columns, scope)?;
    let [Expr::Partial(count)] = count.arguments.as_slice() else {
        return None;
    };
    let floating = matches!(
        kind,
        SqlType::Double { digits: None, .. } | SqlType::Float { digits: None, .. }
    );
    floating.then_some(SimpleColumn::AvgDouble { sum, count: *count })
}
