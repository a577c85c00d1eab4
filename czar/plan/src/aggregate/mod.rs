//! Aggregate functions that can be made from partial results, a file each: what parts compute, how
//! it travels, and what the merge makes of it.
//!
//! Keeps true (docs/design/query.md#the-contract): an aggregate is a value from the statement to
//! the merge; nothing recognises it in text again. The merge gives what one server over all rows
//! would give: exactly for integers, DECIMAL, strings, dates and counts; sums of floating point
//! numbers without rounding on the way (`docs/decisions/0004`).

mod avg;
mod bits;
pub(crate) mod carry;
mod count;
mod definition;
mod deviation;
pub(crate) mod distinct;
mod lists;
mod min_max;
mod sum;

use crate::error::{PlanError, refused};
use crate::query::expr::{Aggregate, Expr, Function};
use crate::query::scope::Scope;
use definition::Definition;
pub(crate) use definition::{Places, Split};

/// Every aggregate function.
const ALL: &[&Definition] = &[
    &count::COUNT,
    &sum::SUM,
    &avg::AVG,
    &min_max::MIN,
    &min_max::MAX,
    &bits::BIT_AND,
    &bits::BIT_OR,
    &bits::BIT_XOR,
    &deviation::STD,
    &deviation::STDDEV,
    &deviation::STDDEV_POP,
    &deviation::STDDEV_SAMP,
    &deviation::VARIANCE,
    &deviation::VAR_POP,
    &deviation::VAR_SAMP,
    &lists::GROUP_CONCAT,
    &lists::JSON_ARRAYAGG,
    &lists::JSON_OBJECTAGG,
];

fn definition(name: &str) -> Option<&'static Definition> {
    ALL.iter()
        .find(|definition| definition.function.name == name)
        .copied()
}

/// The aggregate function of this name (in capitals).
pub(crate) fn function(name: &str) -> Option<&'static Function> {
    definition(name).map(|definition| &definition.function)
}

/// Whether a call is over distinct values, which makes a difference for most functions.
pub(crate) fn is_over_distinct(call: &Aggregate) -> bool {
    call.distinct
        && definition(call.function.name).is_none_or(|definition| definition.distinct_counts)
}

/// Whether a call makes a list of values, which is not made of parts.
pub(crate) fn is_list(call: &Aggregate) -> bool {
    lists::is_list(call)
}

/// Takes a call apart that is not over distinct values. What parts compute is given to
/// `places`.
pub(crate) fn split(
    call: &Aggregate,
    scope: &Scope<'_>,
    places: &mut dyn Places,
) -> Result<Split, PlanError> {
    let definition = definition(call.function.name)
        .ok_or_else(|| refused(call.function.name, "it cannot be made from partial results"))?;
    (definition.split)(call, scope, places)
}

/// One value of several, the same whatever their order.
pub(crate) fn least(values: Expr) -> Expr {
    definition::over(&min_max::MIN.function, vec![values])
}
