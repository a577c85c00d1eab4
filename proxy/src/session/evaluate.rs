//! Values on the right side of SET: literals, words, the variables this session knows, and calls of
//! a few text functions, as drivers write them.

use orrery_plan::lex::{self, Kind, Token};

use super::Session;
use super::error::SetError;

/// Tokens a value may have; drivers write a handful.
const MAX_TOKENS: usize = 100;
/// Calls and parentheses inside each other.
const MAX_DEPTH: usize = 16;

/// What a value evaluates to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `DEFAULT`.
    Default,
    /// `NULL`.
    Null,
    /// Anything else, as text.
    Text(String),
}

/// Evaluates the text of a value.
pub fn evaluate(text: &str, session: &Session) -> Result<Value, SetError> {
    let unknown = || SetError::Expression {
        text: text.to_owned(),
    };
    let tokens = lex::tokens(text, MAX_TOKENS).map_err(|_| unknown())?;
    if let [one] = tokens.as_slice()
        && one.is_word("DEFAULT")
    {
        return Ok(Value::Default);
    }
    let value = expression(&tokens, session, MAX_DEPTH).ok_or_else(unknown)?;
    Ok(value.map_or(Value::Null, Value::Text))
}

/// An expression's value, NULL as `None`; the outer `None` when it is more than what is known here.
#[expect(
    clippy::option_option,
    reason = "NULL is a value, and an unknown expression is none"
)]
fn expression(tokens: &[Token<'_>], session: &Session, depth: usize) -> Option<Option<String>> {
    let deeper = depth.checked_sub(1)?;
    match tokens {
        [one] if one.is_word("NULL") => Some(None),
        [one] => operand(one, session).map(Some),
        [sign, number] if sign.is_symbol("-") && number.kind == Kind::Number => {
            Some(Some(format!("-{}", number.text)))
        }
        [open, inside @ .., close] if open.is_symbol("(") && close.is_symbol(")") => {
            let inside = match inside {
                [select, rest @ ..] if select.is_word("SELECT") => rest,
                all => all,
            };
            expression(inside, session, deeper)
        }
        [name, open, inside @ .., close] if open.is_symbol("(") && close.is_symbol(")") => {
            let arguments = arguments(inside)
                .into_iter()
                .map(|argument| expression(argument, session, deeper))
                .collect::<Option<Vec<_>>>()?;
            call(name, &arguments)
        }
        _ => None,
    }
}

/// What stands between the commas outside of parentheses.
fn arguments<'a, 't>(tokens: &'a [Token<'t>]) -> Vec<&'a [Token<'t>]> {
    let mut depth = 0_usize;
    tokens
        .split(|token| {
            if token.is_symbol("(") {
                depth += 1;
            } else if token.is_symbol(")") {
                depth = depth.saturating_sub(1);
            }
            depth == 0 && token.is_symbol(",")
        })
        .collect()
}

#[expect(
    clippy::option_option,
    reason = "NULL is a value, and an unknown function has none"
)]
fn call(name: &Token<'_>, arguments: &[Option<String>]) -> Option<Option<String>> {
    let all = || arguments.iter().cloned().collect::<Option<Vec<String>>>();
    match name.text.to_ascii_uppercase().as_str() {
        "CONCAT" if !arguments.is_empty() => Some(all().map(|parts| parts.concat())),
        "CONCAT_WS" => {
            let (separator, parts) = arguments.split_first()?;
            let parts: Vec<&str> = parts.iter().flatten().map(String::as_str).collect();
            Some(separator.as_deref().map(|separator| parts.join(separator)))
        }
        "REPLACE" => match all().as_deref() {
            None if arguments.len() == 3 => Some(None),
            Some([text, from, _]) if from.is_empty() => Some(Some(text.clone())),
            Some([text, from, to]) => Some(Some(text.replace(from.as_str(), to))),
            _ => None,
        },
        "UPPER" | "UCASE" if arguments.len() == 1 => {
            Some(all().map(|parts| parts.concat().to_uppercase()))
        }
        "LOWER" | "LCASE" if arguments.len() == 1 => {
            Some(all().map(|parts| parts.concat().to_lowercase()))
        }
        "IFNULL" | "COALESCE" if !arguments.is_empty() => {
            Some(arguments.iter().flatten().next().cloned())
        }
        _ => None,
    }
}

fn operand(token: &Token<'_>, session: &Session) -> Option<String> {
    match token.kind {
        Kind::Number | Kind::Word => Some(token.text.to_owned()),
        Kind::Text => string(token.text),
        Kind::Variable => {
            let name = token.text.strip_prefix("@@")?.to_ascii_lowercase();
            if let Some(name) = name.strip_prefix("global.") {
                return Session::global_value_of(name);
            }
            let name = name
                .strip_prefix("session.")
                .or_else(|| name.strip_prefix("local."))
                .unwrap_or(&name);
            session.value_of(name)
        }
        _ => None,
    }
}

/// A string literal without escapes: no setting has a value that needs one.
fn string(literal: &str) -> Option<String> {
    let inside = literal.get(1..literal.len().checked_sub(1)?)?;
    let plain = !inside.contains(['\\', '\'', '"']);
    plain.then(|| inside.to_owned())
}
