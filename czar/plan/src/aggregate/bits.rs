//! BIT_AND, BIT_OR and BIT_XOR: the same over the parts' values.

use super::carry::Merged;
use super::definition::{Definition, Places, Split, argument, over};
use crate::error::PlanError;
use crate::query::expr::{Aggregate, Expr, Function};
use crate::query::value::Type;

/// BIT_AND.
pub(super) static BIT_AND: Definition = Definition {
    function: bits("BIT_AND"),
    distinct_counts: true,
    split: |aggregate, _, places| split(&BIT_AND.function, aggregate, places),
};
/// BIT_OR.
pub(super) static BIT_OR: Definition = Definition {
    function: bits("BIT_OR"),
    distinct_counts: true,
    split: |aggregate, _, places| split(&BIT_OR.function, aggregate, places),
};
/// BIT_XOR.
pub(super) static BIT_XOR: Definition = Definition {
    function: bits("BIT_XOR"),
    distinct_counts: true,
    split: |aggregate, _, places| split(&BIT_XOR.function, aggregate, places),
};

const fn bits(name: &'static str) -> Function {
    Function {
        name,
        result: |_| Type::INTEGER,
    }
}

fn split(
    function: &'static Function,
    aggregate: &Aggregate,
    places: &mut dyn Places,
) -> Result<Split, PlanError> {
    let part = places.part(over(function, vec![argument(aggregate)?.clone()]));
    Ok(Split {
        merged: Merged::plain(over(function, vec![Expr::Partial(part)])),
        in_process: None,
    })
}
