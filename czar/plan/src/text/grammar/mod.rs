//! MariaDB's grammar of expressions, over the parser's tokens.
//!
//! Keeps true: operands are grouped as MariaDB 10.11 groups them (`expr`, `boolean_test`,
//! `predicate`, `bit_expr` and `simple_expr` of its `sql_yacc.yy`); what is no operator there is
//! none here. The parser's own order of operators is another one, so it is never asked: it reads
//! clauses and operands without operators (names, literals, calls, CASE, what stands in
//! parentheses), and every expression among them comes back here.

mod interval;
mod tree;
mod words;

use std::any::TypeId;
use std::cell::Cell;

use sqlparser::ast::{BinaryOperator, CastKind, DataType, Expr, UnaryOperator};
use sqlparser::dialect::{Dialect, MySqlDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use interval::{AfterInterval, arguments, interval};
use tree::{binary, call, unary};
use words::{
    PredicateKind, PredicateOperator, Prefix, bit_operator, comparison, extract, is_keyword,
    is_test, predicate_operator, prefix, quantified, quantifier,
};

/// Deepest nesting of what recurses without parentheses, as `a BETWEEN b AND c BETWEEN d AND …` and
/// `INTERVAL INTERVAL … 1 DAY DAY`: it has no other bound than the stack.
const MAX_DEPTH: usize = 16;

type Parsed = Result<Expr, ParserError>;

/// The parser's MySQL with MariaDB's expressions.
#[derive(Debug, Default)]
pub(crate) struct MariaDb {
    base: MySqlDialect,
    /// The parser is asked for an operand without operators.
    operand: Cell<bool>,
    depth: Cell<usize>,
}

impl Dialect for MariaDb {
    fn dialect(&self) -> TypeId {
        self.base.dialect()
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        self.base.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        self.base.is_identifier_part(ch)
    }

    fn ignores_wildcard_escapes(&self) -> bool {
        self.base.ignores_wildcard_escapes()
    }

    fn supports_limit_comma(&self) -> bool {
        self.base.supports_limit_comma()
    }

    fn is_table_factor_alias(
        &self,
        explicit: bool,
        keyword: &Keyword,
        parser: &mut Parser<'_>,
    ) -> bool {
        self.base.is_table_factor_alias(explicit, keyword, parser)
    }

    fn supports_table_hints(&self) -> bool {
        self.base.supports_table_hints()
    }

    fn supports_match_against(&self) -> bool {
        self.base.supports_match_against()
    }

    fn supports_select_modifiers(&self) -> bool {
        self.base.supports_select_modifiers()
    }

    fn supports_cross_join_constraint(&self) -> bool {
        self.base.supports_cross_join_constraint()
    }

    fn supports_group_by_with_modifier(&self) -> bool {
        self.base.supports_group_by_with_modifier()
    }

    fn supports_left_associative_joins_without_parens(&self) -> bool {
        self.base.supports_left_associative_joins_without_parens()
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Parsed> {
        if self.operand.take() {
            return None;
        }
        let expression = self.expression(parser);
        if is_keyword(parser, 0, Keyword::COLLATE) {
            // It belongs to an operand; the parser would give it the expression.
            return Some(parser.expected_ref("the end of the expression", parser.peek_token_ref()));
        }
        Some(expression)
    }

    fn get_next_precedence(&self, _parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        // What `parse_prefix` gives is a whole expression: nothing follows it.
        Some(Ok(0))
    }
}

impl MariaDb {
    /// Runs `parse` one level deeper.
    fn nested<T>(&self, parse: impl FnOnce() -> Result<T, ParserError>) -> Result<T, ParserError> {
        let depth = self.depth.get();
        if depth == MAX_DEPTH {
            return Err(ParserError::RecursionLimitExceeded);
        }
        self.depth.set(depth + 1);
        let parsed = parse();
        self.depth.set(depth);
        parsed
    }

    /// `expr`: OR, then XOR, then AND.
    fn expression(&self, parser: &mut Parser<'_>) -> Parsed {
        chain(parser, Keyword::OR, &BinaryOperator::Or, &|parser| {
            chain(parser, Keyword::XOR, &BinaryOperator::Xor, &|parser| {
                chain(parser, Keyword::AND, &BinaryOperator::And, &|parser| {
                    self.negation(parser)
                })
            })
        })
    }

    /// `NOT expr`: binds less than comparisons.
    fn negation(&self, parser: &mut Parser<'_>) -> Parsed {
        let mut negations = 0_usize;
        while parser.parse_keyword(Keyword::NOT) {
            negations += 1;
        }
        let test = self.test(parser)?;
        Ok((0..negations).fold(test, |expr, _| unary(UnaryOperator::Not, expr)))
    }

    /// `boolean_test`: comparisons and IS, all of one rank, from left to right.
    fn test(&self, parser: &mut Parser<'_>) -> Parsed {
        let mut left = self.predicate(parser)?;
        loop {
            if parser.parse_keyword(Keyword::IS) {
                left = is_test(parser, left)?;
            } else if let Some(operator) = comparison(&parser.peek_token_ref().token) {
                parser.advance_token();
                left = match quantifier(parser) {
                    Some(quantifier) => quantified(parser, left, operator, quantifier)?,
                    None => binary(left, operator, self.predicate(parser)?),
                };
            } else {
                return Ok(left);
            }
        }
    }

    /// `predicate`: IN, LIKE, REGEXP and SOUNDS LIKE from left to right; BETWEEN binds less than
    /// these and from right to left.
    fn predicate(&self, parser: &mut Parser<'_>) -> Parsed {
        let mut left = self.bit_expression(parser, 0)?;
        while let Some(operator) = predicate_operator(parser) {
            left = self.predicate_tail(parser, left, operator)?;
        }
        Ok(left)
    }

    /// The right side of LIKE, REGEXP and SOUNDS LIKE. NOT binds more than they do:
    /// `a LIKE b NOT LIKE c` is `a LIKE (b NOT LIKE c)`.
    fn pattern(&self, parser: &mut Parser<'_>) -> Parsed {
        self.nested(|| {
            let mut left = self.bit_expression(parser, 0)?;
            while let Some(operator) =
                predicate_operator(parser).filter(|operator| operator.negated)
            {
                left = self.predicate_tail(parser, left, operator)?;
            }
            Ok(left)
        })
    }

    fn predicate_tail(
        &self,
        parser: &mut Parser<'_>,
        left: Expr,
        PredicateOperator { kind, negated }: PredicateOperator,
    ) -> Parsed {
        for _ in 0..usize::from(negated) + kind.tokens() {
            parser.advance_token();
        }
        let expr = Box::new(left);
        Ok(match kind {
            PredicateKind::In => return parser.parse_in(*expr, negated),
            PredicateKind::Between => {
                let low = self.nested(|| self.predicate(parser))?;
                parser.expect_keyword_is(Keyword::AND)?;
                let high = self.nested(|| self.predicate(parser))?;
                Expr::Between {
                    expr,
                    negated,
                    low: Box::new(low),
                    high: Box::new(high),
                }
            }
            PredicateKind::Like => {
                let pattern = Box::new(self.pattern(parser)?);
                let escape_char = if parser.parse_keyword(Keyword::ESCAPE) {
                    Some(Box::new(self.pattern(parser)?))
                } else {
                    None
                };
                Expr::Like {
                    negated,
                    any: false,
                    expr,
                    pattern,
                    escape_char,
                }
            }
            PredicateKind::Regexp => Expr::RLike {
                negated,
                expr,
                pattern: Box::new(self.pattern(parser)?),
                regexp: true,
            },
            PredicateKind::SoundsLike => {
                let right = self.pattern(parser)?;
                binary(
                    call("SOUNDEX", vec![*expr]),
                    BinaryOperator::Eq,
                    call("SOUNDEX", vec![right]),
                )
            }
        })
    }

    /// `simple_expr`: signs, `~`, `!` and BINARY before an operand, COLLATE after it.
    fn simple(&self, parser: &mut Parser<'_>) -> Parsed {
        let mut prefixes = Vec::new();
        while let Some(prefix) = prefix(parser) {
            parser.advance_token();
            prefixes.push(prefix);
        }
        let operand = self.primary(parser)?;
        let expr = collated(parser, operand)?;
        let wrap = |expr, prefix| match prefix {
            Prefix::Operator(operator) => unary(operator, expr),
            Prefix::Binary => Expr::Cast {
                kind: CastKind::Cast,
                expr: Box::new(expr),
                data_type: DataType::Binary(None),
                format: None,
            },
        };
        Ok(prefixes.into_iter().rev().fold(expr, wrap))
    }

    /// An operand without operators.
    fn primary(&self, parser: &mut Parser<'_>) -> Parsed {
        const OPERATORS: [Keyword; 11] = [
            Keyword::AND,
            Keyword::OR,
            Keyword::XOR,
            Keyword::NOT,
            Keyword::DIV,
            Keyword::LIKE,
            Keyword::RLIKE,
            Keyword::REGEXP,
            Keyword::IN,
            Keyword::BETWEEN,
            Keyword::IS,
        ];
        if OPERATORS
            .into_iter()
            .any(|operator| is_keyword(parser, 0, operator))
        {
            return parser.expected_ref("an operand", parser.peek_token_ref());
        }
        let is_call = parser.peek_nth_token_ref(1).token == Token::LParen;
        if is_call && is_keyword(parser, 0, Keyword::EXTRACT) {
            return extract(parser);
        }
        if is_call && is_keyword(parser, 0, Keyword::POSITION) {
            return self.position(parser);
        }
        if parser.parse_keyword(Keyword::INTERVAL) {
            // No interval of time has a sign.
            return match arguments(parser)? {
                Err(arguments) => Ok(call("INTERVAL", arguments)),
                Ok(_) => parser.expected_ref("a comma", parser.peek_token_ref()),
            };
        }
        self.operand.set(true);
        let operand = parser.parse_prefix()?;
        parser.parse_compound_expr(operand, Vec::new())
    }

    /// `POSITION(bit_expr IN expr)`.
    fn position(&self, parser: &mut Parser<'_>) -> Parsed {
        parser.advance_token();
        parser.expect_token(&Token::LParen)?;
        let expr = self.nested(|| self.bit_expression(parser, 0))?;
        parser.expect_keyword_is(Keyword::IN)?;
        let within = parser.parse_expr()?;
        parser.expect_token(&Token::RParen)?;
        Ok(Expr::Position {
            expr: Box::new(expr),
            r#in: Box::new(within),
        })
    }

    /// `bit_expr` whose operators bind more than `floor`.
    fn bit_expression(&self, parser: &mut Parser<'_>, floor: u8) -> Parsed {
        let left = if parser.parse_keyword(Keyword::INTERVAL) {
            match self.nested(|| interval(parser))? {
                AfterInterval::Call(call) => collated(parser, call)?,
                AfterInterval::Time(time) => self.after_time(parser, time)?,
            }
        } else {
            self.simple(parser)?
        };
        self.bit_tail(parser, left, floor)
    }

    /// The operators that bind more than `floor`, after their first operand.
    fn bit_tail(&self, parser: &mut Parser<'_>, mut left: Expr, floor: u8) -> Parsed {
        while let Some((operator, rank)) = bit_operator(&parser.peek_token_ref().token) {
            if rank <= floor {
                break;
            }
            parser.advance_token();
            let adds = matches!(operator, BinaryOperator::Plus | BinaryOperator::Minus);
            let right = if adds && parser.parse_keyword(Keyword::INTERVAL) {
                match self.nested(|| interval(parser))? {
                    AfterInterval::Time(time) => time,
                    AfterInterval::Call(call) => {
                        let call = collated(parser, call)?;
                        self.bit_tail(parser, call, rank)?
                    }
                }
            } else {
                self.bit_expression(parser, rank)?
            };
            left = binary(left, operator, right);
        }
        Ok(left)
    }

    /// What may follow an interval of time that nothing precedes: `+ expr`, all of it, comparisons
    /// included; or the end of an argument.
    fn after_time(&self, parser: &mut Parser<'_>, time: Expr) -> Parsed {
        if parser.consume_token(&Token::Plus) {
            let rest = self.nested(|| self.negation(parser))?;
            return Ok(binary(time, BinaryOperator::Plus, rest));
        }
        match parser.peek_token_ref().token {
            Token::RParen | Token::Comma => Ok(time),
            _ => parser.expected_ref("+", parser.peek_token_ref()),
        }
    }
}

/// An operand with the COLLATE that follows it.
fn collated(parser: &mut Parser<'_>, mut expr: Expr) -> Parsed {
    while parser.parse_keyword(Keyword::COLLATE) {
        expr = Expr::Collate {
            expr: Box::new(expr),
            collation: parser.parse_object_name(false)?,
        };
    }
    Ok(expr)
}

/// Operands joined by one operator, from left to right.
fn chain(
    parser: &mut Parser<'_>,
    keyword: Keyword,
    operator: &BinaryOperator,
    operand: &dyn Fn(&mut Parser<'_>) -> Parsed,
) -> Parsed {
    let mut left = operand(parser)?;
    while parser.parse_keyword(keyword) {
        left = binary(left, operator.clone(), operand(parser)?);
    }
    Ok(left)
}
