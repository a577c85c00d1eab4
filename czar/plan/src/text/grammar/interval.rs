//! What the word INTERVAL begins.

use sqlparser::ast::{Expr, Interval};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::tree::call;
use super::words::{is_keyword, unit};

/// What the word INTERVAL begins.
pub(super) enum AfterInterval {
    /// An interval of time.
    Time(Expr),
    /// A call of the function.
    Call(Expr),
}

/// `INTERVAL expr unit`, or the function INTERVAL, after the word.
pub(super) fn interval(parser: &mut Parser<'_>) -> Result<AfterInterval, ParserError> {
    let is_query = [Keyword::SELECT, Keyword::WITH].map(|keyword| is_keyword(parser, 1, keyword));
    let value = if parser.peek_token_ref().token != Token::LParen || is_query.contains(&true) {
        parser.parse_expr()?
    } else {
        match arguments(parser)? {
            Ok(value) => value,
            Err(arguments) => return Ok(AfterInterval::Call(call("INTERVAL", arguments))),
        }
    };
    let Some(unit) = unit(parser) else {
        return parser.expected_ref("a unit of time", parser.peek_token_ref());
    };
    Ok(AfterInterval::Time(Expr::Interval(Interval {
        value: Box::new(value),
        leading_field: Some(unit),
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    })))
}

/// What stands in parentheses: one value, or several as an error.
pub(super) fn arguments(parser: &mut Parser<'_>) -> Result<Result<Expr, Vec<Expr>>, ParserError> {
    parser.expect_token(&Token::LParen)?;
    let mut values = parser.parse_comma_separated(Parser::parse_expr)?;
    parser.expect_token(&Token::RParen)?;
    Ok(match values.pop() {
        Some(value) if values.is_empty() => Ok(Expr::Nested(Box::new(value))),
        last => Err(values.into_iter().chain(last).collect()),
    })
}
