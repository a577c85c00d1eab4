//! GROUP BY, ORDER BY and LIMIT.

use sqlparser::ast::{
    Expr as Parsed, GroupByExpr, LimitClause, OrderByKind, OrderBySort, Query,
    Select as ParsedSelect, UnaryOperator, Value,
};

use super::convert::{Converter, Group, Notes, Place, item_by_alias};
use crate::error::{PlanError, ResolveError, refused};
use crate::query::expr::Expr;
use crate::query::scope::Scope;
use crate::query::select::{Item, OrderKey, RowRange};

/// The entries of GROUP BY.
pub(super) fn group_by(
    select: &ParsedSelect,
    scope: &Scope<'_>,
    items: &[Item],
    notes: &mut Notes,
) -> Result<Vec<Group>, PlanError> {
    let GroupByExpr::Expressions(parsed, modifiers) = &select.group_by else {
        return Err(refused("GROUP BY ALL", "list the columns"));
    };
    if !modifiers.is_empty() {
        return Err(refused(
            "WITH ROLLUP",
            "run a second statement with fewer GROUP BY columns",
        ));
    }
    let mut groups: Vec<Group> = Vec::new();
    for parsed in parsed {
        let group = group(parsed, scope, items, notes)?;
        if group.expr.has_aggregate() {
            return Err(ResolveError::GroupFunction.into());
        }
        if !groups.iter().any(|known| known.expr == group.expr) {
            groups.push(group);
        }
    }
    Ok(groups)
}

/// One entry of GROUP BY. A name alone is the item that has it, but for a column of another value:
/// MariaDB then takes the column, with a warning.
fn group(
    parsed: &Parsed,
    scope: &Scope<'_>,
    items: &[Item],
    notes: &mut Notes,
) -> Result<Group, PlanError> {
    let of_item = |item: &Item| Group {
        expr: item.expr.clone(),
        alias: item.name.clone(),
    };
    if let Some(item) = position(parsed, items, "group statement")? {
        return Ok(of_item(item));
    }
    if let Some(name) = whole_name(parsed)
        && let Some(item) = item_by_alias(items, name)?
    {
        let column = scope.column(name).ok().flatten().map(Expr::Column);
        return Ok(match column.filter(|column| *column != item.expr) {
            Some(expr) => Group { expr, alias: None },
            None => of_item(item),
        });
    }
    let expr = Converter::new(scope, Place::GroupBy(items), notes).convert(parsed)?;
    let item = items.iter().find(|item| item.expr == expr);
    Ok(item.map_or(Group { expr, alias: None }, of_item))
}

/// The name that an expression is.
fn whole_name(parsed: &Parsed) -> Option<&str> {
    match parsed {
        Parsed::Identifier(name) => Some(&name.value),
        Parsed::Nested(inner) => whole_name(inner),
        _ => None,
    }
}

/// The item that a whole number in GROUP BY or ORDER BY counts to. MariaDB counts with its last 32
/// bits.
fn position<'i>(
    parsed: &Parsed,
    items: &'i [Item],
    clause: &'static str,
) -> Result<Option<&'i Item>, PlanError> {
    let Some(number) = whole_number(parsed) else {
        return Ok(None);
    };
    let counted = usize::try_from(number.rem_euclid(1 << u32::BITS)).ok();
    let item = counted
        .and_then(|counted| counted.checked_sub(1))
        .and_then(|at| items.get(at));
    item.map(Some).ok_or_else(|| {
        ResolveError::NoColumn {
            column: number.to_string(),
            clause,
        }
        .into()
    })
}

/// The whole number that a literal is to MariaDB's parser, signs included; TRUE is 1. One that is too
/// long for 64 bits is a DECIMAL.
fn whole_number(parsed: &Parsed) -> Option<i128> {
    match parsed {
        Parsed::Nested(inner) => whole_number(inner),
        Parsed::UnaryOp {
            op: UnaryOperator::Plus,
            expr,
        } => whole_number(expr),
        Parsed::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => {
            let negative = i64::try_from(-whole_number(expr)?);
            negative.ok().map(i128::from)
        }
        Parsed::Value(value) => match &value.value {
            Value::Number(text, _) => text.parse::<u64>().ok().map(i128::from),
            Value::Boolean(truth) => Some(i128::from(*truth)),
            _ => None,
        },
        _ => None,
    }
}

/// The entries of ORDER BY that order anything.
pub(super) fn order_by(
    query: &Query,
    scope: &Scope<'_>,
    items: &[Item],
    notes: &mut Notes,
) -> Result<Vec<OrderKey>, PlanError> {
    let Some(order_by) = &query.order_by else {
        return Ok(Vec::new());
    };
    let OrderByKind::Expressions(parsed) = &order_by.kind else {
        return Err(refused("ORDER BY ALL", "list the columns"));
    };
    let mut keys = Vec::new();
    for key in parsed {
        if key.options.nulls_first.is_some()
            || matches!(key.options.sort, Some(OrderBySort::Using(_)))
        {
            return Err(refused(
                "NULLS FIRST and NULLS LAST",
                "order by x IS NULL first",
            ));
        }
        let named = match whole_name(&key.expr) {
            Some(name) => item_by_alias(items, name)?,
            None => position(&key.expr, items, "order clause")?,
        };
        let expr = match named {
            Some(item) => item.expr.clone(),
            None => Converter::new(scope, Place::OrderBy(items), notes).convert(&key.expr)?,
        };
        // A constant orders nothing, and a number in a merging statement would be a position.
        if !expr.is_constant() {
            keys.push(OrderKey {
                expr,
                descending: matches!(key.options.sort, Some(OrderBySort::Desc)),
            });
        }
    }
    Ok(keys)
}

/// LIMIT and OFFSET.
pub(super) fn range(limit: Option<&LimitClause>) -> Result<RowRange, PlanError> {
    let (count, offset) = match limit {
        None => return Ok(RowRange::default()),
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), Some(offset)),
        Some(LimitClause::LimitOffset {
            limit,
            offset,
            limit_by,
        }) if limit_by.is_empty() => (limit.as_ref(), offset.as_ref().map(|offset| &offset.value)),
        Some(_) => return Err(ResolveError::Limit.into()),
    };
    let number = |parsed: &Parsed| match parsed {
        Parsed::Value(value) => match &value.value {
            Value::Number(text, _) => text.parse::<u64>().map_err(|_| ResolveError::Limit),
            _ => Err(ResolveError::Limit),
        },
        _ => Err(ResolveError::Limit),
    };
    Ok(RowRange {
        offset: offset.map(number).transpose()?.unwrap_or(0),
        count: count.map(number).transpose()?,
    })
}
