//! Sums over quotients of exact numbers.
//!
//! MariaDB computes `integer / 3` with more digits than it shows (four more than the dividend has), and its SUM adds what it computed,
//! not what it shows. Partial sums travel as text, so those of such quotients travel with more digits, and the merge shows as many
//! as one server would.

use orrery_archive::sql_type::SqlType;

use crate::error::{PlanError, refused};
use crate::query::expr::{Expr, Part};
use crate::query::functions::Yields;
use crate::query::scope::Scope;

/// Digits that a quotient has more after the point than its dividend, and AVG more than its argument (`div_precision_increment`).
const MORE_DIGITS: u32 = 4;
/// Digits after the point with which partial sums travel, out of [`TOTAL`].
const TRAVEL: u32 = 30;
/// Digits of MariaDB's longest DECIMAL.
const TOTAL: u32 = 65;
/// Digits before the point that a sum has more than its terms: 10^12 rows.
const SUMMED: u32 = 12;
/// Functions whose value is a DOUBLE whatever they are given.
const DOUBLES: [&str; 20] = [
    "ACOS", "ASIN", "ATAN", "ATAN2", "COS", "COT", "DEGREES", "EXP", "LN", "LOG", "LOG10", "LOG2", "PI",
    "POW", "POWER", "RADIANS", "RAND", "SIN", "SQRT", "TAN",
];
/// Functions that hand on a number with all its digits.
const CARRIERS: [&str; 2] = ["ABS", "MOD"];

/// What a number is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    /// An integer or a DECIMAL: most digits before the point, digits shown after it, and whether there are more than shown.
    Exact { ints: u32, scale: u32, more: bool },
    /// A DOUBLE, or text that arithmetic makes one of.
    Double,
    /// Of another type or an unknown one, without digits that are not shown.
    Plain,
    /// It may have digits that are not shown.
    Opaque,
}

/// How the partial sums of an expression travel, and what the merge makes of them.
pub(super) struct SumTravel {
    /// Digits after the point of the whole sum; `None` when partial sums need no more digits than they show.
    scale: Option<u32>,
}

impl SumTravel {
    /// As they are shown.
    pub(super) const PLAIN: Self = Self { scale: None };

    /// How sums of `argument` travel.
    pub(super) fn of(argument: &Expr, scope: &Scope<'_>) -> Result<Self, PlanError> {
        let scale = match number(argument, scope) {
            Number::Exact { more: false, .. } | Number::Double | Number::Plain => None,
            Number::Exact { ints, scale, .. }
                if ints + SUMMED + TRAVEL <= TOTAL && scale + MORE_DIGITS <= TRAVEL =>
            {
                Some(scale)
            }
            Number::Exact { .. } | Number::Opaque => {
                return Err(refused(
                    "SUM or AVG of an expression with a quotient of exact numbers",
                    "divide the sum instead, or write CAST(quotient AS DOUBLE) or CAST(quotient AS DECIMAL(30,10))",
                ));
            }
        };
        Ok(Self { scale })
    }

    /// The partial sum that travels.
    pub(super) fn pack(&self, sum: Expr) -> Expr {
        match self.scale {
            None => sum,
            Some(_) => as_decimal(sum, TRAVEL),
        }
    }

    /// The whole sum as one server shows it.
    pub(super) fn sum(&self, merged: Expr) -> Expr {
        match self.scale {
            None => merged,
            Some(scale) => as_decimal(merged, scale),
        }
    }

    /// The average as one server shows it.
    pub(super) fn average(&self, merged: Expr) -> Expr {
        match self.scale {
            None => merged,
            Some(scale) => as_decimal(merged, scale + MORE_DIGITS),
        }
    }
}

fn as_decimal(expr: Expr, scale: u32) -> Expr {
    let parts = vec![
        Part::Text("CAST(".into()),
        Part::Expr(expr),
        Part::Text(format!(" AS DECIMAL({TOTAL},{scale}))")),
    ];
    Expr::Form(parts, Yields::Exact)
}

fn number(expr: &Expr, scope: &Scope<'_>) -> Number {
    match expr {
        Expr::Column(column) => scope
            .type_of(*column)
            .map_or(Number::Plain, |kind| of_type(&kind)),
        Expr::Literal(text) => of_literal(text),
        Expr::Call {
            name,
            arguments,
            yields,
        } => {
            if DOUBLES.contains(&name.as_str()) {
                return Number::Double;
            }
            let carries = *yields == Yields::Choice || CARRIERS.contains(&name.as_str());
            chosen(carries, arguments.iter(), scope)
        }
        Expr::Form(parts, yields) => of_form(parts, *yields, scope),
        _ => Number::Plain,
    }
}

fn of_type(kind: &SqlType) -> Number {
    match kind {
        SqlType::Integer { width, .. } => exact(width.bytes() * 5 / 2, 0),
        SqlType::Decimal { precision, scale, .. } => exact(precision - scale, *scale),
        SqlType::Float { .. } | SqlType::Double { .. } | SqlType::Char(_) | SqlType::VarChar(_) => {
            Number::Double
        }
        _ => Number::Plain,
    }
}

fn exact(ints: u32, scale: u32) -> Number {
    Number::Exact {
        ints,
        scale,
        more: false,
    }
}

fn of_literal(text: &str) -> Number {
    let unsigned = text.trim_start_matches('-');
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let long = |part: &str| u32::try_from(part.len()).unwrap_or(TOTAL);
    if digits(whole) && digits(fraction) && !unsigned.is_empty() {
        exact(long(whole), long(fraction))
    } else if text.starts_with('\'') || text.contains(['e', 'E']) {
        Number::Double
    } else {
        Number::Plain
    }
}

fn of_form(parts: &[Part], yields: Yields, scope: &Scope<'_>) -> Number {
    match parts {
        [
            Part::Text(open),
            Part::Expr(left),
            Part::Text(operator),
            Part::Expr(right),
            Part::Text(close),
        ] if open == "(" && close == ")" && matches!(operator.trim(), "+" | "-" | "*" | "/" | "%") => {
            arithmetic(operator.trim(), number(left, scope), number(right, scope))
        }
        [Part::Text(sign), Part::Expr(operand), Part::Text(close)]
            if matches!(sign.as_str(), "(" | "(- ") && close == ")" =>
        {
            number(operand, scope)
        }
        [Part::Text(head), Part::Expr(_), Part::Text(tail)] if head == "CAST(" && tail == " AS DOUBLE)" => {
            Number::Double
        }
        _ => {
            let operands = parts.iter().filter_map(|part| match part {
                Part::Expr(expr) => Some(expr),
                Part::Text(_) => None,
            });
            chosen(yields == Yields::Choice, operands, scope)
        }
    }
}

/// The value of a construct that hands on one of its operands when it `carries`.
fn chosen<'e>(carries: bool, mut operands: impl Iterator<Item = &'e Expr>, scope: &Scope<'_>) -> Number {
    let hides = |expr| {
        matches!(
            number(expr, scope),
            Number::Opaque | Number::Exact { more: true, .. }
        )
    };
    if carries && operands.any(hides) {
        Number::Opaque
    } else {
        Number::Plain
    }
}

fn arithmetic(operator: &str, left: Number, right: Number) -> Number {
    use Number::{Double, Exact, Opaque, Plain};
    match (left, right) {
        (Double, _) | (_, Double) => Double,
        (
            Exact { ints, scale, more },
            Exact {
                ints: other_ints,
                scale: other_scale,
                more: other_more,
            },
        ) => {
            let more = more || other_more || operator == "/";
            let (ints, scale) = match operator {
                "*" => (ints + other_ints, scale + other_scale),
                "/" => (ints + other_scale, scale + MORE_DIGITS),
                "%" => (ints.max(other_ints), scale.max(other_scale)),
                _ => (ints.max(other_ints) + 1, scale.max(other_scale)),
            };
            Exact { ints, scale, more }
        }
        _ if operator == "/" => Opaque,
        (Plain | Exact { more: false, .. }, Plain | Exact { more: false, .. }) => Plain,
        _ => Opaque,
    }
}
