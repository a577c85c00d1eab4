//! Subqueries that are terms of WHERE: `x IN (SELECT …)`, `EXISTS (SELECT …)`, and the value of an
//! aggregate. Whether the chunks can compute them is proven in [`crate::passes::joins`].
//!
//! Keeps true: a subquery has a value of its own for each row outside, however the rows of its tables
//! are stored and read; what depends on more (LIMIT, random values, several rows for one value) is
//! refused here.

use std::collections::BTreeMap;

use orrery_archive::catalog::Catalog;
use orrery_archive::table::ddl::quote_identifier;
use sqlparser::ast::{BinaryOperator, Expr as Parsed, Query, UnaryOperator};

use super::clauses::group_by;
use super::convert::{Converter, Notes, Place};
use super::from;
use super::parts::{conjuncts, distinct, items, plain_select};
use crate::error::{PlanError, refused};
use crate::query::derived::may_differ;
use crate::query::expr::{ColumnId, Comparison, Expr, Part};
use crate::query::functions::{Returns, is_area_name};
use crate::query::scope::{Scope, ScopeTable, TableRole};
use crate::query::select::{FromTable, JoinKind, Nested};

/// The subqueries of a WHERE.
#[derive(Default)]
pub(super) struct Subqueries<'a> {
    /// Their tables, whose places follow those of the statement's own.
    pub tables: Vec<ScopeTable<'a>>,
    /// What each of them reads.
    pub nested: Vec<Nested>,
}

/// A resolved subquery.
struct Block {
    from: Vec<Vec<FromTable>>,
    items: Vec<Expr>,
    distinct: bool,
    filter: Vec<Expr>,
    group_by: Vec<Expr>,
    having: Option<Expr>,
}

/// What a subquery is asked.
#[derive(Clone, Copy)]
enum Asked<'p> {
    /// Whether the value is among its own.
    In(&'p Parsed),
    /// Whether it has rows.
    Exists,
    /// Its value.
    Value,
}

impl<'a> Subqueries<'a> {
    /// A term that is a subquery of a known form, as an expression; `None` when it is none.
    pub(super) fn term(
        &mut self,
        parsed: &Parsed,
        scope: &Scope<'a>,
        catalog: &'a Catalog,
        notes: &mut Notes,
    ) -> Result<Option<Expr>, PlanError> {
        let mut add = |asked, query| self.add(asked, query, scope, catalog, notes);
        let term = match parsed {
            Parsed::InSubquery {
                expr,
                subquery,
                negated,
            } => {
                let (value, block) = add(Asked::In(expr), subquery)?;
                let word = if *negated { " NOT IN " } else { " IN " };
                Some(with_block("(", value, word, block, ")"))
            }
            Parsed::Exists { subquery, negated } => {
                let (_, block) = add(Asked::Exists, subquery)?;
                let word = if *negated { "(NOT EXISTS " } else { "(EXISTS " };
                Some(with_block("", None, word, block, ")"))
            }
            Parsed::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => {
                let mut inner = &**expr;
                while let Parsed::Nested(nested) = inner {
                    inner = nested;
                }
                let is_asked = matches!(inner, Parsed::InSubquery { .. } | Parsed::Exists { .. });
                let term = if is_asked {
                    self.term(inner, scope, catalog, notes)?
                } else {
                    None
                };
                term.map(|term| Expr::Not(Box::new(term)))
            }
            Parsed::BinaryOp { left, op, right } => {
                let (Some(comparison), Parsed::Subquery(query)) = (comparison(op), &**right) else {
                    return Ok(None);
                };
                let (_, block) = add(Asked::Value, query)?;
                let value = with_block("", None, "", block, "");
                let left = Converter::new(scope, Place::Filter, notes).convert(left)?;
                Some(Expr::Compare(comparison, Box::new(left), Box::new(value)))
            }
            _ => None,
        };
        Ok(term)
    }

    /// Resolves a subquery; gives the value that is asked for in it, and its text.
    fn add(
        &mut self,
        asked: Asked<'_>,
        query: &Query,
        outer: &Scope<'a>,
        catalog: &'a Catalog,
        notes: &mut Notes,
    ) -> Result<(Option<Expr>, Vec<Part>), PlanError> {
        let value = match asked {
            Asked::In(parsed) => Some(Converter::new(outer, Place::Filter, notes).convert(parsed)?),
            Asked::Exists | Asked::Value => None,
        };
        let known = [outer.tables.as_slice(), &self.tables].concat();
        let mut scope = Scope::nested(outer, known);
        let mut block =
            resolve(query, &mut scope, catalog, notes).map_err(|error| match error {
                // DUAL, for one: every other table is known.
                PlanError::Resolve(_) => refused("these names in a subquery", HINT),
                error => error,
            })?;
        let compared = match asked {
            Asked::In(_) => value
                .as_ref()
                .and_then(|value| block.compared(value, &scope)),
            Asked::Exists if block.is_folded() => None,
            Asked::Exists => {
                block.items = vec![Expr::number(1)];
                None
            }
            Asked::Value => {
                block.check_one_row()?;
                None
            }
        };
        if block.items.len() != 1 {
            return Err(refused("a subquery of several columns", HINT));
        }
        if let (Some(value), [item]) = (&value, block.items.as_slice()) {
            check_lookup(value, item, &scope)?;
        }
        let (tables, terms) = (scope.own().collect(), block.terms());
        let text = block.text(&self.take(scope, outer));
        self.nested.push(Nested {
            tables,
            terms,
            compared,
        });
        Ok((value, text))
    }

    /// Takes the tables of a subquery over, each under a name that no other has; gives these names by
    /// the tables' places.
    fn take(&mut self, scope: Scope<'a>, outer: &Scope<'a>) -> BTreeMap<usize, String> {
        let mut names = BTreeMap::new();
        let first = scope.own().start;
        for (place, mut table) in scope.tables.into_iter().enumerate().skip(first) {
            let all = outer.tables.iter().chain(&self.tables);
            let taken: Vec<&str> = all.map(|table| table.alias.as_str()).collect();
            table.alias = another_name(&table.alias, &taken);
            table.role = match table.role {
                TableRole::Chunked => TableRole::Nested,
                _ => TableRole::NestedReference,
            };
            names.insert(place, quote_identifier(&table.alias));
            self.tables.push(table);
        }
        names
    }
}

const HINT: &str = "write a join, or run the inner query first and put its result into IN (…)";

/// A name like `alias` that no table has.
fn another_name(alias: &str, taken: &[&str]) -> String {
    let is_taken = |name: &str| taken.iter().any(|taken| taken.eq_ignore_ascii_case(name));
    let (mut name, mut number) = (alias.to_owned(), 0);
    while is_taken(&name) {
        number += 1;
        name = format!("{alias}_{number}");
    }
    name
}

/// Refuses `value IN (SELECT item …)` where the rows of the subquery may be a derived table, in whose
/// key the value is then looked up.
fn check_lookup(value: &Expr, item: &Expr, scope: &Scope<'_>) -> Result<(), PlanError> {
    let is_looked_up = |column: ColumnId| {
        let table = scope.table_of(column);
        let is_united = table.is_some_and(|table| table.table.segments.len() > 1);
        is_united && scope.own().contains(&column.table)
    };
    if may_differ(value, item, scope, &is_looked_up) {
        return Err(refused(
            "IN of a value and a column of another type in a subquery",
            "write EXISTS (SELECT … WHERE column = value …)",
        ));
    }
    Ok(())
}

fn comparison(operator: &BinaryOperator) -> Option<Comparison> {
    Some(match operator {
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::NotEq => Comparison::NotEqual,
        BinaryOperator::Lt => Comparison::Less,
        BinaryOperator::LtEq => Comparison::LessOrEqual,
        BinaryOperator::Gt => Comparison::Greater,
        BinaryOperator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// `before value word (SELECT …) after`.
fn with_block(
    before: &str,
    value: Option<Expr>,
    word: &str,
    block: Vec<Part>,
    after: &str,
) -> Expr {
    let mut parts = vec![Part::Text(before.to_owned())];
    parts.extend(value.map(Part::Expr));
    parts.push(Part::Text(format!("{word}(SELECT ")));
    parts.extend(block);
    parts.push(Part::Text(format!("){after}")));
    Expr::Form(parts, Returns::Integer)
}

fn resolve<'a>(
    query: &Query,
    scope: &mut Scope<'a>,
    catalog: &'a Catalog,
    notes: &mut Notes,
) -> Result<Block, PlanError> {
    let select = plain_select(query)?;
    if query.limit_clause.is_some() || query.order_by.is_some() {
        return Err(refused("ORDER BY or LIMIT in a subquery", HINT));
    }
    let randoms = notes.randoms;
    let from = from::resolve_from(&select.from, &[], catalog, scope, notes)?;
    let mut entries = from.iter().flatten();
    if entries.any(|entry| entry.join == JoinKind::Left || !entry.hints.is_empty()) {
        return Err(refused("LEFT JOIN or index hints in a subquery", HINT));
    }
    let mut filter = Vec::new();
    for parsed in select.selection.iter().flat_map(conjuncts) {
        let whole = Converter::new(scope, Place::Filter, notes).convert(parsed)?;
        filter.extend(whole.into_conjuncts());
    }
    let items = items(select, scope, notes)?;
    let groups = group_by(select, scope, &items, notes)?;
    let having = match &select.having {
        Some(having) => {
            let place = Place::Having(&items, &groups);
            Some(Converter::new(scope, place, notes).convert(having)?)
        }
        None => None,
    };
    let block = Block {
        from,
        items: items.into_iter().map(|item| item.expr).collect(),
        distinct: distinct(select)?,
        filter,
        group_by: groups.into_iter().map(|group| group.expr).collect(),
        having,
    };
    let is_area = |expr: &Expr| matches!(expr, Expr::Call { name, .. } if is_area_name(name));
    if notes.randoms != randoms || block.exprs().any(|expr| expr.any(&is_area)) {
        return Err(refused("random values or regions in a subquery", HINT));
    }
    block.check_names(scope)?;
    Ok(block)
}

impl Block {
    fn exprs(&self) -> impl Iterator<Item = &Expr> {
        let on = self.from.iter().flatten().flat_map(|entry| &entry.on);
        on.chain(&self.items)
            .chain(&self.filter)
            .chain(&self.group_by)
            .chain(&self.having)
    }

    /// Whether rows become fewer, or one where there is none.
    fn is_folded(&self) -> bool {
        let has_aggregate = self.items.iter().any(Expr::has_aggregate);
        has_aggregate || !self.group_by.is_empty() || self.having.is_some()
    }

    /// What holds for each combination of rows.
    fn terms(&self) -> Vec<Expr> {
        let on = self.from.iter().flatten().flat_map(|entry| &entry.on);
        on.chain(&self.filter).cloned().collect()
    }

    /// Refuses what a name in GROUP BY or HAVING might also mean: columns of another table than those
    /// that are grouped by.
    fn check_names(&self, scope: &Scope<'_>) -> Result<(), PlanError> {
        let is_own = |expr: &Expr| match expr {
            Expr::Column(column) => scope.own().contains(&column.table),
            _ => false,
        };
        let is_grouped = |column: ColumnId| self.group_by.contains(&Expr::Column(column));
        let mut are_known = self.group_by.iter().all(is_own);
        if let Some(having) = &self.having {
            are_known &= !self.group_by.is_empty() && having.names_only(&is_grouped);
        }
        if are_known {
            Ok(())
        } else {
            Err(refused("this GROUP BY or HAVING in a subquery", HINT))
        }
    }

    /// Refuses what may have several rows.
    fn check_one_row(&self) -> Result<(), PlanError> {
        let is_one = self.group_by.is_empty() && self.having.is_none();
        let is_value = |item: &Expr| item.has_aggregate() && item.names_only(&|_| false);
        if is_one && self.items.iter().all(is_value) {
            Ok(())
        } else {
            Err(refused(
                "the value of a subquery that is no aggregate",
                HINT,
            ))
        }
    }

    /// The equality by which rows of the subquery are those of a row outside, if it is enough to look
    /// at these: [`Nested::compared`].
    fn compared(&self, value: &Expr, scope: &Scope<'_>) -> Option<Expr> {
        let ([item], false) = (self.items.as_slice(), self.is_folded() && !self.is_keyed()) else {
            return None;
        };
        let (Expr::Column(outer), Expr::Column(inner)) = (value, item) else {
            return None;
        };
        let is_sure = |column: &ColumnId| {
            let table = scope.table_of(*column)?;
            let declared = table.declared().get(column.column)?;
            Some(!declared.nullable && table.role == TableRole::Chunked)
        };
        let are_sure = is_sure(outer)? && is_sure(inner)? && scope.own().contains(&inner.table);
        let equal = || {
            let (value, item) = (Box::new(value.clone()), Box::new(item.clone()));
            Expr::Compare(Comparison::Equal, value, item)
        };
        are_sure.then(equal)
    }

    /// Whether each group has one value of the select list.
    fn is_keyed(&self) -> bool {
        self.items.iter().all(|item| self.group_by.contains(item))
    }

    /// What follows SELECT.
    fn text(self, names: &BTreeMap<usize, String>) -> Vec<Part> {
        let mut parts = Vec::new();
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        push_list(&mut parts, distinct, ", ", self.items);
        for (number, group) in self.from.into_iter().enumerate() {
            let joint = if number > 0 { ", " } else { " FROM " };
            parts.push(Part::Text(joint.to_owned()));
            for entry in group {
                let joint = match entry.join {
                    JoinKind::First => "",
                    JoinKind::Straight => " STRAIGHT_JOIN ",
                    JoinKind::Inner | JoinKind::Left => " INNER JOIN ",
                };
                let name = names.get(&entry.table).map_or("", String::as_str);
                parts.extend([
                    Part::Text(joint.to_owned()),
                    Part::Table(entry.table),
                    Part::Text(format!(" AS {name}")),
                ]);
                push_list(&mut parts, " ON ", " AND ", entry.on);
            }
        }
        push_list(&mut parts, " WHERE ", " AND ", self.filter);
        push_list(&mut parts, " GROUP BY ", ", ", self.group_by);
        push_list(
            &mut parts,
            " HAVING ",
            "",
            self.having.into_iter().collect(),
        );
        parts
    }
}

fn push_list(parts: &mut Vec<Part>, words: &str, joint: &str, list: Vec<Expr>) {
    for (number, expr) in list.into_iter().enumerate() {
        let before = if number > 0 { joint } else { words };
        parts.push(Part::Text(before.to_owned()));
        parts.push(Part::Expr(expr));
    }
}
