//! SUM: the sum of the parts' sums.

use super::carry::{Merged, as_decimal, check_decimal, rounded, too_long, with_hidden_digits};
use super::definition::{Definition, Places, Split, argument, over};
use crate::error::{PlanError, refused};
use crate::plan::in_process::SimpleColumn;
use crate::query::expr::{Aggregate, Expr, Function, Operator};
use crate::query::infer::type_of;
use crate::query::scope::Scope;
use crate::query::value::{Digits, LONGEST, Number, SUMMED, Shown, Type};

/// Digits of the longest decimal that is added in process.
const IN_PROCESS: u32 = 38;

/// SUM.
pub(super) static SUM: Definition = Definition {
    function: Function {
        name: "SUM",
        result: |argument| {
            Type::number(match argument.number {
                Number::Exact(digits) => Number::Exact(digits.summed()),
                other => other,
            })
        },
    },
    distinct_counts: true,
    split,
};

fn split(
    aggregate: &Aggregate,
    scope: &Scope<'_>,
    places: &mut dyn Places,
) -> Result<Split, PlanError> {
    let argument = argument(aggregate)?;
    let total = Total::of(argument, scope)?;
    let placed = total.place(argument, places);
    Ok(Split {
        merged: total.merged(&placed),
        in_process: total.in_process(&placed),
    })
}

/// How partial sums travel and what becomes of them.
#[derive(Clone, Copy)]
pub(super) enum Total {
    /// Exact, all digits shown.
    Plain(Digits),
    /// Exact, all digits shown, and longer than what a table holds: so many last digits before the
    /// point and the fraction are added apart from the digits before them.
    Long { last: u32 },
    /// Exact, with more digits than are shown.
    Hidden(Digits),
    /// A DOUBLE; a sum of whole columns shows it all by itself.
    Double { shown: Shown, is_column: bool },
}

/// Partial sums that were placed.
pub(super) struct Placed {
    /// The sum over them, as it travelled.
    sum: Expr,
    /// The partial column, when there is one only.
    pub column: Option<usize>,
}

impl Total {
    /// Of the sums over an argument.
    pub(super) fn of(argument: &Expr, scope: &Scope<'_>) -> Result<Self, PlanError> {
        match type_of(argument, scope).number {
            Number::Exact(digits) if digits.are_hidden() => {
                let digits = digits.summed();
                check_decimal(digits, "SUM or AVG")?;
                Ok(Self::Hidden(digits))
            }
            Number::Exact(digits) if digits.summed().can_be_stored() => {
                Ok(Self::Plain(digits.summed()))
            }
            // It is computed twice.
            Number::Exact(digits) if digits.can_be_computed() && !argument.is_random() => {
                Ok(Self::Long {
                    last: LONGEST - SUMMED - digits.shown,
                })
            }
            Number::Exact(_) => Err(too_long("SUM or AVG")),
            Number::Double(shown) => Ok(Self::Double {
                shown,
                is_column: shown == Shown::All && matches!(argument, Expr::Column(_)),
            }),
            Number::Unknown => Err(refused(
                "SUM or AVG of an expression of unknown type",
                "write CAST(expression AS DOUBLE) or CAST(expression AS DECIMAL(30,10))",
            )),
        }
    }

    /// Places what a part computes.
    pub(super) fn place(self, argument: &Expr, places: &mut dyn Places) -> Placed {
        let sum = |argument| over(&SUM.function, vec![argument]);
        let whole = sum(argument.clone());
        let partial = match self {
            Self::Plain(_)
            | Self::Double {
                is_column: true, ..
            } => whole,
            Self::Double { .. } => whole.cast("DOUBLE"),
            Self::Hidden(digits) if places.are_finer() => {
                sum(as_decimal(argument.clone(), digits.held))
            }
            // Where a part adds in a temporary table, with the digits that are shown, one server
            // does so too.
            Self::Hidden(digits) => as_decimal(whole, digits.held),
            Self::Long { last } => {
                let unit = power_of_ten(last);
                let first = places.part(sum(without_last_digits(argument, last)));
                let rest =
                    places.part(sum(Expr::call("MOD", vec![argument.clone(), unit.clone()])));
                let first = sum(Expr::Partial(first)).arithmetic(Operator::Multiply, unit);
                return Placed {
                    sum: first.arithmetic(Operator::Add, sum(Expr::Partial(rest))),
                    column: None,
                };
            }
        };
        let column = places.part(partial);
        Placed {
            sum: sum(Expr::Partial(column)),
            column: Some(column),
        }
    }

    /// The whole sum over partial sums.
    pub(super) fn merged(self, placed: &Placed) -> Merged {
        let sum = placed.sum.clone();
        match self {
            Self::Plain(_) | Self::Long { .. } => Merged::plain(sum),
            Self::Hidden(digits) => Merged::plain(with_hidden_digits(sum, digits)),
            Self::Double { shown, .. } => double(sum, shown),
        }
    }

    /// The whole sum without a SQL server.
    fn in_process(self, placed: &Placed) -> Option<SimpleColumn> {
        let sum = placed.column?;
        match self {
            Self::Plain(digits) if digits.whole + digits.shown <= IN_PROCESS => {
                let scale = u8::try_from(digits.shown).ok()?;
                Some(SimpleColumn::SumDecimal { sum, scale })
            }
            Self::Plain(_) | Self::Hidden(_) | Self::Long { .. } => None,
            Self::Double { .. } => Some(SimpleColumn::SumDouble(sum)),
        }
    }
}

/// `10^digits`.
fn power_of_ten(digits: u32) -> Expr {
    Expr::number(format!("1{}", "0".repeat(digits as usize)))
}

/// An exact number without its fraction and its last digits before the point.
fn without_last_digits(number: &Expr, digits: u32) -> Expr {
    let cut = Expr::call(
        "TRUNCATE",
        vec![number.clone(), Expr::number(format!("-{digits}"))],
    );
    as_decimal(cut.arithmetic(Operator::Divide, power_of_ten(digits)), 0)
}

/// A DOUBLE made of sums: as exact as they are, so that rounding it to the digits that one server
/// shows is what one server shows.
pub(super) fn double(value: Expr, shown: Shown) -> Merged {
    let text = match shown {
        Shown::All => Some(value.clone()),
        Shown::Rounded(digits) | Shown::Cut(digits) => Some(rounded(value.clone(), digits)),
        Shown::Unknown => None,
    };
    Merged {
        value,
        shown: text,
        seconds: None,
    }
}
