//! Types of expressions.

use orrery_archive::sql_type::SqlType;

use super::expr::{Expr, Operator};
use super::functions::{Returns, returns, returns_by_itself};
use super::literal;
use super::scope::Scope;
use super::value::{Digits, Nature, Number, Shown, Type};

/// Digits of an unsigned integer of so many bytes.
fn integer_digits(bytes: u32) -> u32 {
    match bytes {
        1 => 3,
        2 => 5,
        3 => 8,
        4 => 10,
        _ => 20,
    }
}

/// Most digits with which the fixed form of a FLOAT is exact.
const FLOAT_DIGITS: u32 = 6;

/// Type of an expression.
pub(crate) fn type_of(expr: &Expr, scope: &Scope<'_>) -> Type {
    let of = |expr: &Expr| type_of(expr, scope);
    match expr {
        Expr::Column(column) => scope
            .type_of(*column)
            .map_or(UNSURE, |kind| of_column(&kind)),
        Expr::Literal(text) => of_literal(text),
        Expr::And(_)
        | Expr::Or(_)
        | Expr::Not(_)
        | Expr::Compare(..)
        | Expr::In { .. }
        | Expr::OwnKey(_)
        | Expr::Between { .. } => Type::INTEGER,
        Expr::Arithmetic(operator, left, right) => arithmetic(*operator, of(left), right, scope),
        Expr::Negative(operand) => Type::number(of(operand).number),
        Expr::Case {
            branches,
            otherwise,
            ..
        } => Type::common(
            branches
                .iter()
                .map(|(_, value)| of(value))
                .chain(otherwise.as_deref().map(of)),
        ),
        Expr::Cast { target, .. } => of_target(target),
        Expr::Call { name, arguments } => returns(name)
            .or_else(|| returns_by_itself(name))
            .map_or(UNSURE, |known| of_call(known, arguments, scope)),
        Expr::Random { name, .. } => {
            returns_by_itself(name).map_or(UNSURE, |known| of_call(known, &[], scope))
        }
        Expr::Aggregate(aggregate) => {
            let argument = aggregate.arguments.first().map_or(Type::INTEGER, of);
            (aggregate.function.result)(argument)
        }
        Expr::Form(_, known) => of_call(*known, &[], scope),
        Expr::Partial(_) => UNSURE,
    }
}

/// A type that nothing is known of.
const UNSURE: Type = Type {
    nature: Nature::Unsure,
    number: Number::Unknown,
};

fn of_column(kind: &SqlType) -> Type {
    let named = |number| Type {
        nature: Nature::Named,
        number,
    };
    match kind {
        SqlType::Integer { width, .. } => Type::number(Number::Exact(Digits::plain(
            integer_digits(width.bytes()),
            0,
        ))),
        SqlType::Decimal {
            precision, scale, ..
        } => Type::number(Number::Exact(Digits::plain(precision - scale, *scale))),
        SqlType::Double { digits: None, .. } => Type::DOUBLE,
        SqlType::Double {
            digits: Some((_, fraction)),
            ..
        } => Type::number(Number::Double(Shown::Rounded(*fraction))),
        SqlType::Float { digits: None, .. } => Type {
            nature: Nature::Float,
            number: Number::Double(Shown::All),
        },
        SqlType::Float {
            digits: Some((total, fraction)),
            ..
        } => Type {
            nature: if *total <= FLOAT_DIGITS {
                Nature::Named
            } else {
                Nature::Unsure
            },
            number: Number::Double(Shown::Cut(*fraction)),
        },
        SqlType::Timestamp(fraction) => Type {
            nature: Nature::Timestamp(*fraction),
            ..Type::temporal(*fraction)
        },
        SqlType::Bit(_) => Type {
            nature: Nature::Bit,
            number: Number::INTEGER,
        },
        SqlType::Date => Type::temporal(0),
        SqlType::DateTime(fraction) | SqlType::Time(fraction) => Type::temporal(*fraction),
        SqlType::Year => named(Number::Exact(Digits::plain(4, 0))),
        SqlType::Enum(_) | SqlType::Set(_) => named(Number::INTEGER),
        SqlType::Char(_)
        | SqlType::VarChar(_)
        | SqlType::Binary(_)
        | SqlType::VarBinary(_)
        | SqlType::Text(_)
        | SqlType::Blob(_)
        | SqlType::Json => Type {
            nature: Nature::Text,
            number: Number::Double(Shown::All),
        },
    }
}

fn of_literal(text: &str) -> Type {
    match literal::Kind::of(text) {
        literal::Kind::Null => Type::NULL,
        literal::Kind::Truth => Type::INTEGER,
        literal::Kind::Exact { whole, fraction } => {
            Type::number(Number::Exact(Digits::plain(whole, fraction)))
        }
        literal::Kind::Double => Type::DOUBLE,
        literal::Kind::Temporal { fraction } => Type::temporal(fraction),
        literal::Kind::Text => Type::TEXT,
        // A number or a string, as the expression around it wants: nothing that was stored is both.
        literal::Kind::Bits => Type {
            nature: Nature::Unsure,
            number: Number::INTEGER,
        },
    }
}

fn arithmetic(operator: Operator, left: Type, right: &Expr, scope: &Scope<'_>) -> Type {
    if matches!(right, Expr::Form(_, Returns::Interval)) {
        // `date + INTERVAL 1 DAY`.
        return Type::NAMED;
    }
    let (left, right) = (left.number, type_of(right, scope).number);
    Type::number(match operator {
        Operator::Add | Operator::Subtract => left.plus(right),
        Operator::Multiply => left.times(right),
        Operator::Divide => left.divided_by(right),
        Operator::Remainder => left.remainder(right),
        Operator::DivideWhole
        | Operator::BitAnd
        | Operator::BitOr
        | Operator::BitXor
        | Operator::ShiftLeft
        | Operator::ShiftRight => Number::INTEGER,
    })
}

/// Type of what follows AS in a CAST.
fn of_target(target: &str) -> Type {
    let (word, rest) = target.split_once(['(', ' ']).unwrap_or((target, ""));
    let mut numbers = rest
        .split(|character: char| !character.is_ascii_digit())
        .filter_map(|number| number.parse::<u32>().ok());
    let first = numbers.next();
    match word {
        "SIGNED" | "UNSIGNED" | "INT" | "INTEGER" => Type::INTEGER,
        "DECIMAL" | "DEC" | "NUMERIC" | "FIXED" => {
            let (total, fraction) = (first.unwrap_or(10), numbers.next().unwrap_or(0));
            Type::number(Number::Exact(Digits::plain(
                total.saturating_sub(fraction),
                fraction,
            )))
        }
        "DOUBLE" | "REAL" => numbers.next().map_or(Type::DOUBLE, |fraction| {
            Type::number(Number::Double(Shown::Rounded(fraction)))
        }),
        "DATE" => Type::temporal(0),
        "DATETIME" | "TIME" => Type::temporal(first.unwrap_or(0)),
        "YEAR" => Type::NAMED,
        "CHAR" | "NCHAR" | "VARCHAR" | "BINARY" | "VARBINARY" | "CHARACTER" | "NATIONAL" => {
            Type::TEXT
        }
        _ => UNSURE,
    }
}

fn of_call(known: Returns, arguments: &[Expr], scope: &Scope<'_>) -> Type {
    let of = |expr: &Expr| type_of(expr, scope);
    let first = || arguments.first().map_or(UNSURE, of);
    match known {
        Returns::Integer => Type::INTEGER,
        Returns::Double => Type::DOUBLE,
        Returns::DoubleOf(digits) => Type::number(Number::Double(Shown::Cut(digits))),
        Returns::Text => Type::TEXT,
        Returns::Date => Type::temporal(0),
        Returns::Named => Type::NAMED,
        Returns::First => Type::number(first().number),
        Returns::Whole => Type::number(first().number.rounded_to(0)),
        // A date or a time stays one.
        Returns::Rounded if first().nature == Nature::Named => Type::NAMED,
        Returns::Rounded => Type::number(rounded(first().number, arguments.get(1))),
        Returns::Remainder => {
            let divisor = arguments.get(1).map_or(UNSURE, of);
            Type::number(first().number.remainder(divisor.number))
        }
        Returns::Seconds => arguments.first().map_or(Type::INTEGER, |time| {
            Type::number(seconds(type_of(time, scope)))
        }),
        Returns::Choice => Type::common(arguments.iter().map(of)),
        Returns::ChoiceAfterFirst => Type::common(arguments.iter().skip(1).map(of)),
        Returns::Extreme => extreme(arguments.iter().map(of).collect()),
        Returns::FirstOrNull => Type::common(arguments.iter().take(1).map(of)),
        Returns::Row | Returns::Interval => UNSURE,
    }
}

/// ROUND and TRUNCATE: the digits are known when they are a literal.
fn rounded(number: Number, digits: Option<&Expr>) -> Number {
    let digits = match digits {
        None => Some(0),
        Some(Expr::Literal(text)) => {
            literal::integer(text).and_then(|text| text.parse::<i32>().ok())
        }
        Some(_) => None,
    };
    match (digits, number) {
        // What has no fraction gets none.
        (_, Number::Exact(Digits { held: 0, .. })) => number.rounded_to(0),
        (Some(digits), number) => number.rounded_to(u32::try_from(digits).unwrap_or(0)),
        (None, Number::Double(_)) => Number::Double(Shown::All),
        (None, _) => Number::Unknown,
    }
}

fn seconds(time: Type) -> Number {
    match time.number {
        Number::Exact(digits) => Number::Exact(Digits::plain(12, digits.shown.min(6))),
        _ => Number::Unknown,
    }
}

/// GREATEST and LEAST: of numbers and strings together it is not known how they are compared.
fn extreme(operands: Vec<Type>) -> Type {
    let is = |nature: Nature| operands.iter().any(|operand| operand.nature == nature);
    if is(Nature::Number) && (is(Nature::Text) || is(Nature::Named)) {
        UNSURE
    } else {
        Type::common(operands)
    }
}
