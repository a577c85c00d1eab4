//! What MariaDB's operators look like as tokens.

use sqlparser::ast::{BinaryOperator, DateTimeField, Expr, ExtractSyntax, UnaryOperator};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

/// Units that INTERVAL and EXTRACT take.
const UNITS: [&str; 28] = [
    "MICROSECOND",
    "SECOND",
    "MINUTE",
    "HOUR",
    "DAY",
    "WEEK",
    "MONTH",
    "QUARTER",
    "YEAR",
    "SECOND_MICROSECOND",
    "MINUTE_MICROSECOND",
    "MINUTE_SECOND",
    "HOUR_MICROSECOND",
    "HOUR_SECOND",
    "HOUR_MINUTE",
    "DAY_MICROSECOND",
    "DAY_SECOND",
    "DAY_MINUTE",
    "DAY_HOUR",
    "YEAR_MONTH",
    "SQL_TSI_SECOND",
    "SQL_TSI_MINUTE",
    "SQL_TSI_HOUR",
    "SQL_TSI_DAY",
    "SQL_TSI_WEEK",
    "SQL_TSI_MONTH",
    "SQL_TSI_QUARTER",
    "SQL_TSI_YEAR",
];

/// Whether the token `ahead` of the next one is this keyword, outside quotes.
pub(super) fn is_keyword(parser: &Parser<'_>, ahead: usize, keyword: Keyword) -> bool {
    matches!(&parser.peek_nth_token_ref(ahead).token, Token::Word(word) if word.keyword == keyword)
}

/// The text of the token `ahead` of the next one, when it is a word outside quotes.
fn plain_word<'p>(parser: &'p Parser<'_>, ahead: usize) -> Option<&'p str> {
    match &parser.peek_nth_token_ref(ahead).token {
        Token::Word(word) if word.quote_style.is_none() => Some(&word.value),
        _ => None,
    }
}

/// An operator on numbers and its rank: those of a higher one bind more.
pub(super) fn bit_operator(token: &Token) -> Option<(BinaryOperator, u8)> {
    Some(match token {
        Token::Pipe => (BinaryOperator::BitwiseOr, 1),
        Token::Ampersand => (BinaryOperator::BitwiseAnd, 2),
        Token::ShiftLeft => (BinaryOperator::PGBitwiseShiftLeft, 3),
        Token::ShiftRight => (BinaryOperator::PGBitwiseShiftRight, 3),
        Token::Plus => (BinaryOperator::Plus, 4),
        Token::Minus => (BinaryOperator::Minus, 4),
        Token::Mul => (BinaryOperator::Multiply, 5),
        Token::Div => (BinaryOperator::Divide, 5),
        Token::Mod => (BinaryOperator::Modulo, 5),
        Token::Word(word) if word.keyword == Keyword::DIV => (BinaryOperator::MyIntegerDivide, 5),
        Token::Word(word)
            if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("MOD") =>
        {
            (BinaryOperator::Modulo, 5)
        }
        Token::Caret => (BinaryOperator::BitwiseXor, 6),
        _ => return None,
    })
}

/// A comparison.
pub(super) fn comparison(token: &Token) -> Option<BinaryOperator> {
    Some(match token {
        Token::Eq => BinaryOperator::Eq,
        Token::Spaceship => BinaryOperator::Spaceship,
        Token::Neq => BinaryOperator::NotEq,
        Token::Lt => BinaryOperator::Lt,
        Token::LtEq => BinaryOperator::LtEq,
        Token::Gt => BinaryOperator::Gt,
        Token::GtEq => BinaryOperator::GtEq,
        _ => return None,
    })
}

/// An operator of `predicate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PredicateOperator {
    pub kind: PredicateKind,
    /// After NOT.
    pub negated: bool,
}

/// What a predicate does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PredicateKind {
    In,
    Between,
    Like,
    Regexp,
    SoundsLike,
}

impl PredicateKind {
    /// Of how many tokens it consists.
    pub(super) fn tokens(self) -> usize {
        match self {
            Self::SoundsLike => 2,
            _ => 1,
        }
    }
}

/// The operator that comes next.
pub(super) fn predicate_operator(parser: &Parser<'_>) -> Option<PredicateOperator> {
    let negated = is_keyword(parser, 0, Keyword::NOT);
    let sounds = plain_word(parser, 0).is_some_and(|word| word.eq_ignore_ascii_case("SOUNDS"));
    if sounds && is_keyword(parser, 1, Keyword::LIKE) {
        return Some(PredicateOperator {
            kind: PredicateKind::SoundsLike,
            negated: false,
        });
    }
    let Token::Word(word) = &parser.peek_nth_token_ref(usize::from(negated)).token else {
        return None;
    };
    let kind = match word.keyword {
        Keyword::IN => PredicateKind::In,
        Keyword::BETWEEN => PredicateKind::Between,
        Keyword::LIKE => PredicateKind::Like,
        Keyword::REGEXP | Keyword::RLIKE => PredicateKind::Regexp,
        _ => return None,
    };
    Some(PredicateOperator { kind, negated })
}

/// What may stand before an operand.
pub(super) enum Prefix {
    Operator(UnaryOperator),
    Binary,
}

/// The prefix that comes next.
pub(super) fn prefix(parser: &Parser<'_>) -> Option<Prefix> {
    let operator = match &parser.peek_token_ref().token {
        Token::Plus => UnaryOperator::Plus,
        Token::Minus => UnaryOperator::Minus,
        Token::Tilde => UnaryOperator::BitwiseNot,
        Token::ExclamationMark => UnaryOperator::BangNot,
        Token::Word(word) if word.keyword == Keyword::BINARY => return Some(Prefix::Binary),
        _ => return None,
    };
    Some(Prefix::Operator(operator))
}

/// What follows IS.
pub(super) fn is_test(parser: &mut Parser<'_>, left: Expr) -> Result<Expr, ParserError> {
    let negated = parser.parse_keyword(Keyword::NOT);
    let found = parser.parse_one_of_keywords(&[
        Keyword::NULL,
        Keyword::TRUE,
        Keyword::FALSE,
        Keyword::UNKNOWN,
    ]);
    let expr = Box::new(left);
    Ok(match (found, negated) {
        (Some(Keyword::NULL), false) => Expr::IsNull(expr),
        (Some(Keyword::NULL), true) => Expr::IsNotNull(expr),
        (Some(Keyword::TRUE), false) => Expr::IsTrue(expr),
        (Some(Keyword::TRUE), true) => Expr::IsNotTrue(expr),
        (Some(Keyword::FALSE), false) => Expr::IsFalse(expr),
        (Some(Keyword::FALSE), true) => Expr::IsNotFalse(expr),
        (Some(Keyword::UNKNOWN), false) => Expr::IsUnknown(expr),
        (Some(Keyword::UNKNOWN), true) => Expr::IsNotUnknown(expr),
        _ => return parser.expected_ref("NULL, TRUE, FALSE or UNKNOWN", parser.peek_token_ref()),
    })
}

/// ANY, SOME or ALL before a subquery.
pub(super) fn quantifier(parser: &mut Parser<'_>) -> Option<Keyword> {
    if parser.peek_nth_token_ref(1).token != Token::LParen {
        return None;
    }
    parser.parse_one_of_keywords(&[Keyword::ANY, Keyword::SOME, Keyword::ALL])
}

/// `left operator ANY (subquery)`, after its word.
pub(super) fn quantified(
    parser: &mut Parser<'_>,
    left: Expr,
    compare_op: BinaryOperator,
    quantifier: Keyword,
) -> Result<Expr, ParserError> {
    parser.expect_token(&Token::LParen)?;
    let right = Box::new(Expr::Subquery(parser.parse_query()?));
    parser.expect_token(&Token::RParen)?;
    let left = Box::new(left);
    Ok(match quantifier {
        Keyword::ALL => Expr::AllOp {
            left,
            compare_op,
            right,
        },
        other => Expr::AnyOp {
            left,
            compare_op,
            right,
            is_some: other == Keyword::SOME,
        },
    })
}

/// The unit of time that comes next.
pub(super) fn unit(parser: &mut Parser<'_>) -> Option<DateTimeField> {
    let word = plain_word(parser, 0)?.to_ascii_uppercase();
    let unit = UNITS.iter().find(|unit| **unit == word)?;
    parser.advance_token();
    Some(DateTimeField::Custom((*unit).into()))
}

/// `EXTRACT(unit FROM expr)`.
pub(super) fn extract(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    parser.advance_token();
    parser.expect_token(&Token::LParen)?;
    let Some(field) = unit(parser) else {
        return parser.expected_ref("a unit of time", parser.peek_token_ref());
    };
    parser.expect_keyword_is(Keyword::FROM)?;
    let expr = Box::new(parser.parse_expr()?);
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Extract {
        field,
        syntax: ExtractSyntax::From,
        expr,
    })
}
