//! From the parser's tree to a [`Select`]: every name bound to a column of the catalog, every
//! construct on the allow-list.
//!
//! Users' text runs on the shadow server's tables first, so names that mean nothing are MariaDB's
//! to report; errors here only have to be sane.

mod clauses;
mod convert;
mod from;
pub(crate) mod names;
mod nested;
mod parts;

use orrery_archive::catalog::Catalog;
use sqlparser::ast::{Expr as Parsed, Query, Select as ParsedSelect};

use crate::error::PlanError;
use crate::query::expr::{Comparison, Expr};
use crate::query::functions::is_area_name;
use crate::query::scope::Scope;
use crate::query::select::{AreaCall, Derived, Select};
use clauses::{group_by, order_by, range};
use convert::{Converter, Notes, Place};
use nested::Subqueries;
use parts::{conjuncts, distinct, items};
pub(crate) use parts::{outer_select, plain_select};

/// Resolves a query over chunked tables. `derived` are those of its tables that are queries, names
/// of its WITH among them.
pub(crate) fn resolve<'a>(
    query: &Query,
    derived: &'a [Derived<'a>],
    catalog: &'a Catalog,
    database: Option<&'a str>,
) -> Result<Select<'a>, PlanError> {
    let select = outer_select(query)?;
    let mut notes = Notes::default();
    let mut scope = Scope::new(database);
    let from = from::resolve_from(&select.from, derived, catalog, &mut scope, &mut notes)?;
    let (areas, filter, subqueries) = filter(select, &scope, catalog, &mut notes)?;
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
    // Their names mean nothing outside.
    scope.tables.extend(subqueries.tables);
    Ok(Select {
        from,
        distinct: distinct(select)?,
        filter,
        areas,
        neighbours: Vec::new(),
        nested: subqueries.nested,
        derived: derived.iter().collect(),
        group_by: group_by.into_iter().map(|group| group.expr).collect(),
        having,
        order_by,
        range: range(query.limit_clause.as_ref())?,
        uses_now: notes.uses_now || derived.iter().any(|query| query.select.uses_now),
        items,
        scope,
    })
}

/// Terms of WHERE: `qserv_areaspec_*` calls and the rest, and what its subqueries read.
fn filter<'a>(
    select: &ParsedSelect,
    scope: &Scope<'a>,
    catalog: &'a Catalog,
    notes: &mut Notes,
) -> Result<(Vec<AreaCall>, Vec<Expr>, Subqueries<'a>), PlanError> {
    let (mut areas, mut filter) = (Vec::new(), Vec::new());
    let mut subqueries = Subqueries::default();
    for parsed in select.selection.iter().flat_map(conjuncts) {
        if let Some(term) = subqueries.term(parsed, scope, catalog, notes)? {
            filter.push(term);
            continue;
        }
        let whole = Converter::new(scope, Place::Filter, notes).convert(parsed)?;
        for term in whole.into_conjuncts() {
            match area_call(&term) {
                Some(area) => areas.push(area),
                None => filter.push(term),
            }
        }
    }
    Ok((areas, filter, subqueries))
}

/// The terms of a WHERE that name columns of `scope` alone and have one value per row, and its
/// spatial restrictions as terms; what else stands there is left out.
pub(crate) fn own_terms(parsed: &Parsed, scope: &Scope<'_>) -> (Vec<Expr>, Vec<Expr>) {
    let (mut terms, mut areas) = (Vec::new(), Vec::new());
    for term in conjuncts(parsed) {
        let mut notes = Notes::default();
        let converted = Converter::new(scope, Place::Filter, &mut notes).convert(term);
        let Ok(term) = converted else { continue };
        if area_call(&term).is_some() {
            areas.push(term);
        } else if notes.randoms == 0 {
            terms.push(term);
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
