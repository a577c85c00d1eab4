//! From the parser's tree to [`Expr`]: resolves names and lets through what is on the allow-list.

mod calls;
mod forms;
mod naming;

use sqlparser::ast::{BinaryOperator, Expr as Parsed, Ident, TypedString, UnaryOperator, Value};

use crate::error::{PlanError, refused};
use crate::query::expr::{Comparison, Expr, Operator};
use crate::query::functions::Returns;
use crate::query::scope::Scope;
use crate::query::select::Item;
pub(super) use naming::item_by_alias;

/// Deepest nesting of operands: `a + b + c` nests one level per operator.
const MAX_DEPTH: usize = 150;

/// Where an expression stands: decides which names it may use.
#[derive(Clone, Copy)]
pub(super) enum Place<'b> {
    /// Select list.
    Items,
    /// WHERE and ON: no aliases, no aggregates.
    Filter,
    /// Operands in GROUP BY: columns before aliases, no aggregates.
    GroupBy(&'b [Item]),
    /// HAVING: aliases before columns, but a column that is grouped by before either.
    Having(&'b [Item], &'b [Group]),
    /// Operands in ORDER BY: columns before aliases.
    OrderBy(&'b [Item]),
}

/// An entry of GROUP BY.
pub(super) struct Group {
    pub expr: Expr,
    /// Alias of the item that it is, if it is one.
    pub alias: Option<String>,
}

/// What is found on the way.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Whether the clock is read.
    pub uses_now: bool,
    /// Calls of functions whose value differs from call to call.
    pub randoms: usize,
}

/// Converts expressions of one place.
pub(super) struct Converter<'a, 'b> {
    pub scope: &'b Scope<'a>,
    pub place: Place<'b>,
    pub notes: &'b mut Notes,
    depth: usize,
    /// Whether it is about an aggregate's arguments, which come before groups.
    in_aggregate: bool,
}

type Converted = Result<Expr, PlanError>;

impl<'a, 'b> Converter<'a, 'b> {
    pub(super) fn new(scope: &'b Scope<'a>, place: Place<'b>, notes: &'b mut Notes) -> Self {
        Self {
            scope,
            place,
            notes,
            depth: 0,
            in_aggregate: false,
        }
    }

    /// Converts an expression.
    pub(super) fn convert(&mut self, parsed: &Parsed) -> Converted {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(refused(
                "deeply nested expressions",
                "write it flatter, OR chains as IN (…)",
            ));
        }
        let converted = self.convert_any(parsed);
        self.depth -= 1;
        converted
    }

    fn boxed(&mut self, parsed: &Parsed) -> Result<Box<Expr>, PlanError> {
        self.convert(parsed).map(Box::new)
    }

    fn all<'p>(
        &mut self,
        parsed: impl IntoIterator<Item = &'p Parsed>,
    ) -> Result<Vec<Expr>, PlanError> {
        parsed
            .into_iter()
            .map(|parsed| self.convert(parsed))
            .collect()
    }

    fn convert_any(&mut self, parsed: &Parsed) -> Converted {
        match parsed {
            Parsed::Identifier(name) => self.name(name),
            Parsed::CompoundIdentifier(names) => self.qualified(names),
            Parsed::Nested(inner) => self.convert(inner),
            Parsed::Value(value) => literal(&value.value),
            Parsed::Prefixed { prefix, value } => self.introduced(prefix, value),
            Parsed::TypedString(typed) => temporal_literal(typed),
            Parsed::BinaryOp { left, op, right } => self.binary(parsed, left, op, right),
            Parsed::UnaryOp { op, expr } => self.unary(*op, expr),
            Parsed::IsNull(expr) => self.postfix(expr, " IS NULL"),
            Parsed::IsNotNull(expr) => self.postfix(expr, " IS NOT NULL"),
            Parsed::IsTrue(expr) => self.postfix(expr, " IS TRUE"),
            Parsed::IsNotTrue(expr) => self.postfix(expr, " IS NOT TRUE"),
            Parsed::IsFalse(expr) => self.postfix(expr, " IS FALSE"),
            Parsed::IsNotFalse(expr) => self.postfix(expr, " IS NOT FALSE"),
            Parsed::IsUnknown(expr) => self.postfix(expr, " IS UNKNOWN"),
            Parsed::IsNotUnknown(expr) => self.postfix(expr, " IS NOT UNKNOWN"),
            Parsed::InList {
                expr,
                list,
                negated,
            } => Ok(Expr::In {
                expr: self.boxed(expr)?,
                list: self.all(list)?,
                negated: *negated,
            }),
            Parsed::Between {
                expr,
                negated,
                low,
                high,
            } => Ok(Expr::Between {
                expr: self.boxed(expr)?,
                low: self.boxed(low)?,
                high: self.boxed(high)?,
                negated: *negated,
            }),
            Parsed::Like {
                negated,
                any: false,
                expr,
                pattern,
                escape_char,
            } => {
                let escape = escape_char.as_deref();
                self.like(
                    if *negated { " NOT LIKE " } else { " LIKE " },
                    expr,
                    pattern,
                    escape,
                )
            }
            Parsed::RLike {
                negated,
                expr,
                pattern,
                ..
            } => self.like(
                if *negated { " NOT RLIKE " } else { " RLIKE " },
                expr,
                pattern,
                None,
            ),
            Parsed::Case {
                operand,
                conditions,
                else_result,
                ..
            } => self.case(operand.as_deref(), conditions, else_result.as_deref()),
            _ => self.convert_form(parsed),
        }
    }

    fn unary(&mut self, operator: UnaryOperator, expr: &Parsed) -> Converted {
        match operator {
            UnaryOperator::Not | UnaryOperator::BangNot => Ok(Expr::Not(self.boxed(expr)?)),
            UnaryOperator::Minus => match self.convert(expr)? {
                Expr::Literal(number)
                    if number.starts_with(|first: char| first.is_ascii_digit() || first == '.') =>
                {
                    Ok(Expr::Literal(format!("-{number}")))
                }
                inner => Ok(Expr::Negative(Box::new(inner))),
            },
            // A plus sign changes nothing, not even the type.
            UnaryOperator::Plus => self.convert(expr),
            UnaryOperator::BitwiseNot => self.form("(~ ", expr, ")", Returns::Integer),
            other => Err(refused(other.to_string(), "MariaDB has no such operator")),
        }
    }

    fn binary(
        &mut self,
        whole: &Parsed,
        left: &Parsed,
        operator: &BinaryOperator,
        right: &Parsed,
    ) -> Converted {
        let comparison = match operator {
            BinaryOperator::And | BinaryOperator::Or => return self.chain(whole, operator),
            BinaryOperator::Eq => Some(Comparison::Equal),
            BinaryOperator::Spaceship => Some(Comparison::NullSafeEqual),
            BinaryOperator::NotEq => Some(Comparison::NotEqual),
            BinaryOperator::Lt => Some(Comparison::Less),
            BinaryOperator::LtEq => Some(Comparison::LessOrEqual),
            BinaryOperator::Gt => Some(Comparison::Greater),
            BinaryOperator::GtEq => Some(Comparison::GreaterOrEqual),
            _ => None,
        };
        if let Some(comparison) = comparison {
            return Ok(Expr::Compare(
                comparison,
                self.boxed(left)?,
                self.boxed(right)?,
            ));
        }
        let operator = match operator {
            BinaryOperator::Plus => Operator::Add,
            BinaryOperator::Minus => Operator::Subtract,
            BinaryOperator::Multiply => Operator::Multiply,
            BinaryOperator::Divide => Operator::Divide,
            BinaryOperator::Modulo => Operator::Remainder,
            BinaryOperator::MyIntegerDivide => Operator::DivideWhole,
            BinaryOperator::BitwiseAnd => Operator::BitAnd,
            BinaryOperator::BitwiseOr => Operator::BitOr,
            BinaryOperator::PGBitwiseShiftLeft => Operator::ShiftLeft,
            BinaryOperator::PGBitwiseShiftRight => Operator::ShiftRight,
            BinaryOperator::BitwiseXor => Operator::BitXor,
            BinaryOperator::Xor => {
                return self.sequence(
                    &[Some(("(", left)), Some((" XOR ", right))],
                    ")",
                    Returns::Integer,
                );
            }
            other => {
                return Err(refused(
                    other.to_string(),
                    "use an operator that MariaDB has",
                ));
            }
        };
        Ok(Expr::Arithmetic(
            operator,
            self.boxed(left)?,
            self.boxed(right)?,
        ))
    }

    /// A chain of AND or OR, walked without recursion along its left side.
    fn chain(&mut self, whole: &Parsed, operator: &BinaryOperator) -> Converted {
        let mut operands = Vec::new();
        let mut rest = whole;
        while let Parsed::BinaryOp { left, op, right } = rest {
            if op != operator {
                break;
            }
            operands.push(&**right);
            rest = left;
        }
        operands.push(rest);
        operands.reverse();
        let terms = self.all(operands)?;
        Ok(match operator {
            BinaryOperator::And => Expr::And(terms),
            _ => Expr::Or(terms),
        })
    }

    fn introduced(&mut self, prefix: &Ident, value: &Parsed) -> Converted {
        match self.convert(value)? {
            Expr::Literal(text) => Ok(Expr::Literal(format!("{} {text}", prefix.value))),
            _ => Err(refused(
                format!("{} before an expression", prefix.value),
                "use CONVERT(x USING charset)",
            )),
        }
    }
}

fn literal(value: &Value) -> Converted {
    Ok(Expr::Literal(match value {
        Value::Number(text, _) => text.clone(),
        Value::SingleQuotedString(raw) => format!("'{raw}'"),
        Value::DoubleQuotedString(raw) => format!("\"{raw}\""),
        Value::HexStringLiteral(digits) => format!("X'{digits}'"),
        Value::SingleQuotedByteStringLiteral(digits) => format!("b'{digits}'"),
        Value::NationalStringLiteral(raw) => format!("N'{raw}'"),
        Value::Boolean(true) => "TRUE".into(),
        Value::Boolean(false) => "FALSE".into(),
        Value::Null => "NULL".into(),
        other => {
            return Err(refused(
                other.to_string(),
                "write a literal that MariaDB has",
            ));
        }
    }))
}

/// `DATE'…'`, `TIME'…'`, `TIMESTAMP'…'`: any other word before a string is a name with an alias in
/// MariaDB.
fn temporal_literal(typed: &TypedString) -> Converted {
    let text = typed.to_string();
    let known = [
        "DATE '",
        "TIME '",
        "TIMESTAMP '",
        "DATE \"",
        "TIME \"",
        "TIMESTAMP \"",
    ];
    if typed.uses_odbc_syntax || !known.iter().any(|head| text.starts_with(head)) {
        return Err(refused(
            shortened(&text),
            "write DATE '…', TIME '…' or TIMESTAMP '…'",
        ));
    }
    Ok(Expr::Literal(text))
}

/// The start of a text, for messages.
fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
