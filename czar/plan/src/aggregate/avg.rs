//! AVG: the sum of the parts' sums over the sum of their counts.

use super::carry::{Merged, check_quotient};
use super::count::COUNT;
use super::definition::{Definition, Places, Split, argument, over};
use super::sum::{SUM, Total, double};
use crate::error::PlanError;
use crate::plan::in_process::SimpleColumn;
use crate::query::expr::{Aggregate, Expr, Function, Operator};
use crate::query::scope::Scope;
use crate::query::value::{Digits, MORE_DIGITS, Number, Type};

/// AVG.
pub(super) static AVG: Definition = Definition {
    function: Function {
        name: "AVG",
        result: |argument| {
            let count = Number::Exact(Digits::plain(0, 0));
            Type::number(argument.number.divided_by(count))
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
    if let Total::Hidden(digits) = total {
        check_quotient(digits)?;
    }
    let sums = total.place(argument, places);
    let count = places.part(over(&COUNT.function, vec![argument.clone()]));
    let counts = over(&SUM.function, vec![Expr::Partial(count)]);
    // The division of exact numbers has the 4 more digits that AVG has.
    let quotient = total
        .merged(&sums)
        .value
        .arithmetic(Operator::Divide, counts);
    Ok(match total {
        Total::Plain(_) | Total::Hidden(_) | Total::Long { .. } => Split {
            merged: Merged::plain(quotient),
            in_process: None,
        },
        Total::Double { shown, .. } => Split {
            merged: double(quotient, shown.with_more(MORE_DIGITS)),
            in_process: sums
                .column
                .map(|sum| SimpleColumn::AvgDouble { sum, count }),
        },
    })
}
