//! How a value travels from a worker to the merge without losing anything.
//!
//! A text result shows a FLOAT with 6 digits, a TIMESTAMP as local time, of which an hour a year
//! exists twice, a DOUBLE that was rounded or divided with a fixed number of decimals, and a
//! quotient of exact numbers with fewer digits than it has. Values that are compared, grouped,
//! ordered or computed with at the merge travel in a form that is exact instead
//! (docs/design/query.md#values-not-digits-travel).

use crate::error::{PlanError, refused};
use crate::query::expr::{Comparison, Expr, Operator};
use crate::query::infer::type_of;
use crate::query::scope::Scope;
use crate::query::value::{Digits, LONGEST, LONGEST_FRACTION, MORE_DIGITS, Nature, Number, Shown};

/// Zeros that a group of digits of a DECIMAL has.
const GROUP: u32 = 9;
/// Rounding a DOUBLE below this, times its last shown digit, to that digit again changes nothing.
const ROUNDED_TWICE: f64 = 2_251_799_813_685_248.0;
/// DOUBLEs from here on have no fraction.
const WHOLE_DOUBLE: &str = "9007199254740992";

/// What it takes to carry a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// Its text is exact.
    Plain,
    /// A DOUBLE: travels with all digits, whatever its text shows.
    Double(Shown),
    /// A DOUBLE of which only so many digits after the point count: travels as one server stores it
    /// with them.
    Stored(u32),
    /// A DECIMAL with more digits than it shows: travels with all of them.
    Decimal(Digits),
    /// A FLOAT: travels as DOUBLE.
    Float,
    /// A TIMESTAMP column with this many fraction digits: travels as seconds since 1970.
    Timestamp(u32),
    /// A BIT column: plain as a key, but MIN and MAX give it as a number.
    Bit,
}

/// A value at the merge.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Merged {
    /// The value with all its digits.
    pub value: Expr,
    /// The value in a type whose text and comparisons are those that one server has; `None` when
    /// there is none.
    pub shown: Option<Expr>,
    /// Seconds since 1970, when it is a TIMESTAMP.
    pub seconds: Option<Expr>,
}

impl Merged {
    /// A value whose text is exact.
    pub(crate) fn plain(value: Expr) -> Self {
        Self {
            shown: Some(value.clone()),
            value,
            seconds: None,
        }
    }
}

impl Carrier {
    /// What carries the value of `expr`. `what` says in an error what it is carried for.
    pub(crate) fn of(expr: &Expr, scope: &Scope<'_>, what: &str) -> Result<Self, PlanError> {
        let kind = type_of(expr, scope);
        match kind.nature {
            Nature::Text | Nature::Named => Ok(Self::Plain),
            Nature::Float => Ok(Self::Float),
            Nature::Timestamp(digits) => Ok(Self::Timestamp(digits)),
            Nature::Bit => Ok(Self::Bit),
            Nature::Number => Self::of_number(expr, kind.number, what),
            Nature::Unsure => Err(refused(
                format!("{what} of an expression over FLOAT or TIMESTAMP columns"),
                "write CAST(expression AS DOUBLE), or UNIX_TIMESTAMP(column)",
            )),
        }
    }

    /// What carries a value that rows are ordered by: of a DECIMAL the digits that are shown.
    pub(crate) fn of_ordered(
        expr: &Expr,
        scope: &Scope<'_>,
        what: &str,
    ) -> Result<Self, PlanError> {
        let kind = type_of(expr, scope);
        match (kind.nature, kind.number) {
            (Nature::Number, Number::Exact(digits)) => {
                check_length(digits, what)?;
                Ok(Self::Plain)
            }
            _ => Self::of(expr, scope, what),
        }
    }

    /// What carries a value of rows that are made distinct: the digits that are shown.
    pub(crate) fn of_distinct_row(
        expr: &Expr,
        scope: &Scope<'_>,
        what: &str,
    ) -> Result<Self, PlanError> {
        match Self::of_ordered(expr, scope, what)? {
            Self::Double(Shown::Unknown) => Err(of_strings(what)),
            Self::Double(Shown::Cut(digits)) => Ok(Self::Stored(digits)),
            carrier => Ok(carrier),
        }
    }

    /// What carries a column that is shown, and nothing else.
    pub(crate) fn of_shown_column(column: &Expr, scope: &Scope<'_>) -> Self {
        match type_of(column, scope).nature {
            Nature::Float => Self::Float,
            _ => Self::Plain,
        }
    }

    /// What carries a value that is grouped by or made distinct: what it shows must be known.
    pub(crate) fn of_key(expr: &Expr, scope: &Scope<'_>, what: &str) -> Result<Self, PlanError> {
        match Self::of(expr, scope, what)? {
            Self::Double(Shown::Unknown) => Err(of_strings(what)),
            carrier => Ok(carrier),
        }
    }

    fn of_number(expr: &Expr, number: Number, what: &str) -> Result<Self, PlanError> {
        match number {
            Number::Exact(digits) if digits.are_hidden() => {
                check_decimal(digits, what)?;
                Ok(Self::Decimal(digits))
            }
            Number::Exact(digits) => {
                check_length(digits, what)?;
                Ok(Self::Plain)
            }
            Number::Double(Shown::All) if matches!(expr, Expr::Column(_)) => Ok(Self::Plain),
            Number::Double(shown) => Ok(Self::Double(shown)),
            Number::Unknown => Err(refused(
                format!("{what} of an expression of unknown type"),
                "write CAST(expression AS DOUBLE) or CAST(expression AS DECIMAL(30,10))",
            )),
        }
    }

    /// Whether it carries a DOUBLE.
    pub(crate) fn is_double(self) -> bool {
        matches!(self, Self::Double(_) | Self::Stored(_))
    }

    /// The expression that travels.
    pub(crate) fn pack(self, expr: Expr) -> Expr {
        match self {
            Self::Plain | Self::Bit => expr,
            Self::Float | Self::Double(_) => expr.cast("DOUBLE"),
            Self::Stored(digits) => stored(&expr, digits).cast("DOUBLE"),
            Self::Decimal(digits) => as_decimal(expr, digits.held),
            Self::Timestamp(_) => Expr::call("UNIX_TIMESTAMP", vec![expr]),
        }
    }

    /// The original value, made from what travelled.
    pub(crate) fn unpack(self, travelled: Expr) -> Merged {
        match self {
            Self::Plain | Self::Bit | Self::Double(Shown::All) => Merged::plain(travelled),
            Self::Double(Shown::Rounded(digits)) | Self::Stored(digits) => Merged {
                shown: Some(rounded_again(&travelled, digits)),
                value: travelled,
                seconds: None,
            },
            Self::Double(Shown::Cut(_) | Shown::Unknown) => Merged {
                value: travelled,
                shown: None,
                seconds: None,
            },
            Self::Decimal(digits) => Merged::plain(with_hidden_digits(travelled, digits)),
            Self::Float => Merged::plain(travelled.cast("FLOAT")),
            Self::Timestamp(digits) => Merged {
                seconds: Some(travelled.clone()),
                ..Merged::plain(local_time(&travelled, digits))
            },
        }
    }

    /// What values are told apart by in GROUP BY and DISTINCT, made from what travelled, where that
    /// is less than the value; a temporary table of one server keeps the digits that are shown.
    pub(crate) fn grouped(self, travelled: &Expr) -> Option<Expr> {
        match self {
            Self::Double(Shown::Cut(digits)) => Some(stored(travelled, digits)),
            Self::Decimal(digits) => Some(as_decimal(travelled.clone(), digits.shown)),
            _ => None,
        }
    }
}

fn of_strings(what: &str) -> PlanError {
    refused(
        format!("{what} of a number made of strings"),
        "write CAST(expression AS DOUBLE)",
    )
}

/// Refuses a DECIMAL that has too many digits to travel with all of them.
pub(super) fn check_decimal(digits: Digits, what: &str) -> Result<(), PlanError> {
    let factor = MORE_DIGITS + digits.held.saturating_sub(digits.shown);
    let fits = digits.held <= LONGEST_FRACTION
        && digits.shown >= MORE_DIGITS
        && digits.whole + digits.held + factor <= LONGEST;
    if fits {
        Ok(())
    } else {
        Err(refused(
            format!("{what} of an expression with quotients of long exact numbers"),
            "write CAST(quotient AS DOUBLE) or CAST(quotient AS DECIMAL(30,10))",
        ))
    }
}

/// Refuses a number that is divided where the row decides with how many digits.
pub(crate) fn check_quotient(dividend: Digits) -> Result<(), PlanError> {
    if dividend.has_sure_quotients() {
        Ok(())
    } else {
        Err(refused(
            "dividing or averaging one of several numbers, some of them quotients",
            "write CAST(expression AS DOUBLE) or CAST(expression AS DECIMAL(30,10))",
        ))
    }
}

/// Refuses a number that can have more digits than tables hold.
pub(crate) fn check_length(digits: Digits, what: &str) -> Result<(), PlanError> {
    if digits.can_be_stored() {
        Ok(())
    } else {
        Err(too_long(what))
    }
}

/// The refusal of exact numbers that are cut on the way.
pub(super) fn too_long(what: &str) -> PlanError {
    refused(
        format!("{what} of exact numbers that can have more than {LONGEST} digits"),
        "write CAST(expression AS DOUBLE) or CAST(expression AS DECIMAL(50,10)) with as many digits as the values have",
    )
}

/// `expr` as the longest DECIMAL with so many digits after the point.
pub(super) fn as_decimal(expr: Expr, fraction: u32) -> Expr {
    expr.cast(format!("DECIMAL({LONGEST},{fraction})"))
}

/// `ROUND(expr, digits)`.
pub(super) fn rounded(expr: Expr, digits: u32) -> Expr {
    Expr::call("ROUND", vec![expr, Expr::number(digits)])
}

/// A DOUBLE as a temporary table of one server keeps it with so many digits after the point. It
/// rounds what follows the next lower whole number, which ROUND does not: a negative number near 0 gets
/// other last bits. Larger ones have no fraction, and are not clipped as they are there.
fn stored(number: &Expr, digits: u32) -> Expr {
    let small = number.clone().cast(format!("DOUBLE({LONGEST},{digits})"));
    let is_small = is_below(number, Expr::number(WHOLE_DOUBLE));
    Expr::call("IF", vec![is_small, small, number.clone()])
}

/// `ABS(number) < limit`.
fn is_below(number: &Expr, limit: Expr) -> Expr {
    let size = Expr::call("ABS", vec![number.clone()]);
    Expr::Compare(Comparison::Less, Box::new(size), Box::new(limit))
}

/// A DECIMAL that has all digits of what travelled and shows as many as one server does: only a
/// quotient is so. It is that of a whole number of its last digit, but for the digits that a
/// quotient shows more than its dividend.
pub(super) fn with_hidden_digits(travelled: Expr, digits: Digits) -> Expr {
    let dividend_digits = digits.shown - MORE_DIGITS;
    let factor = format!("1{}", "0".repeat((digits.held - dividend_digits) as usize));
    let dividend = travelled.arithmetic(Operator::Multiply, Expr::number(&factor));
    let quotient = Digits::plain(0, dividend_digits).divided_by(Digits::plain(0, 0));
    // Zeros after the point of the divisor make the quotient longer, not what it shows.
    let missing = digits.held.saturating_sub(quotient.held).div_ceil(GROUP) * GROUP;
    let divisor = if missing > 0 {
        format!("{factor}.{}", "0".repeat(missing as usize))
    } else {
        factor
    };
    as_decimal(dividend, dividend_digits).arithmetic(Operator::Divide, Expr::number(divisor))
}

/// A DOUBLE that was rounded to so many digits, in the type that rounding gives, without changing
/// it.
fn rounded_again(travelled: &Expr, digits: u32) -> Expr {
    let is_below = |limit| is_below(travelled, limit);
    let rounded = rounded(travelled.clone(), digits);
    if digits == 0 {
        return rounded;
    }
    let limit = ROUNDED_TWICE / 10_f64.powi(i32::try_from(digits).unwrap_or(i32::MAX));
    let long = travelled
        .clone()
        .cast(format!("DOUBLE({LONGEST},{digits})"));
    let whole = Expr::call("FLOOR", vec![travelled.clone()]);
    let large = Expr::call(
        "IF",
        vec![is_below(Expr::number(WHOLE_DOUBLE)), long, whole],
    );
    Expr::call(
        "IF",
        vec![is_below(Expr::number(format!("{limit:e}"))), rounded, large],
    )
}

/// Local time of seconds since 1970. Second 0 is no TIMESTAMP: it stands for the zero date.
fn local_time(seconds: &Expr, digits: u32) -> Expr {
    let is_zero = Expr::Compare(
        Comparison::Equal,
        Box::new(seconds.clone()),
        Box::new(Expr::number(0)),
    );
    let zero = Expr::Literal("'0000-00-00 00:00:00'".into()).cast(format!("DATETIME({digits})"));
    let time = Expr::call("FROM_UNIXTIME", vec![seconds.clone()]);
    Expr::call("IF", vec![is_zero, zero, time])
}
