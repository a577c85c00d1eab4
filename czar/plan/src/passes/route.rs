//! Which way a statement goes, by the tables it names anywhere, and the text of those that are sent
//! whole.
//!
//! Keeps true: a statement over reference tables alone keeps the user's text, of which only table
//! names are exchanged, so that every construct MariaDB knows works there, parsed in depth or not.

use std::ops::ControlFlow;

use orrery_archive::catalog::{Catalog, Table, TableKey};
use orrery_archive::sql_type::SqlType;
use orrery_archive::table::Column;
use orrery_archive::table::ddl::quote_identifier;
use sqlparser::ast::{ObjectName, Query, TableFactor, Visit, Visitor};

use crate::error::{PlanError, refused};
use crate::passes::resolve::names::table_parts;
use crate::plan::tables::TableUse;
use crate::plan::template::{Piece, Template};
use crate::query::columns::{loses_nature, typed_null};
use crate::query::functions::{self, is_area_name};
use crate::query::scope::{Scope, TableRole};
use crate::text::guard::Guarded;
use crate::text::lex::{Kind, Token};

/// Databases that every mysqld has; the shadow server answers for them.
const SYSTEM_DATABASES: [&str; 4] = ["information_schema", "mysql", "performance_schema", "sys"];

/// Whether every mysqld has a database of this name.
pub(super) fn is_system(database: &str) -> bool {
    SYSTEM_DATABASES
        .iter()
        .any(|system| system.eq_ignore_ascii_case(database))
}

/// A table named somewhere in the statement.
pub(crate) struct Relation<'a> {
    key: &'a TableKey,
    table: &'a Table,
    /// Alias, when written.
    alias: Option<String>,
    /// First and last token of its name.
    tokens: (usize, usize),
}

/// The way of a statement.
pub(crate) enum Route<'a> {
    /// No table of the catalog.
    Shadow,
    /// Reference tables alone.
    Whole(Vec<Relation<'a>>),
    /// Chunked tables.
    Chunks,
}

/// Chooses the way.
pub(crate) fn route<'a>(
    guarded: &Guarded<'_>,
    catalog: &'a Catalog,
    database: Option<&str>,
) -> Result<Route<'a>, PlanError> {
    let mut found = Found::default();
    let _ = guarded.query.visit(&mut found);
    let (mut relations, mut system, mut chunked) = (Vec::new(), false, false);
    for (name, alias) in &found.tables {
        let (qualifier, table_name) = table_parts(name)?;
        if qualifier.is_none()
            && found
                .ctes
                .iter()
                .any(|cte| cte.eq_ignore_ascii_case(table_name))
        {
            let is_table = |database| {
                catalog
                    .tables
                    .contains_key(&TableKey::new(database, table_name))
            };
            if database.is_some_and(is_table) {
                return Err(refused(
                    format!("WITH {table_name}, which is a table as well"),
                    "give it another name",
                ));
            }
            continue;
        }
        if is_dual(name) {
            continue;
        }
        let in_database = qualifier.or(database);
        if in_database.is_some_and(is_system) {
            system = true;
            continue;
        }
        let (key, table) = Scope::find_table(catalog, in_database, table_name)?;
        chunked |= table.kind.is_chunked();
        relations.push(Relation {
            key,
            table,
            alias: alias.clone(),
            tokens: places(name, &guarded.tokens)?,
        });
    }
    if system && !relations.is_empty() {
        return Err(with_system_tables());
    }
    Ok(match (relations.is_empty(), chunked) {
        (true, _) => Route::Shadow,
        (false, true) => Route::Chunks,
        (false, false) => Route::Whole(relations),
    })
}

/// Refuses a statement over the server's own tables and those of users.
pub(super) fn with_system_tables() -> PlanError {
    refused(
        "information_schema together with your tables",
        "query them one after the other",
    )
}

/// DUAL is no table, unless it is quoted.
fn is_dual(name: &ObjectName) -> bool {
    match name.0.as_slice() {
        [part] => part.as_ident().is_some_and(|name| {
            name.quote_style.is_none() && name.value.eq_ignore_ascii_case("dual")
        }),
        _ => false,
    }
}

/// Tables and names of WITH, wherever they are.
#[derive(Default)]
struct Found {
    tables: Vec<(ObjectName, Option<String>)>,
    ctes: Vec<String>,
}

impl Visitor for Found {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.ctes
            .extend(ctes.map(|cte| cte.alias.name.value.clone()));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, .. } = factor {
            let alias = alias.as_ref().map(|alias| alias.name.value.clone());
            self.tables.push((name.clone(), alias));
        }
        ControlFlow::Continue(())
    }
}

/// First and last token of a name; the parser's places count tokens.
fn places(name: &ObjectName, tokens: &[Token<'_>]) -> Result<(usize, usize), PlanError> {
    let place = |part: Option<&sqlparser::ast::ObjectNamePart>| {
        let column = part?.as_ident()?.span.start.column;
        usize::try_from(column)
            .ok()?
            .checked_sub(1)
            .filter(|&at| at < tokens.len())
    };
    let found = place(name.0.first()).zip(place(name.0.last()));
    found.ok_or_else(|| {
        refused(
            format!("the table name {name}"),
            "write it as database.table",
        )
    })
}

/// A statement over reference tables: the user's text with holes for the tables.
pub(crate) fn whole(
    sql: &str,
    guarded: &Guarded<'_>,
    relations: &[Relation<'_>],
) -> Result<(Template, Vec<TableUse>), PlanError> {
    let mut cuts = Vec::new();
    let mut tables = Vec::new();
    for (number, relation) in relations.iter().enumerate() {
        let alias = relation
            .alias
            .clone()
            .unwrap_or_else(|| relation.key.table.clone());
        cuts.push(Cut {
            tokens: relation.tokens,
            piece: Some(derived(number, relation)?),
            after: relation
                .alias
                .is_none()
                .then(|| format!(" AS {}", quote_identifier(&alias))),
        });
        cuts.extend(qualifiers(relation, relations, &guarded.tokens));
        tables.push(TableUse {
            key: relation.key.clone(),
            alias,
            incarnation: relation.table.incarnation,
            role: TableRole::ReferenceOptional,
        });
    }
    cuts.sort_by_key(|cut| cut.tokens.0);
    cuts.dedup_by_key(|cut| cut.tokens.0);
    let mut template = splice(sql, &guarded.tokens, cuts);
    template.pieces.splice(0..0, before(relations));
    Ok((template, tables))
}

/// What makes a server compare where it would look up in the key of a derived table
/// ([`crate::query::derived`]): tables of several ingests are some.
const COMPARING: &str = "SET STATEMENT optimizer_switch='derived_with_keys=off' FOR ";

/// What stands before a statement over these tables.
fn before(relations: &[Relation<'_>]) -> Option<Piece> {
    let is_united = |relation: &Relation<'_>| relation.table.segments.len() > 1;
    let is_looked_up = relations.len() > 1 && relations.iter().any(is_united);
    is_looked_up.then(|| Piece::Text(COMPARING.to_owned()))
}

/// Tokens to replace.
struct Cut {
    tokens: (usize, usize),
    piece: Option<Piece>,
    after: Option<String>,
}

fn splice(sql: &str, tokens: &[Token<'_>], cuts: Vec<Cut>) -> Template {
    let start = |at: usize| tokens.get(at).map_or(sql.len(), |token| token.start);
    let end = |at: usize| tokens.get(at).map_or(sql.len(), Token::end);
    let mut pieces = Vec::new();
    let mut copied = 0;
    for cut in cuts {
        pieces.push(Piece::Text(
            sql.get(copied..start(cut.tokens.0))
                .unwrap_or_default()
                .to_owned(),
        ));
        pieces.extend(cut.piece);
        pieces.extend(cut.after.map(Piece::Text));
        copied = end(cut.tokens.1);
    }
    let last = tokens.len().checked_sub(1).map_or(sql.len(), end);
    pieces.push(Piece::Text(
        sql.get(copied..last).unwrap_or_default().to_owned(),
    ));
    Template { pieces }
}

fn derived(number: usize, relation: &Relation<'_>) -> Result<Piece, PlanError> {
    let Some(accepted) = relation.table.kind.reference() else {
        return Err(PlanError::NoFamily(relation.key.clone()));
    };
    if relation.table.segments.len() != 1 && accepted.columns.iter().any(column_loses_nature) {
        return Err(refused(
            format!("{} loaded by several ingests, or by none", relation.key),
            "load the table by one ingest: its ENUM, SET, BIT, YEAR or ZEROFILL columns would lose their type",
        ));
    }
    let names: Vec<String> = accepted
        .columns
        .iter()
        .map(|column| quote_identifier(&column.name))
        .collect();
    let nulls = accepted.columns.iter().map(|column| {
        let kind = SqlType::parse(&column.sql_type).ok();
        let null = typed_null(kind.as_ref(), Some(column));
        format!("{null} AS {}", quote_identifier(&column.name))
    });
    Ok(Piece::Derived {
        table: number,
        nulls: nulls.collect::<Vec<_>>().join(", "),
        columns: names.join(", "),
    })
}

fn column_loses_nature(column: &Column) -> bool {
    SqlType::parse(&column.sql_type).is_ok_and(|kind| loses_nature(&kind))
}

/// Places where a column is qualified by database and table: the database goes.
fn qualifiers(relation: &Relation<'_>, all: &[Relation<'_>], tokens: &[Token<'_>]) -> Vec<Cut> {
    let name = |at: usize| {
        tokens
            .get(at)
            .filter(|token| matches!(token.kind, Kind::Word | Kind::QuotedName))
            .map(plain)
    };
    let point = |at: usize| tokens.get(at).is_some_and(|token| token.is_symbol("."));
    let in_from = |at: usize| all.iter().any(|other| other.tokens.0 == at);
    let found = (0..tokens.len()).filter(|&at| {
        let qualified = point(at + 1) && point(at + 3) && !in_from(at);
        let after_point = at.checked_sub(1).is_some_and(point);
        qualified
            && !after_point
            && name(at).is_some_and(|database| database == relation.key.database)
            && name(at + 2).is_some_and(|table| table == relation.key.table)
    });
    found
        .map(|at| Cut {
            tokens: (at, at + 1),
            piece: None,
            after: None,
        })
        .collect()
}

fn plain(token: &Token<'_>) -> String {
    match token.kind {
        Kind::QuotedName => token.text.trim_matches('`').replace("``", "`"),
        _ => token.text.to_owned(),
    }
}

/// Whether a clock may be read, by words alone.
pub(crate) fn may_use_now(tokens: &[Token<'_>]) -> bool {
    tokens.iter().any(|token| {
        token.kind == Kind::Word
            && functions::scalar(&token.text.to_ascii_uppercase(), 0)
                == Some(functions::Scalar::Clock)
    })
}

/// The user's text with every spatial restriction replaced by a truth, for servers that do not know
/// them.
pub(crate) fn without_areas(sql: &str, tokens: &[Token<'_>]) -> String {
    let mut cuts = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let is_call = tokens.get(at + 1).is_some_and(|next| next.is_symbol("("));
        if token.kind != Kind::Word || !is_call || !is_area_name(token.text) {
            continue;
        }
        if let Some(end) = closing(tokens, at + 1) {
            cuts.push(Cut {
                tokens: (at, end),
                piece: None,
                after: Some("(1=1)".into()),
            });
        }
    }
    let pieces = splice(sql, tokens, cuts)
        .pieces
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Table(_) | Piece::Derived { .. } | Piece::Keys => String::new(),
        });
    pieces.collect()
}

/// The parenthesis that closes the one at `open`.
fn closing(tokens: &[Token<'_>], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}
