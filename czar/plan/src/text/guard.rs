//! The gate before the parser.
//!
//! Keeps true: nothing a user types aborts the process (tokens, nesting and chains of operators are
//! bounded before anything recursive sees them), and what the parser would change in meaning is
//! repaired here (`||`, `0x…`, adjacent strings), read by [`crate::text::grammar`] (every
//! expression) or refused (`:=`, `@variables`).

use sqlparser::ast::Query;
use sqlparser::parser::{Parser, ParserOptions};
use sqlparser::tokenizer::{Location, Span, Token as ParserToken, TokenWithSpan};

use crate::error::{GuardError, MAX_CHAIN, MAX_NESTING, NotYet};
use crate::text::grammar::MariaDb;
use crate::text::lex::{self, Kind, Token};
use crate::text::statement::quoting::{unescaped, write_text};

/// Largest number of tokens of a statement that is parsed.
const MAX_TOKENS: usize = 500_000;
/// Bound of the parser's own recursion: several levels per parenthesis.
const PARSER_RECURSION: usize = 512;

/// A statement that passed the gate.
pub(crate) struct Guarded<'a> {
    /// Its tokens as written. Spans of the tree count into this list: column n is token n - 1.
    pub tokens: Vec<Token<'a>>,
    /// Its tree.
    pub query: Box<Query>,
}

/// A statement that passed the gate and that the parser does not know. MariaDB may.
pub(crate) struct Unread<'a> {
    /// Its tokens as written.
    pub tokens: Vec<Token<'a>>,
    /// What the parser says.
    pub error: GuardError,
}

/// The tokens of a SELECT that passes the gate.
pub(crate) fn guard(sql: &str) -> Result<Vec<Token<'_>>, GuardError> {
    let mut tokens = lex::tokens(sql, MAX_TOKENS)?;
    while tokens.last().is_some_and(|token| token.is_symbol(";")) {
        tokens.pop();
    }
    check_shape(&tokens)?;
    for at in 0..tokens.len() {
        check_token(&tokens, at)?;
    }
    Ok(tokens)
}

/// Parses a SELECT that passed [`guard`].
pub(crate) fn parse(tokens: Vec<Token<'_>>) -> Result<Guarded<'_>, Unread<'_>> {
    match parsed(&tokens) {
        Ok(query) => Ok(Guarded { tokens, query }),
        Err(error) => Err(Unread { tokens, error }),
    }
}

fn parsed(tokens: &[Token<'_>]) -> Result<Box<Query>, GuardError> {
    let parser_tokens = parser_tokens(tokens);
    let dialect = MariaDb::default();
    let mut parser = Parser::new(&dialect)
        .with_options(ParserOptions::new().with_unescape(false))
        .with_recursion_limit(PARSER_RECURSION)
        .with_tokens_with_locations(parser_tokens);
    let parse_error = |error: sqlparser::parser::ParserError| GuardError::Parse {
        message: explain_parse_error(&error, tokens),
    };
    let query = parser.parse_query().map_err(parse_error)?;
    let rest = parser.peek_token();
    if rest.token != ParserToken::EOF {
        return Err(GuardError::Parse {
            message: format!("did not expect '{}'", rest.token),
        });
    }
    Ok(query)
}

/// The parser's message without its made-up positions, with the text around the place instead.
fn explain_parse_error(error: &sqlparser::parser::ParserError, tokens: &[Token<'_>]) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("sql parser error: ").unwrap_or(&text);
    let Some((message, place)) = text.split_once(" at Line: ") else {
        return text.to_owned();
    };
    let column = place
        .rsplit("Column: ")
        .next()
        .and_then(|column| column.trim().parse::<usize>().ok());
    let near = column
        .and_then(|column| tokens.get(column.saturating_sub(1)..))
        .unwrap_or_default();
    let near: Vec<&str> = near.iter().take(8).map(|token| token.text).collect();
    format!("{message}, near '{}'", near.join(" "))
}

/// What stands between a parenthesis or CASE and its end, so far.
#[derive(Default)]
struct Open {
    is_case: bool,
    /// Operators since the last comma.
    operators: usize,
    /// UNION and its like: a comma ends none of their chains.
    united: usize,
}

/// Bounds nesting and chains: the tree of a chain is as deep as the chain is long.
fn check_shape(tokens: &[Token<'_>]) -> Result<(), GuardError> {
    let mut levels = vec![Open::default()];
    for token in tokens {
        let at = token.start;
        if token.is_symbol(";") {
            return Err(GuardError::Several);
        }
        let is_case = token.is_word("CASE");
        if token.is_symbol("(") || is_case {
            levels.push(Open {
                is_case,
                ..Open::default()
            });
        } else if token.is_symbol(")")
            || (token.is_word("END") && levels.last().is_some_and(|open| open.is_case))
        {
            levels.pop();
        } else if let Some(open) = levels.last_mut() {
            if token.is_symbol(",") {
                open.operators = 0;
            }
            open.operators += usize::from(is_operator(token));
            open.united += usize::from(is_set_operator(token));
            if open.operators.max(open.united) > MAX_CHAIN {
                return Err(GuardError::TooLong { at });
            }
        }
        match levels.len() {
            0 => return Err(GuardError::Unbalanced { at }),
            depth if depth > MAX_NESTING => return Err(GuardError::TooDeep { at }),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a token is an operator, or a word that stands before or after an operand as one.
fn is_operator(token: &Token<'_>) -> bool {
    const WORDS: [&str; 14] = [
        "AND", "OR", "XOR", "NOT", "DIV", "MOD", "IN", "LIKE", "RLIKE", "REGEXP", "IS", "BINARY",
        "COLLATE", "JOIN",
    ];
    match token.kind {
        Kind::Symbol => !matches!(token.text, "(" | ")" | "," | "." | ";"),
        Kind::Word => WORDS.iter().any(|word| token.is_word(word)),
        _ => false,
    }
}

fn is_set_operator(token: &Token<'_>) -> bool {
    ["UNION", "INTERSECT", "EXCEPT", "MINUS"]
        .iter()
        .any(|word| token.is_word(word))
}

/// Refuses constructs that would be misread.
fn check_token(tokens: &[Token<'_>], at: usize) -> Result<(), GuardError> {
    let Some(token) = tokens.get(at) else {
        return Ok(());
    };
    let next = tokens.get(at + 1);
    let refuse =
        |construct: &str, hint: &str| Err(GuardError::NotYet(NotYet::new(construct, hint)));
    match token.kind {
        Kind::Variable if token.text.starts_with("@@") => {}
        Kind::Variable => {
            return refuse(
                "user variables",
                "write the value itself, or bind it as a parameter of a prepared statement",
            );
        }
        Kind::Symbol if token.text == ":=" => return refuse(":=", "assign in the client"),
        Kind::Placeholder => {
            return refuse(
                "? outside a prepared statement",
                "prepare the statement and bind a value",
            );
        }
        Kind::Word => {
            if token.is_word("INTO") {
                return refuse("SELECT … INTO", "write the result where the client runs");
            }
            if token.is_word("LOCK") && next.is_some_and(|next| next.is_word("IN")) {
                return refuse(
                    "LOCK IN SHARE MODE",
                    "leave it out: rows never change under a reader",
                );
            }
            if token.is_word("PROCEDURE") {
                return refuse("PROCEDURE", "leave it out");
            }
        }
        _ => {}
    }
    Ok(())
}

/// The parser's tokens; the n-th has column n + 1 of line 1 as its place. Adjacent strings are
/// joined, which leaves a gap.
fn parser_tokens(tokens: &[Token<'_>]) -> Vec<TokenWithSpan> {
    let mut converted: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len() + 1);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let column = at as u64 + 1;
        let place = Location::new(1, column);
        let mut end = at + 1;
        let parser_token = match token.kind {
            Kind::Text => {
                while tokens.get(end).is_some_and(|next| next.kind == Kind::Text) {
                    end += 1;
                }
                Some(joined_strings(tokens.get(at..end).unwrap_or_default()))
            }
            _ => parser_token(tokens, at),
        };
        if let Some(token) = parser_token {
            converted.push(TokenWithSpan::new(token, Span::new(place, place)));
        }
        at = end;
    }
    let end = Location::new(1, tokens.len() as u64 + 1);
    converted.push(TokenWithSpan::new(ParserToken::EOF, Span::new(end, end)));
    converted
}

/// One string, raw escapes kept.
fn joined_strings(strings: &[Token<'_>]) -> ParserToken {
    let raw = |token: &Token<'_>| {
        token
            .text
            .get(1..token.text.len() - 1)
            .unwrap_or_default()
            .to_owned()
    };
    match strings {
        [one] if one.text.starts_with('"') => ParserToken::DoubleQuotedString(raw(one)),
        [one] => ParserToken::SingleQuotedString(raw(one)),
        several => {
            let value: String = several.iter().map(|token| unescaped(token.text)).collect();
            let mut literal = String::new();
            write_text(&value, &mut literal);
            ParserToken::SingleQuotedString(
                literal
                    .get(1..literal.len() - 1)
                    .unwrap_or_default()
                    .to_owned(),
            )
        }
    }
}

fn parser_token(tokens: &[Token<'_>], at: usize) -> Option<ParserToken> {
    let token = tokens.get(at)?;
    let text = token.text;
    let inner = || {
        text.get(2..text.len().saturating_sub(1))
            .unwrap_or_default()
            .to_owned()
    };
    Some(match token.kind {
        Kind::Word
            if token.is_word("SQL_CACHE") && at > 0 && tokens.get(at - 1)?.is_word("SELECT") =>
        {
            return None;
        }
        Kind::Word | Kind::Variable => ParserToken::make_word(text, None),
        Kind::QuotedName => {
            let name = text
                .get(1..text.len().saturating_sub(1))
                .unwrap_or_default()
                .replace("``", "`");
            ParserToken::make_word(&name, Some('`'))
        }
        Kind::Number | Kind::Literal0x => ParserToken::Number(text.to_owned(), false),
        Kind::PrefixedText => match text.as_bytes().first() {
            Some(b'x' | b'X') => ParserToken::HexStringLiteral(inner()),
            Some(b'b' | b'B') => ParserToken::SingleQuotedByteStringLiteral(inner()),
            _ => ParserToken::NationalStringLiteral(inner()),
        },
        Kind::Placeholder => ParserToken::Placeholder(text.to_owned()),
        Kind::Text => return None,
        Kind::Symbol => symbol(text),
    })
}

fn symbol(text: &str) -> ParserToken {
    match text {
        "(" => ParserToken::LParen,
        ")" => ParserToken::RParen,
        "," => ParserToken::Comma,
        "." => ParserToken::Period,
        "*" => ParserToken::Mul,
        "+" => ParserToken::Plus,
        "-" => ParserToken::Minus,
        "/" => ParserToken::Div,
        "%" => ParserToken::Mod,
        "=" => ParserToken::Eq,
        "<" => ParserToken::Lt,
        ">" => ParserToken::Gt,
        "<=" => ParserToken::LtEq,
        ">=" => ParserToken::GtEq,
        "<>" | "!=" => ParserToken::Neq,
        "<=>" => ParserToken::Spaceship,
        "<<" => ParserToken::ShiftLeft,
        ">>" => ParserToken::ShiftRight,
        "&" => ParserToken::Ampersand,
        "|" => ParserToken::Pipe,
        "^" => ParserToken::Caret,
        "~" => ParserToken::Tilde,
        "!" => ParserToken::ExclamationMark,
        // PIPES_AS_CONCAT is never on.
        "||" => ParserToken::make_keyword("OR"),
        "&&" => ParserToken::make_keyword("AND"),
        ":=" => ParserToken::Assignment,
        other => ParserToken::Char(other.chars().next().unwrap_or('?')),
    }
}
