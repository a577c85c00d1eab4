//! Which tables and columns a text may read, by the names it holds.
//!
//! Keeps true: too many tables or columns cost time, one too few would be an error of the server
//! that runs the text. So a name counts wherever it stands, and whatever it means there.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use orrery_archive::catalog::{Catalog, Table, TableKey};
use orrery_archive::sql_type::SqlType;
use orrery_archive::table::ddl;
use sqlparser::ast::{ObjectName, Query, TableFactor, Visit, Visitor};

use crate::query::scope::same_name;
use crate::text::lex::{Kind, Token};
use crate::text::statement::quoting::unquoted;

/// A statement as far as it is understood.
pub(crate) struct Text<'a> {
    /// Its tokens.
    pub tokens: &'a [Token<'a>],
    /// Its tree, when the parser knows it.
    pub query: Option<&'a Query>,
}

/// A table to fetch.
pub(super) struct Fetched<'a> {
    pub key: &'a TableKey,
    pub table: &'a Table,
    columns: Vec<String>,
}

impl Fetched<'_> {
    /// Columns that the text may read, at least one.
    pub(super) fn columns(&self) -> Vec<String> {
        self.columns.clone()
    }

    /// Type of a declared column.
    pub(super) fn type_of(&self, name: &str) -> Option<SqlType> {
        let columns = self.table.kind.columns();
        let column = columns.iter().find(|column| column.name == name)?;
        SqlType::parse(&column.sql_type).ok()
    }
}

/// The tables of the catalog that the text names.
pub(super) fn named<'a>(
    text: &Text<'_>,
    catalog: &'a Catalog,
    database: Option<&str>,
) -> Vec<Fetched<'a>> {
    let mut keys = BTreeSet::new();
    for at in 0..text.tokens.len() {
        let Some(name) = name_at(text.tokens, at) else {
            continue;
        };
        let in_database = match qualifier_of(text.tokens, at) {
            Some(qualifier) => Some(qualifier),
            None => database.map(str::to_owned),
        };
        keys.extend(in_database.map(|database| TableKey::new(database, name)));
    }
    if let Some(read) = text.query.map(read_by) {
        keys.retain(|key| read.contains(&key.table));
    }
    let words = Words::of(text.tokens);
    let found = keys
        .iter()
        .filter_map(|key| catalog.tables.get_key_value(key));
    found
        .map(|(key, table)| Fetched {
            key,
            table,
            columns: words.columns_of(table),
        })
        .collect()
}

fn name_at(tokens: &[Token<'_>], at: usize) -> Option<String> {
    let token = tokens.get(at)?;
    matches!(token.kind, Kind::Word | Kind::QuotedName).then(|| unquoted(token))
}

/// The name before a name, with a point between.
fn qualifier_of(tokens: &[Token<'_>], at: usize) -> Option<String> {
    let point = at.checked_sub(1)?;
    tokens.get(point).filter(|token| token.is_symbol("."))?;
    name_at(tokens, point.checked_sub(1)?)
}

/// Names of the tables in every FROM of a tree, without their databases.
fn read_by(query: &Query) -> BTreeSet<String> {
    #[derive(Default)]
    struct Read(BTreeSet<String>);
    impl Visitor for Read {
        type Break = ();

        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table { name, .. } = factor {
                self.0.extend(last_name(name));
            }
            ControlFlow::Continue(())
        }
    }
    let mut read = Read::default();
    let _ = query.visit(&mut read);
    read.0
}

fn last_name(name: &ObjectName) -> Option<String> {
    Some(name.0.last()?.as_ident()?.value.clone())
}

/// The words of a text, as far as they say which columns it reads.
struct Words {
    names: BTreeSet<String>,
    /// Whether all columns of some table are read: `*`, or NATURAL, which compares names.
    is_open: bool,
}

impl Words {
    fn of(tokens: &[Token<'_>]) -> Self {
        let names = (0..tokens.len()).filter_map(|at| name_at(tokens, at));
        let is_open = tokens
            .iter()
            .enumerate()
            .any(|(at, token)| token.is_word("NATURAL") || is_all(tokens, at));
        Self {
            names: names.map(|name| name.to_lowercase()).collect(),
            is_open,
        }
    }

    fn columns_of(&self, table: &Table) -> Vec<String> {
        let fields = ddl::field_names(&table.kind);
        let is_named = |field: &String| self.names.iter().any(|name| same_name(name, field));
        let read: Vec<String> = fields
            .iter()
            .filter(|field| self.is_open || is_named(field))
            .cloned()
            .collect();
        if read.is_empty() {
            let any = table.kind.chunked().map(|table| table.key.clone());
            any.or_else(|| fields.first().cloned())
                .into_iter()
                .collect()
        } else {
            read
        }
    }
}

/// Whether the token is a `*` that stands for all columns: an operand never follows it.
fn is_all(tokens: &[Token<'_>], at: usize) -> bool {
    const CLAUSES: [&str; 10] = [
        "FROM",
        "WHERE",
        "GROUP",
        "HAVING",
        "ORDER",
        "LIMIT",
        "UNION",
        "EXCEPT",
        "INTERSECT",
        "MINUS",
    ];
    if !tokens.get(at).is_some_and(|token| token.is_symbol("*")) {
        return false;
    }
    let is_counted = at
        .checked_sub(1)
        .and_then(|before| tokens.get(before))
        .is_some_and(|token| token.is_symbol("("));
    match tokens.get(at + 1) {
        None => true,
        Some(next) if next.is_symbol(")") => !is_counted,
        Some(next) => next.is_symbol(",") || CLAUSES.iter().any(|clause| next.is_word(clause)),
    }
}
