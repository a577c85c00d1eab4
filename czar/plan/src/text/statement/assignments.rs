//! The assignments of a SET statement.

use super::kinds::{Assignment, StatementError, Target};
use super::quoting::{inside, unquoted};
use super::reader::Reader;
use crate::text::lex::{Kind, Token};

/// What may follow SET that is no assignment.
const WHOLE: [&str; 4] = ["PASSWORD", "ROLE", "DEFAULT", "STATEMENT"];

/// Reads everything after SET.
pub(super) fn assignments(reader: &Reader<'_>) -> Result<Vec<Assignment>, StatementError> {
    if reader.tokens.len() < 2 {
        return Err(reader.syntax(1));
    }
    if let Some(word) = WHOLE.iter().find(|word| reader.is(1, word)) {
        let target = Target::Other((*word).to_owned());
        return Ok(vec![Assignment {
            target,
            value: reader.text_from(1).to_owned(),
        }]);
    }
    let mut found = Vec::new();
    let mut from = 1;
    while from < reader.tokens.len() {
        let to = end_of_assignment(reader, from);
        found.push(assignment(reader, from, to)?);
        if to + 1 == reader.tokens.len() {
            return Err(reader.syntax(to));
        }
        from = to + 1;
    }
    Ok(found)
}

/// Place of the comma that ends the assignment at `from`, or the number of tokens.
/// `SET TRANSACTION a, b` is one assignment.
fn end_of_assignment(reader: &Reader<'_>, from: usize) -> usize {
    if is_transaction(reader, from) {
        return reader.tokens.len();
    }
    let mut depth = 0_usize;
    for at in from..reader.tokens.len() {
        if reader.is_symbol(at, "(") {
            depth += 1;
        } else if reader.is_symbol(at, ")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && reader.is_symbol(at, ",") {
            return at;
        }
    }
    reader.tokens.len()
}

fn is_transaction(reader: &Reader<'_>, from: usize) -> bool {
    let scoped = ["SESSION", "GLOBAL", "LOCAL"]
        .iter()
        .any(|scope| reader.is(from, scope));
    reader.is(from + usize::from(scoped), "TRANSACTION")
        && !is_equals(reader, from + 1 + usize::from(scoped))
}

fn is_equals(reader: &Reader<'_>, at: usize) -> bool {
    reader.is_symbol(at, "=") || reader.is_symbol(at, ":=")
}

fn assignment(reader: &Reader<'_>, from: usize, to: usize) -> Result<Assignment, StatementError> {
    if is_transaction(reader, from) {
        return Ok(Assignment {
            target: Target::Transaction,
            value: slice(reader, from, to),
        });
    }
    if reader.is(from, "NAMES") && !is_equals(reader, from + 1) {
        return names(reader, from, to);
    }
    if reader.is(from, "CHARSET") && !is_equals(reader, from + 1) {
        return character_set(reader, from + 1, to);
    }
    if (reader.is(from, "CHARACTER") || reader.is(from, "CHAR")) && reader.is(from + 1, "SET") {
        return character_set(reader, from + 2, to);
    }
    variable(reader, from, to)
}

fn variable(reader: &Reader<'_>, from: usize, to: usize) -> Result<Assignment, StatementError> {
    let global = reader.is(from, "GLOBAL");
    let scoped = global || reader.is(from, "SESSION") || reader.is(from, "LOCAL");
    let at = from + usize::from(scoped);
    let token = reader.token(at).ok_or_else(|| reader.syntax(at))?;
    let target = if token.kind == Kind::Variable {
        variable_target(token)
    } else if global {
        Target::Global(reader.name(at)?.to_ascii_lowercase())
    } else {
        Target::Session(reader.name(at)?.to_ascii_lowercase())
    };
    let mut equals = at + 1;
    // `SET @@session . x` and `SET db.x` have a point between names.
    while reader.is_symbol(equals, ".") {
        equals += 2;
    }
    if !is_equals(reader, equals) || equals + 1 >= to {
        return Err(reader.syntax(equals.min(reader.tokens.len().saturating_sub(1))));
    }
    Ok(Assignment {
        target,
        value: slice(reader, equals + 1, to),
    })
}

fn variable_target(token: &Token<'_>) -> Target {
    let Some(system) = token.text.strip_prefix("@@") else {
        let name = token.text.trim_start_matches('@');
        let quoted = name.starts_with(['`', '\'', '"']);
        return Target::User(if quoted {
            inside(name).to_owned()
        } else {
            name.to_owned()
        });
    };
    let name = system.replace('`', "").to_ascii_lowercase();
    match name.strip_prefix("global.") {
        Some(global) => Target::Global(global.to_owned()),
        None => Target::Session(without_scope(&name)),
    }
}

/// A system variable's name without `session.`, `global.` or `local.`.
pub(super) fn without_scope(name: &str) -> String {
    let scopes = ["session.", "global.", "local."];
    scopes
        .iter()
        .find_map(|scope| name.strip_prefix(scope))
        .unwrap_or(name)
        .to_owned()
}

/// `NAMES charset [COLLATE collation]`.
fn names(reader: &Reader<'_>, from: usize, to: usize) -> Result<Assignment, StatementError> {
    let charset = text_value(reader, from + 1)?;
    let collation = match from + 2 {
        next if next == to => None,
        next if reader.is(next, "COLLATE") && next + 2 == to => Some(text_value(reader, next + 1)?),
        next => return Err(reader.syntax(next)),
    };
    Ok(Assignment {
        target: Target::Names { collation },
        value: charset,
    })
}

fn character_set(reader: &Reader<'_>, at: usize, to: usize) -> Result<Assignment, StatementError> {
    if at + 1 != to {
        return Err(reader.syntax(at));
    }
    Ok(Assignment {
        target: Target::CharacterSet,
        value: text_value(reader, at)?,
    })
}

/// A name or a string without its quotes.
fn text_value(reader: &Reader<'_>, at: usize) -> Result<String, StatementError> {
    let token = reader.token(at).ok_or_else(|| reader.syntax(at))?;
    match token.kind {
        Kind::Text => Ok(inside(token.text).to_owned()),
        Kind::Word | Kind::QuotedName => Ok(unquoted(token)),
        _ => Err(reader.syntax(at)),
    }
}

/// Source text of the tokens `from..to`.
fn slice(reader: &Reader<'_>, from: usize, to: usize) -> String {
    let start = reader.token(from).map_or(0, |token| token.start);
    let end = to
        .checked_sub(1)
        .and_then(|last| reader.token(last))
        .map_or(start, Token::end);
    reader.sql.get(start..end).unwrap_or_default().to_owned()
}
