//! What a session's settings change in a statement's text before it is sent, and what is read off
//! it here.

use std::borrow::Cow;

use orrery_plan::lex::{self, Token};
use orrery_plan::statement::{MAX_TOKENS, Show, Statement, Target, classify};
use orrery_wire::{ServerError, errors};

use crate::refusals;
use crate::session::Access;

/// Whether a statement forgets the warnings of those before it, whatever it raises itself. As in
/// MariaDB those do that may name tables.
pub(super) fn forgets_warnings(statement: &Statement) -> bool {
    match statement {
        Statement::Show(show) => !matches!(show, Show::Warnings),
        Statement::Select | Statement::Describe { .. } | Statement::Explain { .. } => true,
        _ => false,
    }
}

/// `SET STATEMENT assignments FOR statement`, taken apart.
pub(super) struct Under {
    /// The assignments, as a SET of their own.
    pub(super) set: String,
    /// What runs under them.
    pub(super) inner: String,
}

/// The text of a SET STATEMENT behind its SET.
pub(super) fn set_statement(statement: &Statement) -> Option<&str> {
    match statement {
        Statement::Set(assignments) => match assignments.as_slice() {
            [one] if one.target == Target::Other("STATEMENT".to_owned()) => Some(&one.value),
            _ => None,
        },
        _ => None,
    }
}

/// Takes `STATEMENT … FOR …` apart.
pub(super) fn under(text: &str) -> Result<Under, ServerError> {
    let tokens = tokens(text)?;
    let outside = outside_parentheses(&tokens);
    let place = outside.iter().find(|token| token.is_word("FOR"));
    let parts = tokens.first().zip(place).and_then(|(first, place)| {
        let assignments = text.get(first.end()..place.start)?;
        Some((assignments, text.get(place.end()..)?))
    });
    let Some((assignments, inner)) = parts else {
        let message = format!("You have an error in your SQL syntax; SET {text} lacks its FOR");
        return Err(errors::SYNTAX.error(message));
    };
    Ok(Under {
        set: format!("SET {assignments}"),
        inner: inner.to_owned(),
    })
}

/// Whether a statement can run under SET STATEMENT: those that change the session would lose what
/// they set.
pub(super) fn runs_under(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Select
            | Statement::SelectWithoutTable
            | Statement::Show(_)
            | Statement::Describe { .. }
            | Statement::Explain { .. }
    )
}

/// A SELECT that returns at most `limit` rows, unless it has a LIMIT of its own.
pub(super) fn limited(sql: &str, limit: u64) -> Result<Cow<'_, str>, ServerError> {
    let tokens = tokens(sql)?;
    let outside = outside_parentheses(&tokens);
    let follows = |first: &str, second: &str| {
        outside.windows(2).position(
            |pair| matches!(pair, [one, two] if one.is_word(first) && two.is_word(second)),
        )
    };
    let has_limit = outside
        .iter()
        .any(|token| token.is_word("LIMIT") || token.is_word("FETCH"));
    if has_limit || outside.first().is_some_and(|first| first.is_word("DO")) {
        return Ok(Cow::Borrowed(sql));
    }
    // Before the lock, if it asks for one, else behind the last token, so that no comment swallows
    // it.
    let lock = follows("FOR", "UPDATE").or_else(|| follows("LOCK", "IN"));
    let place = match lock.and_then(|place| outside.get(place)) {
        Some(lock) => Some(lock.start),
        None => tokens
            .iter()
            .rev()
            .find(|token| !token.is_symbol(";"))
            .map(Token::end),
    };
    Ok(match place.and_then(|place| sql.split_at_checked(place)) {
        Some((head, tail)) if lock.is_some() => Cow::Owned(format!("{head}LIMIT {limit} {tail}")),
        Some((head, _)) => Cow::Owned(format!("{head} LIMIT {limit}")),
        None => Cow::Borrowed(sql),
    })
}

/// The tokens that stand in no parentheses.
fn outside_parentheses<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut depth = 0_usize;
    let outside = tokens.iter().filter(|token| {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        depth == 0
    });
    outside.copied().collect()
}

/// Refuses a statement with `||`, for a session to which that is CONCAT.
pub(super) fn refuse_pipes(sql: &str) -> Result<(), ServerError> {
    if tokens(sql)?.iter().any(|token| token.is_symbol("||")) {
        return Err(errors::NOT_SUPPORTED.error(
            "This version of Orrery doesn't yet support '|| under sql_mode PIPES_AS_CONCAT'; write CONCAT(a, b)",
        ));
    }
    Ok(())
}

/// What a BEGIN or START TRANSACTION says of its transaction.
pub(super) fn access(sql: &str) -> Result<Access, ServerError> {
    let tokens = tokens(sql)?;
    let read_only = tokens
        .windows(2)
        .any(|pair| matches!(pair, [read, only] if read.is_word("READ") && only.is_word("ONLY")));
    Ok(if read_only {
        Access::ReadOnly
    } else {
        Access::ReadWrite
    })
}

/// Whether a COMMIT or ROLLBACK begins another transaction: AND CHAIN, but not AND NO CHAIN.
pub(super) fn chains(sql: &str) -> Result<bool, ServerError> {
    let tokens = tokens(sql)?;
    Ok(tokens
        .windows(2)
        .any(|pair| matches!(pair, [and, chain] if and.is_word("AND") && chain.is_word("CHAIN"))))
}

/// A statement in latin1 as UTF-8. Servers are told that statements are UTF-8, and turn literals
/// into the collation of the connection themselves; only a literal behind an introducer is taken as
/// it stands, so such statements have to be ASCII.
pub(super) fn from_latin1(bytes: &[u8]) -> Option<String> {
    let text: String = bytes.iter().map(|&byte| latin1(byte)).collect();
    let tokens = lex::tokens(&text, MAX_TOKENS).ok()?;
    let introduced = tokens.windows(2).any(
        |pair| matches!(pair, [before, literal] if before.text.starts_with('_') && !literal.text.is_ascii()),
    );
    (!introduced).then_some(text)
}

/// MariaDB's latin1 is Windows' code page 1252, its five holes filled with control characters.
fn latin1(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    let high = usize::from(byte)
        .checked_sub(0x80)
        .and_then(|at| HIGH.get(at));
    high.copied().unwrap_or(char::from(byte))
}

/// The statement's class.
pub(super) fn class_of(sql: &str) -> Result<Statement, ServerError> {
    classify(sql).map_err(|error| refusals::syntax(&error))
}

fn tokens(sql: &str) -> Result<Vec<Token<'_>>, ServerError> {
    lex::tokens(sql, MAX_TOKENS).map_err(|error| errors::SYNTAX.error(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_added_where_there_is_none() {
        for (sql, expected) in [
            ("SELECT * FROM t", "SELECT * FROM t LIMIT 5"),
            ("SELECT * FROM t; -- all", "SELECT * FROM t LIMIT 5"),
            ("SELECT * FROM t LIMIT 9", "SELECT * FROM t LIMIT 9"),
            (
                "SELECT * FROM (SELECT 1 LIMIT 1) x",
                "SELECT * FROM (SELECT 1 LIMIT 1) x LIMIT 5",
            ),
            ("DO 1", "DO 1"),
            (
                "SELECT * FROM t FOR UPDATE",
                "SELECT * FROM t LIMIT 5 FOR UPDATE",
            ),
            (
                "SELECT 'LIMIT' FROM t # LIMIT",
                "SELECT 'LIMIT' FROM t LIMIT 5",
            ),
        ] {
            assert_eq!(limited(sql, 5).unwrap(), expected);
        }
    }

    #[test]
    fn set_statement_comes_apart_at_its_for() {
        let apart = under(
            "STATEMENT max_statement_time=10, sql_mode=CONCAT('a', 'b') FOR SELECT 1 FROM t FOR UPDATE",
        )
        .unwrap();
        assert_eq!(
            apart.set.trim(),
            "SET  max_statement_time=10, sql_mode=CONCAT('a', 'b')"
        );
        assert_eq!(apart.inner.trim(), "SELECT 1 FROM t FOR UPDATE");
        assert_eq!(
            under("STATEMENT max_statement_time=10")
                .err()
                .map(|error| error.code),
            Some(1064)
        );
    }

    #[test]
    fn transactions_say_what_they_may_do_and_whether_another_follows() {
        assert_eq!(
            access("START TRANSACTION READ ONLY").unwrap(),
            Access::ReadOnly
        );
        assert_eq!(access("BEGIN").unwrap(), Access::ReadWrite);
        assert!(chains("COMMIT AND CHAIN").unwrap());
        assert!(!chains("COMMIT AND NO CHAIN").unwrap());
    }

    #[test]
    fn latin1_becomes_utf8_but_not_behind_an_introducer() {
        assert_eq!(from_latin1(b"SELECT '\xE9\x80'").unwrap(), "SELECT 'é€'");
        assert_eq!(from_latin1(b"SELECT _latin1'\xE9'"), None);
        assert_eq!(
            from_latin1(b"SELECT _latin1'e', '\xE9'").unwrap(),
            "SELECT _latin1'e', 'é'"
        );
    }

    #[test]
    fn pipes_are_refused_outside_of_strings_alone() {
        assert!(refuse_pipes("SELECT 'a' || 'b'").is_err());
        refuse_pipes("SELECT '||' -- ||").unwrap();
    }
}
