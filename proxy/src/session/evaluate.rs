//! Values on the right side of SET: literals, words, the variables this session knows, and CONCAT of those, as drivers write them.

use orrery_plan::lex::{self, Kind, Token};

use super::Session;
use super::error::SetError;

/// Tokens a value may have; drivers write a handful.
const MAX_TOKENS: usize = 100;

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
    match tokens.as_slice() {
        [one] if one.is_word("DEFAULT") => Ok(Value::Default),
        [one] if one.is_word("NULL") => Ok(Value::Null),
        [sign, number] if sign.is_symbol("-") && number.kind == Kind::Number => {
            Ok(Value::Text(format!("-{}", number.text)))
        }
        [one] => operand(one, session).map(Value::Text).ok_or_else(unknown),
        [call, open, arguments @ .., close]
            if call.is_word("CONCAT") && open.is_symbol("(") && close.is_symbol(")") =>
        {
            concat(arguments, session).map(Value::Text).ok_or_else(unknown)
        }
        _ => Err(unknown()),
    }
}

fn concat(arguments: &[Token<'_>], session: &Session) -> Option<String> {
    let mut text = String::new();
    for argument in arguments.split(|token| token.is_symbol(",")) {
        let [one] = argument else { return None };
        text.push_str(&operand(one, session)?);
    }
    Some(text)
}

fn operand(token: &Token<'_>, session: &Session) -> Option<String> {
    match token.kind {
        Kind::Number | Kind::Word => Some(token.text.to_owned()),
        Kind::Text => string(token.text),
        Kind::Variable => {
            let name = token.text.strip_prefix("@@")?.to_ascii_lowercase();
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
