//! SUM: the sum of the parts' sums.

use super::carry::{Merged, as_decimal, check_decimal, rounded, with_hidden_digits};
use super::definition::{Definition, Split, argument, over};
use crate::error::{PlanError, refused};
use crate::plan::in_process::SimpleColumn;
use crate::query::expr::{Aggregate, Expr, Function};
use crate::query::infer::type_of;
use crate::query::scope::Scope;
use crate::query::value::{Digits, Number, Shown, Type};

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
    place: &mut dyn FnMut(Expr) -> usize,
) -> Result<Split, PlanError> {
    let argument = argument(aggregate)?;
    let total = Total::of(argument, scope)?;
    let sum = place(total.partial(argument));
    Ok(Split {
        merged: total.merged(Expr::Partial(sum)),
        in_process: total.in_process(sum),
    })
}

/// How partial sums travel and what becomes of them.
#[derive(Clone, Copy)]
pub(super) enum Total {
    /// Exact, all digits shown.
    Plain(Digits),
    /// Exact, with more digits than are shown.
    Hidden(Digits),
    /// A DOUBLE; a sum of whole columns shows it all by itself.
    Double { shown: Shown, is_column: bool },
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
            Number::Exact(digits) => Ok(Self::Plain(digits.summed())),
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

    /// What a part computes.
    pub(super) fn partial(self, argument: &Expr) -> Expr {
        let sum = over(&SUM.function, vec![argument.clone()]);
        match self {
            Self::Plain(_) | Self::Double { is_column: true, .. } => sum,
            Self::Double { .. } => sum.cast("DOUBLE"),
            // Where a part adds in a temporary table, with the digits that are shown, one server does so too.
            Self::Hidden(digits) => as_decimal(sum, digits.held),
        }
    }

    /// The whole sum over partial sums.
    pub(super) fn merged(self, partial: Expr) -> Merged {
        let sum = over(&SUM.function, vec![partial]);
        match self {
            Self::Plain(_) => Merged::plain(sum),
            Self::Hidden(digits) => Merged::plain(with_hidden_digits(sum, digits)),
            Self::Double { shown, .. } => double(sum, shown),
        }
    }

    /// The whole sum without a SQL server.
    fn in_process(self, sum: usize) -> Option<SimpleColumn> {
        match self {
            Self::Plain(digits) if digits.whole + digits.shown <= IN_PROCESS => {
                let scale = u8::try_from(digits.shown).ok()?;
                Some(SimpleColumn::SumDecimal { sum, scale })
            }
            Self::Plain(_) | Self::Hidden(_) => None,
            Self::Double { .. } => Some(SimpleColumn::SumDouble(sum)),
        }
    }
}

/// A DOUBLE made of sums: as exact as they are, so that rounding it to the digits that one server shows is what one server shows.
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
