//! COUNT: the sum of the parts' counts.

use super::carry::Merged;
use super::definition::{Definition, Places, Split, over};
use super::sum::SUM;
use crate::error::PlanError;
use crate::plan::in_process::SimpleColumn;
use crate::query::expr::{Aggregate, Expr, Function};
use crate::query::scope::Scope;
use crate::query::value::Type;

/// COUNT.
pub(super) static COUNT: Definition = Definition {
    function: Function {
        name: "COUNT",
        result: |_| Type::INTEGER,
    },
    distinct_counts: true,
    split,
};

#[expect(clippy::unnecessary_wraps, reason = "other aggregates can be refused")]
fn split(
    aggregate: &Aggregate,
    _: &Scope<'_>,
    places: &mut dyn Places,
) -> Result<Split, PlanError> {
    let count = places.part(Expr::Aggregate(Box::new(aggregate.clone())));
    // A BIGINT, 0 when there is no part.
    let counts = over(&SUM.function, vec![Expr::Partial(count)]);
    let total = Expr::call("COALESCE", vec![counts, Expr::number(0)]).cast("SIGNED");
    Ok(Split {
        merged: Merged::plain(total),
        in_process: Some(SimpleColumn::Count(count)),
    })
}
