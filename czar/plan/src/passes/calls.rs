//! Which functions a text may call, by name, quoted or not.
//!
//! Keeps true: a text that one server runs as the user wrote it calls only functions of a list.
//! What waits, locks, reads files or keeps something in the session is not in it, and neither is a
//! stored function. The check counts tokens and trusts no parser: a name before a parenthesis is a
//! call unless it is a keyword that takes one, or the name of a WITH.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{Query, Visit, Visitor};

use crate::error::{GuardError, PlanError, refused};
use crate::query::functions;
use crate::text::lex::{Kind, Token};
use crate::text::statement::quoting::unquoted;

/// Who runs a text, and what it knows of the client's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runs {
    /// The shadow server, without tables: the proxy puts in what it knows of the client's session.
    ShadowAlone,
    /// The shadow server, over its own databases or for SHOW: it knows the default database, and no
    /// more of the session.
    Shadow,
    /// The shadow server, over tables fetched to it: as [`Self::Shadow`], but for its variables,
    /// which are not those of the servers that other plans run on.
    Gather,
    /// A worker: it knows nothing of the session.
    Worker,
}

/// Keywords that a parenthesis may follow. Of these none is the name of a function outside the
/// lists in [`functions`].
const BEFORE_PARENTHESIS: &[&str] = &[
    "AGAINST",
    "ALL",
    "AND",
    "ANY",
    "AS",
    "BETWEEN",
    "BIGINT",
    "BINARY",
    "BY",
    "CASE",
    "COLUMNS",
    "DEC",
    "DECIMAL",
    "DATETIME",
    "DISTINCT",
    "DISTINCTROW",
    "DIV",
    "DO",
    "DOUBLE",
    "ELSE",
    "ESCAPE",
    "EXCEPT",
    "EXISTS",
    "FIXED",
    "FLOAT",
    "FROM",
    "GROUP",
    "HAVING",
    "HIGH_PRIORITY",
    "IN",
    "INDEX",
    "INT",
    "INTEGER",
    "INTERSECT",
    "INTERVAL",
    "JOIN",
    "KEY",
    "LATERAL",
    "LIKE",
    "LIMIT",
    "MATCH",
    "MOD",
    "NCHAR",
    "NOT",
    "NUMERIC",
    "OFFSET",
    "ON",
    "OR",
    "OVER",
    "PARTITION",
    "REAL",
    "REGEXP",
    "RLIKE",
    "ROW",
    "SELECT",
    "SIGNED",
    "SOME",
    "SQL_BIG_RESULT",
    "SQL_BUFFER_RESULT",
    "SQL_CACHE",
    "SQL_CALC_FOUND_ROWS",
    "SQL_NO_CACHE",
    "SQL_SMALL_RESULT",
    "STRAIGHT_JOIN",
    "THEN",
    "UNION",
    "UNSIGNED",
    "USING",
    "VALUES",
    "VARBINARY",
    "VARCHAR",
    "WHEN",
    "WHERE",
    "XOR",
];

/// Refuses functions that never run, whoever would run them.
pub(crate) fn check_forbidden(tokens: &[Token<'_>]) -> Result<(), GuardError> {
    let called = tokens.windows(2).filter_map(|pair| match pair {
        [name, open]
            if open.is_symbol("(") && matches!(name.kind, Kind::Word | Kind::QuotedName) =>
        {
            Some(name)
        }
        _ => None,
    });
    for name in called {
        let name = unquoted(name).to_ascii_uppercase();
        if functions::FORBIDDEN.contains(&name.as_str()) {
            return Err(GuardError::Forbidden {
                name,
                why: "it waits, locks or reads what is in no table",
            });
        }
    }
    Ok(())
}

/// Refuses what the server that runs this text must not run. `query` is its tree, when it has one.
pub(crate) fn check(
    tokens: &[Token<'_>],
    query: Option<&Query>,
    runs: Runs,
) -> Result<(), PlanError> {
    let named = query.map(names_of_with).unwrap_or_default();
    for (at, token) in tokens.iter().enumerate() {
        let previous = at.checked_sub(1).and_then(|at| tokens.get(at));
        let is_member = previous.is_some_and(|token| token.is_symbol("."));
        let is_called = tokens.get(at + 1).is_some_and(|next| next.is_symbol("("));
        match token.kind {
            Kind::Variable => variable(token, runs)?,
            Kind::Word if !is_called && !is_member => bare(token, runs)?,
            Kind::Word | Kind::QuotedName if is_called && !named.contains(&at) => {
                let is_keyword = token.kind == Kind::Word
                    && BEFORE_PARENTHESIS.iter().any(|word| token.is_word(word));
                if is_member {
                    let name = format!("the stored function {}", unquoted(token));
                    return Err(refused(name, "write out what it computes"));
                }
                if !is_keyword {
                    call(
                        &unquoted(token).to_ascii_uppercase(),
                        has_arguments(tokens, at),
                        runs,
                    )?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn has_arguments(tokens: &[Token<'_>], at: usize) -> bool {
    !tokens.get(at + 2).is_some_and(|token| token.is_symbol(")"))
}

/// A call of the function `name`, in capitals.
fn call(name: &str, has_arguments: bool, runs: Runs) -> Result<(), PlanError> {
    let refuse = |hint: &str| Err(refused(name, hint));
    if functions::is_area_name(name) {
        if runs == Runs::Gather {
            return Ok(());
        }
        return refuse("spatial restrictions need a chunked table");
    }
    if functions::SESSION.contains(&name) {
        let is_known = match name {
            // Nothing is ever inserted; with an argument it would keep that for later statements,
            // of others too.
            "LAST_INSERT_ID" => !has_arguments && runs != Runs::Worker,
            "FOUND_ROWS" | "ROW_COUNT" => false,
            "DATABASE" | "SCHEMA" | "SYSDATE" | "VERSION" => runs != Runs::Worker,
            _ => runs == Runs::ShadowAlone,
        };
        return if is_known {
            Ok(())
        } else {
            refuse(functions::hint(name))
        };
    }
    if functions::on_one_server(name) {
        Ok(())
    } else {
        refuse("only functions that compute from their arguments are taken")
    }
}

/// A word without parentheses that may be a call all the same.
fn bare(token: &Token<'_>, runs: Runs) -> Result<(), PlanError> {
    let is_call = token.is_word("CURRENT_USER") || token.is_word("CURRENT_ROLE");
    if is_call && runs != Runs::ShadowAlone {
        let name = token.text.to_ascii_uppercase();
        let hint = functions::hint(&name);
        return Err(refused(name, hint));
    }
    Ok(())
}

/// A variable. User variables would stay in a session that others get next; system variables are
/// those of the server's session.
fn variable(token: &Token<'_>, runs: Runs) -> Result<(), PlanError> {
    let is_system = token.text.starts_with("@@");
    let is_global = token
        .text
        .get(.."@@global.".len())
        .is_some_and(|start| start.eq_ignore_ascii_case("@@global."));
    let is_known = match runs {
        Runs::ShadowAlone => is_system,
        Runs::Shadow => is_global,
        Runs::Gather | Runs::Worker => false,
    };
    if is_known {
        return Ok(());
    }
    Err(refused(
        token.text,
        "select it in a statement without tables and write its value here",
    ))
}

/// Places of the names that WITH gives to its queries, counted in tokens.
fn names_of_with(query: &Query) -> BTreeSet<usize> {
    #[derive(Default)]
    struct Named(BTreeSet<usize>);
    impl Visitor for Named {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            let tables = query.with.iter().flat_map(|with| &with.cte_tables);
            let columns = tables.map(|table| table.alias.name.span.start.column);
            self.0
                .extend(columns.filter_map(|column| usize::try_from(column).ok()?.checked_sub(1)));
            ControlFlow::Continue(())
        }
    }
    let mut named = Named::default();
    let _ = query.visit(&mut named);
    named.0
}
