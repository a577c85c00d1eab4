//! From the parser's tree to a [`Select`]: every name bound to a column of the catalog, every
//! construct on the allow-list.
//!
//! Users' text runs on the shadow server's tables first, so names that mean nothing are MariaDB's
//! to report; errors here only have to be sane.

mod convert;
mod from;
pub(crate) mod names;

use orrery_archive::catalog::Catalog;
use sqlparser::ast::{
    Distinct, Expr as Parsed, GroupByExpr, LimitClause, OrderByKind, OrderBySort, Query,
    Select as ParsedSelect, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, UnaryOperator,
    Value,
};

use crate::error::{PlanError, ResolveError, refused};
use crate::query::expr::{ColumnId, Comparison, Expr};
use crate::query::functions::is_area_name;
use crate::query::scope::{Scope, ScopeTable};
use crate::query::select::{AreaCall, Item, OrderKey, RowRange, Select};
use convert::{Converter, Notes, Place, item_by_alias};

/// Resolves a query over chunked tables.
pub(crate) fn resolve<'a>(
    query: &Query,
    catalog: &'a Catalog,
    database: Option<&'a str>,
) -> Result<Select<'a>, PlanError> {
    let select = plain_select(query)?;
    let mut notes = Notes::default();
    let mut scope = Scope::new(database);
    let from = from::resolve_from(&select.from, catalog, &mut scope, &mut notes)?;
    let (areas, filter) = filter(select, &scope, &mut notes)?;
    let items = items(select, &scope, &mut notes)?;
    let group_by = group_by(select, &scope, &items, &mut notes)?;
    let having = match &select.having {
        Some(having) => {
            Some(Converter::new(&scope, Place::AfterGroups, &items, &mut notes).convert(having)?)
        }
        None => None,
    };
    let order_by = order_by(query, &scope, &items, &mut notes)?;
    Ok(Select {
        from,
        distinct: distinct(select)?,
        filter,
        areas,
        group_by,
        having,
        order_by,
        range: range(query.limit_clause.as_ref())?,
        uses_now: notes.uses_now,
        items,
        scope,
    })
}

/// The query's one SELECT, when nothing else surrounds it.
fn plain_select(query: &Query) -> Result<&ParsedSelect, PlanError> {
    const INNER: &str = "write one SELECT, or run the parts one after the other";
    if query.with.is_some() {
        return Err(refused("WITH over chunked tables", INNER));
    }
    if !query.locks.is_empty() {
        return Err(refused(
            "FOR UPDATE and LOCK IN SHARE MODE",
            "leave it out: rows never change under a reader",
        ));
    }
    if query.fetch.is_some() {
        return Err(refused("FETCH FIRST", "write LIMIT"));
    }
    if query.for_clause.is_some() || query.settings.is_some() || !query.pipe_operators.is_empty() {
        return Err(refused("this clause", "MariaDB has no such clause"));
    }
    let select = match &*query.body {
        SetExpr::Select(select) => select,
        SetExpr::Query(inner) if query.order_by.is_none() && query.limit_clause.is_none() => {
            return plain_select(inner);
        }
        SetExpr::SetOperation { op, .. } => {
            return Err(refused(
                format!("{op} over chunked tables"),
                "run the parts one after the other",
            ));
        }
        _ => return Err(refused("this form of query", INNER)),
    };
    if select.into.is_some() {
        return Err(refused(
            "SELECT … INTO",
            "write the result where the client runs",
        ));
    }
    if select.named_window.is_empty()
        && select.qualify.is_none()
        && select.prewhere.is_none()
        && select.top.is_none()
    {
        Ok(select)
    } else {
        Err(refused(
            "windows",
            "use GROUP BY, or compute it in the client",
        ))
    }
}

fn distinct(select: &ParsedSelect) -> Result<bool, PlanError> {
    if select
        .select_modifiers
        .as_ref()
        .is_some_and(|modifiers| modifiers.sql_calc_found_rows)
    {
        return Err(refused(
            "SQL_CALC_FOUND_ROWS",
            "run SELECT COUNT(*) with the same WHERE",
        ));
    }
    match &select.distinct {
        None | Some(Distinct::All) => Ok(false),
        Some(Distinct::Distinct) => Ok(true),
        Some(Distinct::On(_)) => Err(refused("DISTINCT ON", "MariaDB has no such clause")),
    }
}

fn items(
    select: &ParsedSelect,
    scope: &Scope<'_>,
    notes: &mut Notes,
) -> Result<Vec<Item>, PlanError> {
    let mut items = Vec::new();
    for item in &select.projection {
        let mut converter = Converter::new(scope, Place::Items, &[], notes);
        match item {
            SelectItem::UnnamedExpr(parsed) => {
                let name = match parsed {
                    Parsed::Identifier(name) => Some(name.value.clone()),
                    Parsed::CompoundIdentifier(names) => {
                        names.last().map(|name| name.value.clone())
                    }
                    _ => None,
                };
                items.push(Item {
                    expr: converter.convert(parsed)?,
                    name,
                });
            }
            SelectItem::ExprWithAlias { expr, alias } => items.push(Item {
                expr: converter.convert(expr)?,
                name: Some(alias.value.clone()),
            }),
            SelectItem::Wildcard(_) => {
                let columns = scope
                    .star()
                    .filter(|_| scope.merged.is_empty() || select.from.len() == 1);
                let columns = columns.ok_or_else(|| {
                    refused("* with this USING", "list the columns, or write t.*")
                })?;
                items.extend(columns.into_iter().map(|column| column_item(scope, column)));
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                let table = qualifier(name, scope)?;
                let shown = scope.tables.get(table).map_or(0, ScopeTable::visible);
                let columns = (0..shown).map(|column| ColumnId { table, column });
                items.extend(columns.map(|column| column_item(scope, column)));
            }
            _ => return Err(refused("this select list", "list plain expressions")),
        }
    }
    Ok(items)
}

fn column_item(scope: &Scope<'_>, column: ColumnId) -> Item {
    let name = scope
        .table_of(column)
        .map(|table| table.column_name(column.column).to_owned());
    Item {
        expr: Expr::Column(column),
        name,
    }
}

/// The table that `t.*` or `db.t.*` names.
fn qualifier(name: &sqlparser::ast::ObjectName, scope: &Scope<'_>) -> Result<usize, PlanError> {
    let parts: Vec<&str> = name
        .0
        .iter()
        .filter_map(|part| part.as_ident())
        .map(|ident| ident.value.as_str())
        .collect();
    match parts.as_slice() {
        [alias] => Ok(scope.table(None, alias)?),
        [database, alias] => Ok(scope.table(Some(database), alias)?),
        _ => Err(ResolveError::UnknownTable {
            alias: name.to_string(),
        }
        .into()),
    }
}

/// Terms of WHERE: `qserv_areaspec_*` calls and the rest.
fn filter(
    select: &ParsedSelect,
    scope: &Scope<'_>,
    notes: &mut Notes,
) -> Result<(Vec<AreaCall>, Vec<Expr>), PlanError> {
    let Some(parsed) = &select.selection else {
        return Ok((Vec::new(), Vec::new()));
    };
    let whole = Converter::new(scope, Place::Filter, &[], notes).convert(parsed)?;
    let (mut areas, mut filter) = (Vec::new(), Vec::new());
    for term in whole.into_conjuncts() {
        match area_call(&term) {
            Some(area) => areas.push(area),
            None => filter.push(term),
        }
    }
    Ok((areas, filter))
}

/// `qserv_areaspec_x(…)`, alone or `= 1`.
fn area_call(term: &Expr) -> Option<AreaCall> {
    match term {
        Expr::Call {
            name, arguments, ..
        } if is_area_name(name) => Some(AreaCall {
            name: name.to_ascii_lowercase(),
            arguments: arguments.clone(),
        }),
        Expr::Compare(Comparison::Equal, left, right) => match (&**left, &**right) {
            (call, Expr::Literal(one)) | (Expr::Literal(one), call) if one == "1" => {
                area_call(call)
            }
            _ => None,
        },
        _ => None,
    }
}

fn group_by(
    select: &ParsedSelect,
    scope: &Scope<'_>,
    items: &[Item],
    notes: &mut Notes,
) -> Result<Vec<Expr>, PlanError> {
    let GroupByExpr::Expressions(parsed, modifiers) = &select.group_by else {
        return Err(refused("GROUP BY ALL", "list the columns"));
    };
    if !modifiers.is_empty() {
        return Err(refused(
            "WITH ROLLUP",
            "run a second statement with fewer GROUP BY columns",
        ));
    }
    let mut keys: Vec<Expr> = Vec::new();
    for parsed in parsed {
        let key = match position(parsed, items, "group statement")? {
            Some(item) => item.expr.clone(),
            None => Converter::new(scope, Place::GroupBy, items, notes).convert(parsed)?,
        };
        if key.has_aggregate() {
            return Err(ResolveError::GroupFunction.into());
        }
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// The item that a whole number in GROUP BY or ORDER BY counts to; TRUE is 1.
fn position<'i>(
    parsed: &Parsed,
    items: &'i [Item],
    clause: &'static str,
) -> Result<Option<&'i Item>, PlanError> {
    let text = match parsed {
        Parsed::Nested(inner) => return position(inner, items, clause),
        Parsed::UnaryOp {
            op: UnaryOperator::Plus,
            expr,
        } => return position(expr, items, clause),
        Parsed::Value(value) => match &value.value {
            Value::Number(text, _) => text.as_str(),
            Value::Boolean(true) => "1",
            Value::Boolean(false) => "0",
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let Ok(number) = text.parse::<usize>() else {
        return Ok(None);
    };
    let item = number.checked_sub(1).and_then(|at| items.get(at));
    item.map(Some).ok_or_else(|| {
        ResolveError::NoColumn {
            column: text.to_owned(),
            clause,
        }
        .into()
    })
}

fn order_by(
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
        let whole_alias = match &key.expr {
            Parsed::Identifier(name) => item_by_alias(items, &name.value)?,
            _ => None,
        };
        let expr = match (position(&key.expr, items, "order clause")?, whole_alias) {
            (Some(item), _) => item.expr.clone(),
            (None, Some(expr)) => expr,
            (None, None) => {
                Converter::new(scope, Place::AfterGroups, items, notes).convert(&key.expr)?
            }
        };
        keys.push(OrderKey {
            expr,
            descending: matches!(key.options.sort, Some(OrderBySort::Desc)),
        });
    }
    Ok(keys)
}

fn range(limit: Option<&LimitClause>) -> Result<RowRange, PlanError> {
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
