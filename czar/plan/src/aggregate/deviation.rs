//! Standard deviations and variances: of each part the count, the mean and the variance; at the
//! merge the parts' own squares and those of their means' distances from the mean of all.
//!
//! MariaDB adds row by row (Welford's recurrence). Parts do the same; their sums of squares are
//! added about one centre, the mean of the group, so that nothing is cancelled: the result differs
//! from one server's by rounding (docs/design/query.md#floating-point).

use super::count::COUNT;
use super::definition::{Definition, Places, Split, TakeApart, argument, over};
use super::min_max::MIN;
use super::sum::{SUM, double};
use crate::error::{PlanError, refused};
use crate::query::expr::{Aggregate, Comparison, Expr, Function, Operator};
use crate::query::infer::type_of;
use crate::query::scope::Scope;
use crate::query::value::{Number, Shown, Type};

/// Digits after the point that are shown more than the argument has.
const MORE: u32 = 4;
/// Most digits after the point that are shown.
const MOST: u32 = 30;

/// STD, by its first name.
pub(super) static STD: Definition = definition("STD", |call, scope, places| {
    split(call, scope, places, Over::Rows, root)
});
/// STD, by its second name.
pub(super) static STDDEV: Definition = definition("STDDEV", STD.split);
/// STD, by its standard name.
pub(super) static STDDEV_POP: Definition = definition("STDDEV_POP", STD.split);
/// STDDEV_SAMP.
pub(super) static STDDEV_SAMP: Definition = definition("STDDEV_SAMP", |call, scope, places| {
    split(call, scope, places, Over::Others, root)
});
/// VARIANCE.
pub(super) static VARIANCE: Definition = definition("VARIANCE", |call, scope, places| {
    split(call, scope, places, Over::Rows, std::convert::identity)
});
/// VARIANCE, by its standard name.
pub(super) static VAR_POP: Definition = definition("VAR_POP", VARIANCE.split);
/// VAR_SAMP.
pub(super) static VAR_SAMP: Definition = definition("VAR_SAMP", |call, scope, places| {
    split(call, scope, places, Over::Others, std::convert::identity)
});

/// What the squares are divided by.
#[derive(Clone, Copy)]
enum Over {
    /// The number of rows.
    Rows,
    /// The number of rows less one.
    Others,
}

const fn definition(name: &'static str, split: TakeApart) -> Definition {
    Definition {
        function: Function { name, result },
        distinct_counts: true,
        split,
    }
}

fn root(variance: Expr) -> Expr {
    Expr::call("SQRT", vec![variance])
}

/// A DOUBLE whatever the argument is.
fn result(argument: Type) -> Type {
    Type::number(Number::Double(shown(argument)))
}

fn shown(argument: Type) -> Shown {
    match argument.number.as_double().with_more(MORE) {
        Shown::Cut(digits) => Shown::Cut(digits.min(MOST)),
        other => other,
    }
}

fn split(
    aggregate: &Aggregate,
    scope: &Scope<'_>,
    places: &mut dyn Places,
    divisor: Over,
    of_variance: fn(Expr) -> Expr,
) -> Result<Split, PlanError> {
    let argument = argument(aggregate)?;
    if argument.is_random() {
        // Parts compute it several times.
        let what = format!("{} of random values", aggregate.function.name);
        return Err(refused(what, "select the values"));
    }
    let squares = squares(argument, places);
    let count = over(&SUM.function, vec![Expr::Partial(squares.count)]);
    let divisor = match divisor {
        Over::Rows => count,
        Over::Others => {
            let others = count.arithmetic(Operator::Subtract, Expr::number(1));
            Expr::call("NULLIF", vec![others, Expr::number(0)])
        }
    };
    let variance = squares.sum.arithmetic(Operator::Divide, divisor);
    let value = of_variance(variance);
    Ok(Split {
        merged: double(value, shown(type_of(argument, scope))),
        in_process: None,
    })
}

/// The squares of the distances from the mean, summed.
struct Squares {
    /// Column of the parts' counts.
    count: usize,
    /// Their sum at the merge.
    sum: Expr,
}

fn squares(argument: &Expr, places: &mut dyn Places) -> Squares {
    let number = || {
        let one = Expr::number("1e0");
        vec![argument.clone().arithmetic(Operator::Multiply, one)]
    };
    let variance = || over(&VAR_POP.function, vec![argument.clone()]);
    let counted = over(&COUNT.function, vec![argument.clone()]);
    let average = over(&SUM.function, number()).arithmetic(Operator::Divide, counted.clone());
    // Equal values have just this mean, and no distance from it.
    let is_one_value = Expr::Compare(
        Comparison::Equal,
        Box::new(variance()),
        Box::new(Expr::number(0)),
    );
    let least = over(&MIN.function, number());
    let mean = Expr::call("IF", vec![is_one_value, least, average]);
    let count = places.part(counted);
    let mean = places.part(mean.cast("DOUBLE"));
    let within = places.part(variance().cast("DOUBLE"));
    let distance = Expr::Partial(mean).arithmetic(Operator::Subtract, places.centre(count, mean));
    let between = Expr::call("POW", vec![distance, Expr::number(2)]);
    let of_part = Expr::Partial(within).arithmetic(Operator::Add, between);
    let of_part = Expr::Partial(count).arithmetic(Operator::Multiply, of_part);
    Squares {
        count,
        sum: over(&SUM.function, vec![of_part]),
    }
}
