//! A resolved SELECT: what every pass reads.

use orrery_archive::catalog::{Table, TableKey};

use super::expr::Expr;
use super::neighbour::Neighbour;
use super::scope::{Scope, ScopeTable, same_name};

/// An entry of the select list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub expr: Expr,
    /// Alias, or a column's own name.
    pub name: Option<String>,
}

impl Item {
    /// Whether this is its alias, or its column's name.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        let own = self.name.as_deref();
        own.is_some_and(|own| same_name(own, name))
    }
}

/// An entry of ORDER BY.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OrderKey {
    pub expr: Expr,
    pub descending: bool,
}

/// A `qserv_areaspec_*` call, as the parser has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AreaCall {
    /// Name in small letters.
    pub name: String,
    /// Arguments: literals, if the call is right.
    pub arguments: Vec<Expr>,
}

/// A resolved SELECT over tables.
pub(crate) struct Select<'a> {
    pub scope: Scope<'a>,
    /// Tables separated by commas, each with what is joined to it.
    pub from: Vec<Vec<FromTable>>,
    pub items: Vec<Item>,
    pub distinct: bool,
    /// Terms of WHERE, joined by AND.
    pub filter: Vec<Expr>,
    pub areas: Vec<AreaCall>,
    /// Tables that are read with their overlap.
    pub neighbours: Vec<Neighbour>,
    /// What the subqueries of WHERE read.
    pub nested: Vec<Nested>,
    /// Tables of FROM that are queries.
    pub derived: Vec<&'a Derived<'a>>,
    pub group_by: Vec<Expr>,
    pub having: Option<Expr>,
    pub order_by: Vec<OrderKey>,
    pub range: RowRange,
    pub uses_now: bool,
}

impl<'a> Select<'a> {
    /// The tables that are read: those of the statement itself, then those of its queries in FROM.
    pub(crate) fn stored_tables(&self) -> Vec<&ScopeTable<'a>> {
        let of_derived = self
            .derived
            .iter()
            .flat_map(|query| query.select.stored_tables());
        self.scope.stored().chain(of_derived).collect()
    }

    /// Terms that hold in every row of the answer's inner part: of ON of inner joins, and of WHERE.
    pub(crate) fn inner_terms(&self) -> impl Iterator<Item = &Expr> {
        let entries = self.from.iter().flatten();
        let inner = entries.filter(|entry| entry.join != JoinKind::Left);
        inner.flat_map(|entry| &entry.on).chain(&self.filter)
    }

    /// Visits every expression of the statement, spatial restrictions apart.
    pub(crate) fn for_each_expr(&self, visit: &mut dyn FnMut(&Expr)) {
        let on = self.from.iter().flatten().flat_map(|entry| &entry.on);
        let order = self.order_by.iter().map(|key| &key.expr);
        let items = self.items.iter().map(|item| &item.expr);
        items
            .chain(on)
            .chain(&self.filter)
            .chain(&self.group_by)
            .chain(&self.having)
            .chain(order)
            .for_each(visit);
    }

    /// Every expression of the statement but the select list; `filter` holds the terms of WHERE.
    pub(crate) fn beside_items<'s>(&'s self, filter: &'s [Expr]) -> impl Iterator<Item = &'s Expr> {
        let on = self.from.iter().flatten().flat_map(|entry| &entry.on);
        let order = self.order_by.iter().map(|key| &key.expr);
        on.chain(filter)
            .chain(&self.group_by)
            .chain(&self.having)
            .chain(order)
    }

    /// Whether rows are folded into groups.
    pub(crate) fn is_grouped(&self) -> bool {
        let aggregates = self.items.iter().any(|item| item.expr.has_aggregate());
        let having = self.having.as_ref().is_some_and(Expr::has_aggregate);
        let order = self.order_by.iter().any(|key| key.expr.has_aggregate());
        !self.group_by.is_empty() || aggregates || having || order
    }
}

/// A query in FROM of which each chunk computes its own part.
pub(crate) struct Derived<'a> {
    /// Its place in FROM, which is that in the scope around it.
    pub place: usize,
    /// Its alias, in the database of its director.
    pub key: TableKey,
    /// What it is to the statement around it: a child of its director. Its key is that of the
    /// director's that is among its columns; no column has the key's name when none is.
    pub table: Table,
    /// The query; ORDER BY, which orders nothing, is not computed.
    pub select: Select<'a>,
}

/// A subquery in WHERE. Its text is part of a term; this is what says which rows it reads.
#[derive(Debug)]
pub(crate) struct Nested {
    /// Places of its tables in the scope.
    pub tables: Vec<usize>,
    /// What holds for each combination of its rows, joined by AND.
    pub terms: Vec<Expr>,
    /// Of `column IN (SELECT column …)`: their equality. Rows for which it does not hold change
    /// nothing, because neither column has NULLs and no row is counted with another of another value.
    pub compared: Option<Expr>,
}

/// How a table is joined to those on its left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinKind {
    /// First of its group.
    First,
    /// Inner.
    Inner,
    /// Inner, in this order.
    Straight,
    /// Optional.
    Left,
}

/// A table of FROM.
#[derive(Clone, Debug)]
pub(crate) struct FromTable {
    /// Place in the scope.
    pub table: usize,
    pub join: JoinKind,
    /// Terms of ON (and USING), joined by AND.
    pub on: Vec<Expr>,
    /// Index hints, as text with a leading space.
    pub hints: String,
}

/// The rows of a LIMIT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowRange {
    /// Rows to leave out first.
    pub offset: u64,
    /// Rows to send at most; `None` for all.
    pub count: Option<u64>,
}
