//! Which rows of a table a statement can do without, wherever it reads the table.
//!
//! Keeps true: a row is left out only when every place that reads the table drops it by a term of
//! its WHERE that names this table alone. The table is then on the inner side of every join around
//! it: a row missing there could otherwise come back as NULLs. Names mean the same in the term
//! alone as in the whole statement: a column of the FROM around it comes before any further out,
//! and MariaDB refuses one that two tables have.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use orrery_archive::catalog::{Catalog, Table, TableKey};
use sqlparser::ast::{
    Join, JoinConstraint, JoinOperator, Query, Select, TableFactor, TableWithJoins, Visit, Visitor,
};

use super::tables::Fetched;
use crate::passes::resolve::names::table_parts;
use crate::passes::resolve::own_terms;
use crate::query::expr::Expr;
use crate::query::scope::{Scope, ScopeTable, TableRole};

/// Places that read a table beyond which its filter is not worth its length.
const MOST_PLACES: usize = 4;

/// The rows of a table that are fetched.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    /// All.
    All,
    /// Those of this condition, and others do no harm.
    Rows(String),
    /// Those of this condition and no others: it holds a spatial restriction, which the text that
    /// runs does not.
    Area(String),
}

/// What each place that reads a table keeps of it.
#[derive(Default)]
pub(super) struct Filters {
    places: BTreeMap<TableKey, Vec<Place>>,
    areas: usize,
}

/// A place that reads a table, and the conditions on its rows; none: all of them.
#[derive(Clone)]
struct Place {
    conditions: Vec<String>,
    has_area: bool,
}

impl Filters {
    /// The filters of a statement's tables; none when it has no tree.
    pub(super) fn of(
        query: Option<&Query>,
        tables: &[Fetched<'_>],
        catalog: &Catalog,
        database: Option<&str>,
    ) -> Self {
        let mut blocks = Blocks {
            known: tables
                .iter()
                .map(|table| (table.key, table.table))
                .collect(),
            catalog,
            database,
            filters: Self::default(),
        };
        if let Some(query) = query {
            let _ = query.visit(&mut blocks);
        }
        blocks.filters
    }

    /// Spatial restrictions that are part of a filter.
    pub(super) fn areas(&self) -> usize {
        let is_one =
            |places: &Vec<Place>| places.len() == 1 || places.iter().all(|place| !place.has_area);
        if self.places.values().all(is_one) {
            self.areas
        } else {
            0
        }
    }

    /// The filter of a table.
    pub(super) fn of_table(&self, key: &TableKey) -> Filter {
        let Some(places) = self.places.get(key) else {
            return Filter::All;
        };
        if places.len() > MOST_PLACES || places.iter().any(|place| place.conditions.is_empty()) {
            return Filter::All;
        }
        let conditions = |place: &Place| format!("({})", place.conditions.join(" AND "));
        let kept: Vec<String> = places.iter().map(conditions).collect();
        match places.as_slice() {
            [
                Place {
                    conditions,
                    has_area: true,
                },
            ] => Filter::Area(conditions.join(" AND ")),
            [Place { conditions, .. }] => Filter::Rows(conditions.join(" AND ")),
            _ => Filter::Rows(kept.join(" OR ")),
        }
    }
}

/// Collects the filters of every SELECT.
struct Blocks<'a> {
    known: BTreeMap<&'a TableKey, &'a Table>,
    catalog: &'a Catalog,
    database: Option<&'a str>,
    filters: Filters,
}

impl Visitor for Blocks<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.block(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        // Those in parentheses: no filter is looked for.
        if let TableFactor::NestedJoin {
            table_with_joins, ..
        } = factor
        {
            for factor in factors(table_with_joins) {
                self.add_unfiltered(factor);
            }
        }
        ControlFlow::Continue(())
    }
}

impl<'a> Blocks<'a> {
    fn key_of(&self, factor: &TableFactor) -> Option<&'a TableKey> {
        let TableFactor::Table { name, .. } = factor else {
            return None;
        };
        let (qualifier, table) = table_parts(name).ok()?;
        let key = TableKey::new(qualifier.or(self.database)?, table);
        self.known.get_key_value(&key).map(|(key, _)| *key)
    }

    fn add(&mut self, key: &TableKey, place: Place) {
        self.filters
            .places
            .entry(key.clone())
            .or_default()
            .push(place);
    }

    fn add_unfiltered(&mut self, factor: &TableFactor) {
        if let Some(key) = self.key_of(factor) {
            self.add(
                key,
                Place {
                    conditions: Vec::new(),
                    has_area: false,
                },
            );
        }
    }

    /// The places of one SELECT.
    fn block(&mut self, select: &Select) {
        let merges_names = select
            .from
            .iter()
            .flat_map(|group| &group.joins)
            .any(|join| {
                matches!(
                    constraint_of(&join.join_operator),
                    Some(JoinConstraint::Using(_) | JoinConstraint::Natural)
                )
            });
        let mut read: Vec<(&TableFactor, Option<Terms>)> = Vec::new();
        for group in &select.from {
            let inner = inner_sides(group);
            for (factor, is_inner) in factors(group).zip(inner) {
                let terms = (is_inner && !merges_names)
                    .then(|| self.terms(select, factor))
                    .flatten();
                read.push((factor, terms));
            }
        }
        let restricted = restricted(&read);
        let areas = read
            .iter()
            .filter_map(|(_, terms)| terms.as_ref())
            .map(|terms| terms.areas.len())
            .max();
        if restricted.is_some() {
            self.filters.areas += areas.unwrap_or(0);
        }
        for (factor, terms) in read {
            match (self.key_of(factor), terms) {
                (Some(key), Some(terms)) => {
                    let has_area = restricted == Some(terms.position) && !terms.areas.is_empty();
                    let mut conditions = terms.own;
                    if has_area {
                        conditions.extend(terms.areas);
                    }
                    self.add(
                        key,
                        Place {
                            conditions,
                            has_area,
                        },
                    );
                }
                _ => self.add_unfiltered(factor),
            }
        }
    }

    /// What the WHERE of a SELECT says about one of its tables alone.
    fn terms(&self, select: &Select, factor: &TableFactor) -> Option<Terms> {
        let key = self.key_of(factor)?;
        let TableFactor::Table { alias, .. } = factor else {
            return None;
        };
        let table = *self.known.get(key)?;
        let role = if table.kind.is_chunked() {
            TableRole::Chunked
        } else {
            TableRole::Reference
        };
        let scope = |alias: &str| {
            let mut scope = Scope::new(self.database);
            let (key, table) = self.catalog.tables.get_key_value(key)?;
            let added = scope.add(ScopeTable {
                key,
                alias: alias.to_owned(),
                table,
                role,
                is_query: false,
            });
            added.ok().map(|_| scope)
        };
        let written = alias
            .as_ref()
            .map_or(key.table.as_str(), |alias| &alias.name.value);
        let (written, alone) = (scope(written)?, scope(&key.table)?);
        let print = |terms: Vec<Expr>| terms.iter().map(|term| term.print(&alone)).collect();
        let (own, areas) = select
            .selection
            .as_ref()
            .map(|filter| own_terms(filter, &written))
            .unwrap_or_default();
        let has_position = table
            .kind
            .chunked()
            .is_some_and(|table| table.position.is_some());
        Some(Terms {
            own: print(own),
            areas: print(areas),
            position: match (has_position, table.kind.is_director()) {
                (true, true) => Position::Director,
                (true, false) => Position::Child,
                (false, _) => Position::None,
            },
        })
    }
}

/// What a WHERE says about one table.
struct Terms {
    /// Terms that name it alone.
    own: Vec<String>,
    /// Spatial restrictions of the same WHERE.
    areas: Vec<String>,
    position: Position,
}

/// Whose position a table's position is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    None,
    Director,
    Child,
}

/// Which tables of a FROM its spatial restrictions are about, as over chunks: directors, or else
/// children.
fn restricted(read: &[(&TableFactor, Option<Terms>)]) -> Option<Position> {
    let has = |position: Position| {
        read.iter()
            .filter_map(|(_, terms)| terms.as_ref())
            .any(|terms| terms.position == position)
    };
    [Position::Director, Position::Child]
        .into_iter()
        .find(|position| has(*position))
}

/// The tables of a group of joins, from left to right.
fn factors(group: &TableWithJoins) -> impl Iterator<Item = &TableFactor> {
    let joined = group.joins.iter().map(|join| &join.relation);
    std::iter::once(&group.relation).chain(joined)
}

/// For each of them, whether no outer join can put NULLs in place of its rows.
fn inner_sides(group: &TableWithJoins) -> Vec<bool> {
    let is_kept = |join: &Join| {
        matches!(
            join.join_operator,
            JoinOperator::Join(_)
                | JoinOperator::Inner(_)
                | JoinOperator::CrossJoin(_)
                | JoinOperator::StraightJoin(_)
        )
    };
    // Right of its last RIGHT JOIN, or whatever else is not known to keep its left side.
    let keeps_left = |join: &Join| {
        is_kept(join)
            || matches!(
                join.join_operator,
                JoinOperator::Left(_) | JoinOperator::LeftOuter(_)
            )
    };
    let mut sides = vec![true];
    for join in &group.joins {
        if !keeps_left(join) {
            sides.fill(false);
        }
        sides.push(is_kept(join));
    }
    sides
}

fn constraint_of(operator: &JoinOperator) -> Option<&JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::CrossJoin(constraint)
        | JoinOperator::StraightJoin(constraint) => Some(constraint),
        _ => None,
    }
}
