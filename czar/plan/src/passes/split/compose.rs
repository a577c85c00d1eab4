//! Prints a statement twice: as a template over physical tables, and over the shadow server's
//! tables.

use std::cell::RefCell;
use std::collections::BTreeSet;

use orrery_archive::table::ddl::quote_identifier;

use crate::error::{PlanError, refused};
use crate::plan::template::{Piece, Template};
use crate::query::columns::{loses_nature, typed_null};
use crate::query::derived::only_compared;
use crate::query::expr::{ColumnId, ColumnNames, Expr};
use crate::query::neighbour::Neighbour;
use crate::query::scope::ScopeTable;
use crate::query::select::{JoinKind, Select};

/// What surrounds the select list in every statement of the plan: FROM and WHERE.
pub(super) struct Composer<'a, 's> {
    select: &'s Select<'a>,
    filter: &'s [Expr],
}

impl<'a, 's> Composer<'a, 's> {
    /// `filter` holds the terms of WHERE, spatial predicates included.
    pub(super) fn new(select: &'s Select<'a>, filter: &'s [Expr]) -> Result<Self, PlanError> {
        let composer = Self { select, filter };
        composer.check_optional()?;
        Ok(composer)
    }

    /// The statement as a template. `list` follows SELECT, `tail` follows WHERE.
    pub(super) fn template(&self, list: &str, tail: &str) -> Template {
        let mut pieces = vec![Piece::Text(format!("SELECT {list} FROM "))];
        let hole = |table| self.hole(table);
        self.push_from(&mut pieces, &hole);
        self.push_tail(tail, &hole, &mut pieces);
        Template {
            pieces: merged(pieces),
        }
    }

    /// The statement over the shadow tables.
    pub(super) fn shadow(&self, list: &str, tail: &str) -> String {
        let mut pieces = vec![Piece::Text(format!("SELECT {list} FROM "))];
        let hole = |table| {
            let mut name = String::new();
            self.select.scope.push_table(table, &mut name);
            Piece::Text(name)
        };
        self.push_from(&mut pieces, &hole);
        self.push_tail(tail, &hole, &mut pieces);
        let texts = merged(pieces).into_iter().map(|piece| match piece {
            Piece::Text(text) => text,
            // The tables are empty.
            Piece::Keys => "NULL".to_owned(),
            Piece::Table(_) | Piece::Derived { .. } => String::new(),
        });
        texts.collect()
    }

    fn push_tail(&self, tail: &str, hole: &dyn Fn(usize) -> Piece, pieces: &mut Vec<Piece>) {
        if !self.filter.is_empty() {
            pieces.push(Piece::Text(" WHERE ".into()));
            let of_all = |term: &&Expr| self.neighbour_of(term).is_none();
            self.push_terms(self.filter.iter().filter(of_all), hole, pieces);
        }
        pieces.push(Piece::Text(tail.to_owned()));
    }

    fn push_terms<'e>(
        &self,
        terms: impl Iterator<Item = &'e Expr>,
        hole: &dyn Fn(usize) -> Piece,
        pieces: &mut Vec<Piece>,
    ) {
        let scope = &self.select.scope;
        for (number, term) in terms.enumerate() {
            let mut text = if number > 0 { " AND " } else { "" }.to_owned();
            if let Expr::OwnKey(column) = term {
                text.push('(');
                Expr::Column(*column).push(scope, &mut text);
                text.push_str(" IN (");
                pieces.extend([Piece::Text(text), Piece::Keys, Piece::Text("))".into())]);
            } else {
                let holes = Holes::over(scope);
                only_compared(term, scope).push(&holes, &mut text);
                holes.fill(&text, hole, pieces);
            }
        }
    }

    fn push_from(&self, pieces: &mut Vec<Piece>, hole: &dyn Fn(usize) -> Piece) {
        let near = &self.select.neighbours;
        let steps = near
            .iter()
            .filter_map(|near| near.steps(&self.select.scope));
        pieces.extend(steps.map(|steps| Piece::Text(steps + ", ")));
        for (number, group) in self.select.from.iter().enumerate() {
            if number > 0 {
                pieces.push(Piece::Text(", ".into()));
            }
            for entry in group {
                pieces.push(Piece::Text(match entry.join {
                    JoinKind::First => String::new(),
                    JoinKind::Inner => " INNER JOIN ".into(),
                    JoinKind::Straight => " STRAIGHT_JOIN ".into(),
                    JoinKind::Left => " LEFT JOIN ".into(),
                }));
                match near.iter().find(|near| near.table == entry.table) {
                    Some(near) => self.push_neighbour(near, hole, pieces),
                    None => pieces.push(hole(entry.table)),
                }
                let alias = self
                    .select
                    .scope
                    .tables
                    .get(entry.table)
                    .map(|table| quote_identifier(&table.alias));
                let alias = alias.unwrap_or_default();
                pieces.push(Piece::Text(format!(" AS {alias}{}", entry.hints)));
                if !entry.on.is_empty() {
                    pieces.push(Piece::Text(" ON ".into()));
                    self.push_terms(entry.on.iter(), hole, pieces);
                } else if entry.join == JoinKind::Left {
                    pieces.push(Piece::Text(" ON TRUE".into()));
                }
            }
        }
    }

    /// A derived table with the rows of a neighbour and their cells.
    fn push_neighbour(
        &self,
        near: &Neighbour,
        hole: &dyn Fn(usize) -> Piece,
        pieces: &mut Vec<Piece>,
    ) {
        let scope = &self.select.scope;
        let used = self.used_columns(near.table);
        let columns = used.into_iter().map(|column| {
            let table = near.table;
            Expr::Column(ColumnId { table, column })
        });
        let items = columns.chain(near.cell_item(scope));
        let list: Vec<String> = items.map(|item| item.print(scope)).collect();
        let alias = scope.tables.get(near.table);
        let alias = alias.map_or_else(String::new, |table| quote_identifier(&table.alias));
        let list = format!("(SELECT {} FROM ", list.join(", "));
        pieces.extend([
            Piece::Text(list),
            hole(near.table),
            Piece::Text(format!(" AS {alias}")),
        ]);
        let of_near = |term: &&Expr| self.neighbour_of(term) == Some(near.table);
        let mut terms = self.filter.iter().filter(of_near).peekable();
        if terms.peek().is_some() {
            pieces.push(Piece::Text(" WHERE ".into()));
            self.push_terms(terms, hole, pieces);
        }
        pieces.push(Piece::Text(format!(" LIMIT {})", u64::MAX)));
    }

    /// The neighbour whose rows alone a term of WHERE chooses: it is then part of how they are read.
    fn neighbour_of(&self, term: &Expr) -> Option<usize> {
        let mut tables = BTreeSet::new();
        term.for_each_column(&mut |column| {
            tables.insert(column.table);
        });
        let mut neighbours = self.select.neighbours.iter().map(|near| near.table);
        let only = neighbours.find(|table| tables.iter().eq([table]))?;
        (!term.is_random()).then_some(only)
    }

    fn hole(&self, table: usize) -> Piece {
        let Some(entry) = self
            .select
            .scope
            .tables
            .get(table)
            .filter(|entry| entry.role.is_read_whole())
        else {
            return Piece::Table(table);
        };
        let used = self.used_columns(table);
        let names: Vec<String> = used
            .iter()
            .map(|&at| quote_identifier(entry.column_name(at)))
            .collect();
        let nulls = used.iter().map(|&at| {
            let null = typed_null(entry.column_type(at).as_ref(), entry.declared().get(at));
            format!("{null} AS {}", quote_identifier(entry.column_name(at)))
        });
        Piece::Derived {
            table,
            nulls: nulls.collect::<Vec<_>>().join(", "),
            columns: names.join(", "),
        }
    }

    /// Every expression of the statement but the select list.
    fn beside_items(&self) -> impl Iterator<Item = &'s Expr> {
        let on = self
            .select
            .from
            .iter()
            .flatten()
            .flat_map(|entry| &entry.on);
        let order = self.select.order_by.iter().map(|key| &key.expr);
        let rest = self
            .filter
            .iter()
            .chain(&self.select.group_by)
            .chain(&self.select.having)
            .chain(order);
        on.chain(rest)
    }

    /// Columns of a table that the statement uses; its first when none, so that rows still count.
    fn used_columns(&self, table: usize) -> Vec<usize> {
        let mut used = Vec::new();
        let mut note = |column: ColumnId| {
            if column.table == table && !used.contains(&column.column) {
                used.push(column.column);
            }
        };
        let items = self.select.items.iter().map(|item| &item.expr);
        items
            .chain(self.beside_items())
            .for_each(|expr| expr.for_each_column(&mut note));
        if used.is_empty() {
            used.push(0);
        }
        used.sort_unstable();
        used
    }

    /// Optional tables become derived tables, where some types lose their nature: such columns may
    /// only be selected as they are.
    fn check_optional(&self) -> Result<(), PlanError> {
        for (number, table) in self
            .select
            .scope
            .tables
            .iter()
            .enumerate()
            .filter(|(_, table)| loses_types(table))
        {
            let hinted = self
                .select
                .from
                .iter()
                .flatten()
                .any(|entry| entry.table == number && !entry.hints.is_empty());
            if hinted {
                return Err(refused(
                    "index hints on the right of LEFT JOIN",
                    "leave them out",
                ));
            }
            let mut lost = None;
            let mut check = |column: ColumnId| {
                if column.table == number
                    && table
                        .column_type(column.column)
                        .is_none_or(|kind| loses_nature(&kind))
                {
                    lost = Some(table.column_name(column.column));
                }
            };
            let computed = self
                .select
                .items
                .iter()
                .map(|item| &item.expr)
                .filter(|expr| !matches!(expr, Expr::Column(_)));
            computed
                .chain(self.beside_items())
                .for_each(|expr| expr.for_each_column(&mut check));
            let plain = self.select.items.iter().filter_map(|item| match item.expr {
                Expr::Column(column) if column.table == number => Some(column.column),
                _ => None,
            });
            let padded = |at: &usize| {
                table
                    .column_type(*at)
                    .is_some_and(|kind| kind.is_zerofill())
            };
            if table.table.segments.len() > 1 {
                lost = lost.or(plain
                    .into_iter()
                    .find(padded)
                    .map(|at| table.column_name(at)));
            }
            if let Some(column) = lost {
                return Err(refused(
                    format!("computing with '{column}' on the right of LEFT JOIN or in a subquery"),
                    "select the column as it is: ENUM, SET, BIT, YEAR, ZEROFILL and FLOAT(m,d) columns lose their type where several segments of a chunk are read as one table",
                ));
            }
        }
        Ok(())
    }
}

/// Whether some columns of a table lose their nature: in an outer join those of its stand-in for no
/// rows do as well, of which a subquery computes nothing.
fn loses_types(table: &ScopeTable<'_>) -> bool {
    table.role.is_optional() || table.role.is_nested() && table.table.segments.len() > 1
}

/// Prints expressions and remembers where their subqueries name tables.
struct Holes<'s> {
    names: &'s dyn ColumnNames,
    /// Places in the text, and tables.
    marks: RefCell<Vec<(usize, usize)>>,
}

impl<'s> Holes<'s> {
    fn over(names: &'s dyn ColumnNames) -> Self {
        Self {
            names,
            marks: RefCell::default(),
        }
    }

    /// What was printed, as pieces.
    fn fill(self, text: &str, hole: &dyn Fn(usize) -> Piece, pieces: &mut Vec<Piece>) {
        let mut rest = text;
        let mut cut = 0;
        for (place, table) in self.marks.into_inner() {
            let (before, after) = rest.split_at(place - cut);
            pieces.extend([Piece::Text(before.to_owned()), hole(table)]);
            (rest, cut) = (after, place);
        }
        pieces.push(Piece::Text(rest.to_owned()));
    }
}

impl ColumnNames for Holes<'_> {
    fn push_table(&self, table: usize, text: &mut String) {
        self.marks.borrow_mut().push((text.len(), table));
    }

    fn push_column(&self, column: ColumnId, text: &mut String) {
        self.names.push_column(column, text);
    }
}

/// Joins neighbouring texts.
fn merged(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut merged: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match (merged.last_mut(), piece) {
            (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
            (_, piece) => merged.push(piece),
        }
    }
    merged
}
