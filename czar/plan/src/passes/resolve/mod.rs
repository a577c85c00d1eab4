//! From the parser's tree to a [`Select`]: every name bound to a column of the catalog, every
//! construct on the allow-list.
//!
//! Users' text runs on the shadow server's tables first, so names that mean nothing are MariaDB's
//! to report; errors here only have to be sane.

mod clauses;
mod convert;
mod from;
pub(crate) mod names;

use orrery_archive::catalog::Catalog;
use sqlparser::ast::{
    BinaryOperator, Distinct, Expr as Parsed, Query, Select as ParsedSelect, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr,
};

use crate::error::{PlanError, ResolveError, refused};
use crate::query::expr::{ColumnId, Comparison, Expr};
use crate::query::functions::is_area_name;
use crate::query::scope::{Scope, ScopeTable};
use crate::query::select::{AreaCall, Item, Select};
use clauses::{group_by, order_by, range};
use convert::{Converter, Notes, Place};

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
            let place = Place::Having(&items, &group_by);
            Some(Converter::new(&scope, place, &mut notes).convert(having)?)
        }
        None => None,
    };
    let order_by = order_by(query, &scope, &items, &mut notes)?;
    Ok(Select {
        from,
        distinct: distinct(select)?,
        filter,
        areas,
        neighbours: Vec::new(),
        group_by: group_by.into_iter().map(|group| group.expr).collect(),
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
        let mut converter = Converter::new(scope, Place::Items, notes);
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
    let whole = Converter::new(scope, Place::Filter, notes).convert(parsed)?;
    let (mut areas, mut filter) = (Vec::new(), Vec::new());
    for term in whole.into_conjuncts() {
        match area_call(&term) {
            Some(area) => areas.push(area),
            None => filter.push(term),
        }
    }
    Ok((areas, filter))
}

/// The terms of a WHERE that name columns of `scope` alone and have one value per row, and its
/// spatial restrictions as terms; what else stands there is left out.
pub(crate) fn own_terms(parsed: &Parsed, scope: &Scope<'_>) -> (Vec<Expr>, Vec<Expr>) {
    let (mut terms, mut areas) = (Vec::new(), Vec::new());
    let mut rest = vec![parsed];
    while let Some(parsed) = rest.pop() {
        match parsed {
            Parsed::BinaryOp {
                left,
                op: BinaryOperator::And,
                right,
            } => rest.extend([&**right, &**left]),
            Parsed::Nested(inner) => rest.push(inner),
            term => {
                let mut notes = Notes::default();
                let converted = Converter::new(scope, Place::Filter, &mut notes).convert(term);
                let Ok(term) = converted else { continue };
                if area_call(&term).is_some() {
                    areas.push(term);
                } else if notes.randoms == 0 {
                    terms.push(term);
                }
            }
        }
    }
    (terms, areas)
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
