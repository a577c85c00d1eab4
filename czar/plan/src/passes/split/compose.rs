//! Prints a statement twice: as a template over physical tables, and over the shadow server's
//! tables.

use std::cell::RefCell;
use std::collections::BTreeSet;

use orrery_archive::table::ddl::quote_identifier;

use super::clauses::clause;
use super::lost;
use crate::error::PlanError;
use crate::plan::template::{Piece, Template};
use crate::query::columns::typed_null;
use crate::query::derived::only_compared;
use crate::query::expr::{ColumnId, ColumnNames, Expr};
use crate::query::neighbour::Neighbour;
use crate::query::select::{Derived, JoinKind, Select};

/// What a statement is printed over.
#[derive(Clone, Copy)]
enum Over {
    /// Physical tables of a chunk.
    Chunk,
    /// The shadow server's tables.
    Shadow,
}

/// What surrounds the select list in every statement of the plan: FROM and WHERE.
pub(super) struct Composer<'a, 's> {
    select: &'s Select<'a>,
    filter: &'s [Expr],
    /// Place of its first table among those of the plan.
    first: usize,
    /// The queries of FROM.
    derived: Vec<(&'s Derived<'a>, Self)>,
}

impl<'a, 's> Composer<'a, 's> {
    /// `filter` holds the terms of WHERE, spatial predicates included.
    pub(super) fn new(select: &'s Select<'a>, filter: &'s [Expr]) -> Result<Self, PlanError> {
        Self::after(0, select, filter)
    }

    /// Of a query whose tables follow so many others of the plan.
    fn after(first: usize, select: &'s Select<'a>, filter: &'s [Expr]) -> Result<Self, PlanError> {
        lost::check(select, filter)?;
        let mut next = first + select.scope.stored().count();
        let mut derived = Vec::new();
        for query in &select.derived {
            let composer = Self::after(next, &query.select, &query.select.filter)?;
            next += query.select.stored_tables().len();
            derived.push((*query, composer));
        }
        Ok(Self {
            select,
            filter,
            first,
            derived,
        })
    }

    /// The statement as a template. `list` follows SELECT, `tail` follows WHERE.
    pub(super) fn template(&self, list: &str, tail: &str) -> Template {
        let mut pieces = Vec::new();
        self.push(list, tail, Over::Chunk, &mut pieces);
        Template {
            pieces: merged(pieces),
        }
    }

    /// The statement over the shadow tables.
    pub(super) fn shadow(&self, list: &str, tail: &str) -> String {
        let mut pieces = Vec::new();
        self.push(list, tail, Over::Shadow, &mut pieces);
        let texts = merged(pieces).into_iter().map(|piece| match piece {
            Piece::Text(text) => text,
            // The tables are empty.
            Piece::Keys => "NULL".to_owned(),
            Piece::Table(_) | Piece::Derived { .. } => String::new(),
        });
        texts.collect()
    }

    fn push(&self, list: &str, tail: &str, over: Over, pieces: &mut Vec<Piece>) {
        pieces.push(Piece::Text(format!("SELECT {list} FROM ")));
        self.push_from(over, pieces);
        if !self.filter.is_empty() {
            pieces.push(Piece::Text(" WHERE ".into()));
            let of_all = |term: &&Expr| self.neighbour_of(term).is_none();
            self.push_terms(self.filter.iter().filter(of_all), over, pieces);
        }
        pieces.push(Piece::Text(tail.to_owned()));
    }

    fn push_terms<'e>(
        &self,
        terms: impl Iterator<Item = &'e Expr>,
        over: Over,
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
                holes.fill(&text, &|table| self.hole(table, over), pieces);
            }
        }
    }

    fn push_from(&self, over: Over, pieces: &mut Vec<Piece>) {
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
                self.push_table(entry.table, over, pieces);
                let tables = &self.select.scope.tables;
                let alias = tables
                    .get(entry.table)
                    .map(|table| quote_identifier(&table.alias));
                let alias = alias.unwrap_or_default();
                pieces.push(Piece::Text(format!(" AS {alias}{}", entry.hints)));
                if !entry.on.is_empty() {
                    pieces.push(Piece::Text(" ON ".into()));
                    self.push_terms(entry.on.iter(), over, pieces);
                } else if entry.join == JoinKind::Left {
                    pieces.push(Piece::Text(" ON TRUE".into()));
                }
            }
        }
    }

    /// What stands for a table in FROM, before its alias.
    fn push_table(&self, table: usize, over: Over, pieces: &mut Vec<Piece>) {
        let mut near = self.select.neighbours.iter();
        if let Some(near) = near.find(|near| near.table == table) {
            return self.push_neighbour(near, over, pieces);
        }
        match self.derived.iter().find(|(query, _)| query.place == table) {
            Some((query, composer)) => {
                pieces.push(Piece::Text("(".into()));
                composer.push_query(query, over, pieces);
                pieces.push(Piece::Text(")".into()));
            }
            None => pieces.push(self.hole(table, over)),
        }
    }

    /// A query of FROM: without ORDER BY, which orders nothing there.
    fn push_query(&self, query: &Derived<'_>, over: Over, pieces: &mut Vec<Piece>) {
        let select = self.select;
        let text = |expr: &Expr| expr.print(&select.scope);
        let named = select.items.iter().zip(query.table.kind.columns());
        let list = named.map(|(item, column)| {
            format!("{} AS {}", text(&item.expr), quote_identifier(&column.name))
        });
        let distinct = if select.distinct { "DISTINCT " } else { "" };
        let list = clause(distinct, list);
        let mut tail = clause(" GROUP BY ", select.group_by.iter().map(text));
        tail.push_str(&clause(" HAVING ", select.having.iter().map(text)));
        self.push(&list, &tail, over, pieces);
    }

    /// A derived table with the rows of a neighbour and their cells.
    fn push_neighbour(&self, near: &Neighbour, over: Over, pieces: &mut Vec<Piece>) {
        let scope = &self.select.scope;
        let used = self.used_columns(near.table);
        let columns = used.into_iter().map(|column| {
            let table = near.table;
            Expr::Column(ColumnId { table, column })
        });
        let items = columns.chain([near.cell_item()]);
        let list: Vec<String> = items.map(|item| item.print(scope)).collect();
        let alias = scope.tables.get(near.table);
        let alias = alias.map_or_else(String::new, |table| quote_identifier(&table.alias));
        let list = format!("(SELECT {} FROM ", list.join(", "));
        pieces.extend([
            Piece::Text(list),
            self.hole(near.table, over),
            Piece::Text(format!(" AS {alias}")),
        ]);
        let of_near = |term: &&Expr| self.neighbour_of(term) == Some(near.table);
        let mut terms = self.filter.iter().filter(of_near).peekable();
        if terms.peek().is_some() {
            pieces.push(Piece::Text(" WHERE ".into()));
            self.push_terms(terms, over, pieces);
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

    fn hole(&self, table: usize, over: Over) -> Piece {
        let scope = &self.select.scope;
        if let Over::Shadow = over {
            let mut name = String::new();
            scope.push_table(table, &mut name);
            return Piece::Text(name);
        }
        let place = self.first + scope.place_among_stored(table);
        let entry = scope.tables.get(table);
        let Some(entry) = entry.filter(|entry| entry.role.is_read_whole()) else {
            return Piece::Table(place);
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
            table: place,
            nulls: nulls.collect::<Vec<_>>().join(", "),
            columns: names.join(", "),
        }
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
            .chain(self.select.beside_items(self.filter))
            .for_each(|expr| expr.for_each_column(&mut note));
        if used.is_empty() {
            used.push(0);
        }
        used.sort_unstable();
        used
    }
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
